"""Bollinger bands: 20 bars, two population standard deviations.

Belongs here: this indicator. Not here: missing bars, frames and storage (`features.frame`).
"""

import talib

from bot_core_dagster.features.definition import BarRun, Column, feature, ratio
from bot_core_dagster.metrics.arrays import FloatArray1D

_WINDOW = 20


@feature(
    Column(
        "bollinger_position", "Where the close stands: 0 at the lower band, 1 at the upper; NaN if flat", "1", _WINDOW
    ),
    Column("bollinger_width", "Upper minus lower band over the middle", "fraction of the middle", _WINDOW),
)
def bollinger(run: BarRun) -> tuple[FloatArray1D, ...]:
    """Return position and width of the bands (Bollinger, J. (2001). Bollinger on Bollinger Bands)."""
    middle = talib.SMA(run.close, _WINDOW)
    width = 4.0 * talib.STDDEV(run.close, _WINDOW)
    return 0.5 + ratio(run.close - middle, width), width / middle
