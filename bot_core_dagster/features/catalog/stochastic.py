"""Stochastic oscillator: where the close stands in the range of the last bars.

Belongs here: this indicator. Not here: missing bars, frames and storage (`features.frame`).
"""

import numpy as np
import talib

from bot_core_dagster.features.definition import BarRun, Column, feature
from bot_core_dagster.metrics.arrays import FloatArray1D

_WINDOW = 14
_SMOOTHING = 3


@feature(
    Column("stochastic_k", "Close in the range of 14 bars, average of 3; NaN near a flat range", "index points", 18),
    Column("stochastic_d", "Average of 3 values of stochastic_k", "index points", 18),
)
def stochastic(run: BarRun) -> tuple[FloatArray1D, ...]:
    """Return the slow %K and %D (Lane 1984); TA-Lib gives 0 for a flat range, which reads as oversold: NaN here."""
    k, d = talib.STOCH(run.high, run.low, run.close, _WINDOW, _SMOOTHING, 0, _SMOOTHING, 0)
    if np.count_nonzero(run.high == run.low) >= _WINDOW:
        has_no_range = talib.MAX(run.high, _WINDOW) == talib.MIN(run.low, _WINDOW)
        reads_it = talib.MAX(has_no_range.astype(np.float64), 2 * _SMOOTHING - 1) > 0.0
        k[reads_it] = np.nan
        d[reads_it] = np.nan
    return k, d
