"""Relative strength index: how one-sided the recent moves were.

Belongs here: this indicator. Not here: missing bars, frames and storage (`features.frame`).
"""

import numpy as np
import talib

from bot_core_dagster.features.definition import BarRun, Column, feature
from bot_core_dagster.metrics.arrays import FloatArray1D

_WINDOW = 14


@feature(Column(f"rsi_{_WINDOW}", f"Wilder's relative strength index of {_WINDOW} bars, 0 to 100", "index points", 15))
def rsi(run: BarRun) -> tuple[FloatArray1D, ...]:
    """Return the RSI of the closes."""
    return (wilder_rsi(run.close, _WINDOW),)


def wilder_rsi(close: FloatArray1D, window: int) -> FloatArray1D:
    """Return Wilder's relative strength index.

    Parameters
    ----------
    close : ndarray of shape (n_bars,)
        Consecutive closes, finite.
    window : int
        Wilder's smoothing length, two or more.

    Returns
    -------
    ndarray of shape (n_bars,)
        0 to 100. NaN for the first `window` bars, and while the price has not moved at all: TA-Lib gives 0 there, which
        reads as oversold.

    References
    ----------
    Wilder, J. W. (1978). New Concepts in Technical Trading Systems. Trend Research.
    """
    index: FloatArray1D = talib.RSI(close, window)
    at_zero = np.flatnonzero(index == 0.0)
    if len(at_zero):
        has_not_risen_nor_fallen = np.abs(np.diff(close, prepend=close[0])).cumsum()[at_zero] == 0.0
        index[at_zero[has_not_risen_nor_fallen]] = np.nan
    return index
