"""The plain RSI strategy: long from oversold until overbought.

Belongs here: its decisions. Not here: the indicator (`features.catalog.rsi`), fills and costs (`backtest`), the form
with a confirming timeframe (another strategy).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from bot_core_dagster.features.catalog.rsi import wilder_rsi
from bot_core_dagster.features.runs import require_series, unbroken_runs
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.settings import RsiSettings


@dataclass(frozen=True)
class RsiStrategy:
    """Long when the RSI closes at or below `oversold`, flat when it closes at or above `overbought`."""

    window: int = 14
    oversold: float = 30.0
    overbought: float = 70.0

    name = "rsi"

    @classmethod
    def from_settings(cls, settings: RsiSettings) -> "RsiStrategy":
        """Return the strategy with the parameters of its section."""
        return cls(settings.window, settings.oversold, settings.overbought)

    @property
    def parameters(self) -> Mapping[str, float]:
        """The parameters it was made with, for the record."""
        return asdict(self)

    def target_position(self, bars: pd.DataFrame, calendar_name: str) -> FloatArray1D:
        """Return 1 (long) or 0 (flat) as decided at each bar's close.

        Parameters
        ----------
        bars : bar frame
            Of one instrument, ascending.
        calendar_name : str
            The instrument's trading calendar.

        Returns
        -------
        ndarray of shape (n_bars,)
            0 until the first signal. While the RSI is NaN (warming up, at the beginning and after missing bars) there
            is no signal: the last decision stands and no new one is made.

        Raises
        ------
        ShapeError
            If `bars` mixes instruments or does not ascend.
        QualityError
            If a price is not finite and positive.
        """
        require_series(bars)
        index = np.full(len(bars), np.nan)
        for rows, run in unbroken_runs(bars, calendar_name):
            index[rows] = wilder_rsi(run.close, self.window)
        signal = np.where(index <= self.oversold, 1.0, np.where(index >= self.overbought, 0.0, np.nan))
        return _last_signal(signal)


def _last_signal(signal: FloatArray1D) -> FloatArray1D:
    places = np.where(np.isnan(signal), -1, np.arange(len(signal)))
    last = np.maximum.accumulate(places)
    return np.where(last >= 0, signal[last], 0.0)
