"""Z-score of the close: how many standard deviations from its own average.

Belongs here: this indicator. Not here: missing bars, frames and storage (`features.frame`).
"""

import talib

from bot_core_dagster.features.catalog.volatility import sample_deviation
from bot_core_dagster.features.definition import BarRun, Column, feature, ratio
from bot_core_dagster.metrics.arrays import FloatArray1D

_WINDOWS = (50, 100)
"""Not 20: that would be bollinger_position again, scaled and shifted."""


@feature(
    *(
        Column(f"zscore_{window}", f"Close minus its average of {window} bars over their deviation", "1", window)
        for window in _WINDOWS
    )
)
def zscore(run: BarRun) -> tuple[FloatArray1D, ...]:
    """Return the z-scores (sample deviation); NaN where the price did not move in the window."""
    return tuple(_zscore(run.close, window) for window in _WINDOWS)


def _zscore(close: FloatArray1D, window: int) -> FloatArray1D:
    return ratio(close - talib.SMA(close, window), sample_deviation(close, window))
