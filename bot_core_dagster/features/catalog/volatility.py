"""Volatility: standard deviation of the one-bar log returns over 24 and 168 bars.

Belongs here: this indicator. Not here: missing bars, frames and storage (`features.frame`).
"""

import math

import talib

from bot_core_dagster.features.definition import BarRun, Column, feature
from bot_core_dagster.metrics.arrays import FloatArray1D

_WINDOWS = (24, 168)
_UNIT = "log return per bar"


@feature(
    *(
        Column(f"volatility_{window}", f"Sample standard deviation of {window} one-bar log returns", _UNIT, window + 1)
        for window in _WINDOWS
    )
)
def volatility(run: BarRun) -> tuple[FloatArray1D, ...]:
    """Return the standard deviation (ddof 1) of the log returns, not annualised."""
    return tuple(sample_deviation(run.log_ret, window) for window in _WINDOWS)


def sample_deviation(values: FloatArray1D, window: int) -> FloatArray1D:
    """Return the moving standard deviation with ddof 1; TA-Lib divides by the window (ddof 0)."""
    deviation: FloatArray1D = talib.STDDEV(values, window, math.sqrt(window / (window - 1)))
    return deviation
