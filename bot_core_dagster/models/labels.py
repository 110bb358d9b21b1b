"""Labels: what the next bars did. The only module of the project that looks forward.

Belongs here: future returns, their scale, and the direction learned. Not here: what is known at a bar's close
(`features`), which rows may learn from which labels (`models.slices`).

A fixed threshold of half a percent is passed by 27 % of the hours of BTC and 0.5 % of those of EURUSD, so a move counts
against the instrument's own trailing volatility.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.features.runs import starts_a_run
from bot_core_dagster.metrics.arrays import FloatArray1D, FloatArray2D, IntArray1D

HORIZONS: Final = 24
"""Bars ahead that are forecast: 1 to 24, a day of hours."""

VOLATILITY: Final = "volatility_24"
"""The feature that scales returns: known at the bar's close."""

MOVE_DEVIATIONS: Final = 0.5
"""A return of fewer deviations is neither up nor down."""


@dataclass(frozen=True, eq=False)
class Labels:
    """What came after each bar; arrays of shape (n_bars, HORIZONS), column h - 1 is h bars ahead.

    log_ret : log return from the bar's close to that h bars later; NaN where a bar is missing between them, or not yet
        there
    deviation : (n_bars,), trailing standard deviation of the one-bar log returns, NaN while it warms up, never 0
    direction : 1 up, 0 down; NaN where the return is within MOVE_DEVIATIONS of nothing, or unknown
    start, end : DatetimeIndex of shape (n_bars,), UTC: the interval that all of the row's labels lie in, from the bar's
        close to the close of the last bar that they read (the farthest that is there)
    """

    log_ret: FloatArray2D
    deviation: FloatArray1D
    direction: FloatArray2D
    start: pd.DatetimeIndex
    end: pd.DatetimeIndex

    @property
    def scaled(self) -> FloatArray2D:
        """Returns over the deviation expected of h bars: log_ret / (deviation · √h)."""
        return self.log_ret / spread_of(self.deviation)

    def scaled_at(self, rows: IntArray1D) -> FloatArray2D:
        """Return `scaled[rows]`, shape (len(rows), HORIZONS), without that of all the others."""
        of_rows: FloatArray2D = self.log_ret[rows] / spread_of(self.deviation[rows])
        return of_rows

    @property
    def sign(self) -> FloatArray2D:
        """1 where the price rose, 0 where it fell, NaN where it did not move or is unknown."""
        return _as_float(self.log_ret > 0.0, np.isfinite(self.log_ret) & (self.log_ret != 0.0))


def spread_of(deviation: FloatArray1D) -> FloatArray2D:
    """Return the standard deviation of the return of 1 to HORIZONS bars, shape (n_rows, HORIZONS), from that of one."""
    spread: FloatArray2D = deviation[:, None] * np.sqrt(np.arange(1, HORIZONS + 1))
    return spread


def labels_of(bars: pd.DataFrame, features: pd.DataFrame, calendar_name: str) -> Labels:
    """Return the labels of each bar.

    Parameters
    ----------
    bars : bar frame
        Of one instrument, ascending.
    features : features frame
        Of the same bars, row by row.
    calendar_name : str
        Says which bars are missing: no label spans one.

    Raises
    ------
    ShapeError
        If bars and features are not of the same rows.
    """
    if len(bars) != len(features) or not bars["open_time"].reset_index(drop=True).equals(
        features["open_time"].reset_index(drop=True)
    ):
        raise ShapeError(
            f"expected features of the same {len(bars)} bars, got {len(features)} rows; next: materialise features"
        )
    log_close = np.log(bars["close"].to_numpy(dtype=np.float64))
    run = np.cumsum(starts_a_run(bars, calendar_name))
    by_horizon = np.full((HORIZONS, len(bars)), np.nan)
    for horizon in range(1, min(HORIZONS, len(bars) - 1) + 1):
        ahead = log_close[horizon:] - log_close[:-horizon]
        by_horizon[horizon - 1, :-horizon] = np.where(run[horizon:] == run[:-horizon], ahead, np.nan)
    log_ret = np.ascontiguousarray(by_horizon.T)
    deviation = features[VOLATILITY].to_numpy(dtype=np.float64)
    deviation = np.where(deviation > 0.0, deviation, np.nan)
    close_time = pd.DatetimeIndex(bars["close_time"])
    farthest = np.arange(len(bars)) + np.isfinite(log_ret).sum(axis=1)
    scaled = log_ret / spread_of(deviation)
    return Labels(
        log_ret=log_ret,
        deviation=deviation,
        direction=_as_float(scaled > 0.0, np.abs(scaled) > MOVE_DEVIATIONS),
        start=close_time,
        end=close_time[farthest],
    )


def _as_float(is_up: NDArray[np.bool_], is_known: NDArray[np.bool_]) -> FloatArray2D:
    return np.where(is_known, is_up.astype(np.float64), np.nan)
