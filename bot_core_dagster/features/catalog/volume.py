"""Volume against its own average, and on-balance volume over a window.

Belongs here: this indicator. Not here: missing bars, frames and storage (`features.frame`).
"""

import numpy as np
import talib

from bot_core_dagster.features.definition import BarRun, Column, feature, ratio
from bot_core_dagster.metrics.arrays import FloatArray1D

_WINDOW = 20


@feature(
    Column("volume_ratio_20", "Volume over its average of 20 bars, this one included", "1", _WINDOW),
    Column(
        "obv_20", "Volume of up closes minus that of down closes over 20 bars, as a share of it all", "1", _WINDOW + 1
    ),
    reads_volume=True,
)
def volume(run: BarRun) -> tuple[FloatArray1D, ...]:
    """Return the volume ratio and the rolling on-balance volume (Granville 1963); NaN where no volume was traded.

    On-balance volume is a sum from the first bar on; here it is the sum over a window, so that the value does not
    depend on where the history begins.
    """
    average = talib.SMA(run.volume, _WINDOW)
    signed_volume = np.sign(run.log_ret) * run.volume
    return ratio(run.volume, average), ratio(talib.SMA(signed_volume, _WINDOW), average)
