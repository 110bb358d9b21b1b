"""A fan: a forecast's paths beside the closes that it was made from, bar by bar.

Belongs here: which closes, and where each bar stands on an axis that counts bars. Not here: drawing
(`reports.models.forecast_picture`), forecasts (`models`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.reports.canvas import moments

N_CLOSES: Final = 72
"""Three days of hours before a day of forecasts."""

FORECAST_COLUMNS: Final = (
    "close_time",
    "horizon",
    "predicted_price",
    "lower",
    "upper",
    "probability_up",
    "trend_direction",
    "model_type",
    "model_version",
)
_N_TICKS: Final = 8
_DAYS_WITH_HOURS: Final = 12


@dataclass(frozen=True, eq=False)
class Fan:
    """Closes and the forecast made at the last of them, both by `place`: bars from the last known one, which is 0.

    closes : DataFrame of place (0 or less), close_time, close: the last ones known
    came : DataFrame of the same columns, place 1 or more: closes of forecast bars that are there by now
    forecasts : DataFrame of `FORECAST_COLUMNS` and place, by horizon
    """

    closes: pd.DataFrame
    came: pd.DataFrame
    forecasts: pd.DataFrame

    @property
    def known_until(self) -> pd.Timestamp:
        """Close of the last bar before the forecast, UTC."""
        return pd.Timestamp(self.closes["close_time"].iloc[-1])

    @property
    def last_close(self) -> float:
        """The price at `known_until`."""
        return float(self.closes["close"].iloc[-1])

    @property
    def n_bars(self) -> int:
        """Closes that were known, and horizons."""
        return len(self.closes) + len(self.forecasts)

    @property
    def _times(self) -> pd.DataFrame:
        return pd.concat([self.closes[["place", "close_time"]], self.forecasts[["place", "close_time"]]])

    def ticks(self) -> tuple[IntArray1D, list[str]]:
        """Return a few places with their times in UTC, to the hour where the fan is short; 0 is one of them."""
        times = self._times
        step = max(round(len(times) / _N_TICKS), 1)
        shown = times[times["place"] % step == 0]
        with_hours = (shown["close_time"].iloc[-1] - shown["close_time"].iloc[0]).days < _DAYS_WITH_HOURS
        words = [f"{time:%b %d, %H:%M}" if with_hours else f"{time:%Y-%m-%d}" for time in shown["close_time"]]
        return shown["place"].to_numpy(dtype=np.int64), words

    def closed_before(self) -> IntArray1D:
        """Return the places before which the market was closed, or bars are missing."""
        times = self._times
        lengths = np.diff(moments(times["close_time"]))
        is_long = lengths > 1.5 * np.median(lengths) if len(lengths) else np.zeros(0, dtype=np.bool_)
        return times["place"].to_numpy(dtype=np.int64)[1:][is_long]


def fan_of(bars: pd.DataFrame, forecasts: pd.DataFrame) -> Fan:
    """Return the fan of a forecast.

    Parameters
    ----------
    bars : bar frame
        Ascending, up to when the forecast was made or later: the closes after it are what came.
    forecasts : DataFrame of `FORECAST_COLUMNS`
        Made at one moment, a row each horizon; `close_time` is that of the bar that is forecast.

    Raises
    ------
    ShapeError
        If a column is missing, there is no forecast, two are of one horizon, or no bar comes before them.
    """
    missing = [name for name in FORECAST_COLUMNS if name not in forecasts.columns]
    if missing:
        raise ShapeError(f"the forecasts lack {', '.join(missing)}; next: give rows of the table forecasts")
    ordered = forecasts.sort_values("horizon", ignore_index=True)
    if ordered.empty or ordered["horizon"].duplicated().any() or not ordered["close_time"].is_monotonic_increasing:
        raise ShapeError(
            f"expected one forecast of each horizon, in order of time, got {len(ordered)} rows of "
            f"{ordered['horizon'].nunique()} horizons; next: give those made at one moment"
        )
    known = bars[bars["close_time"] < ordered["close_time"].iloc[0]]
    if known.empty:
        raise ShapeError("expected bars before the first forecast, got none; next: give the bars it was made from")
    closes = known[["close_time", "close"]].tail(N_CLOSES).reset_index(drop=True)
    placed = ordered.assign(place=ordered["horizon"].astype(np.int64))
    came = placed[["place", "close_time"]].merge(bars[["close_time", "close"]], on="close_time")
    return Fan(closes.assign(place=np.arange(len(closes)) - (len(closes) - 1)), came, placed)
