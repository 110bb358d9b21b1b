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
    """Return the slow %K and %D of 14 and 3 bars."""
    return slow_stochastic(run, _WINDOW, _SMOOTHING)


def slow_stochastic(run: BarRun, window: int, smoothing: int) -> tuple[FloatArray1D, FloatArray1D]:
    """Return the slow stochastic oscillator.

    Parameters
    ----------
    run : BarRun
    window : int
        Bars of the range.
    smoothing : int
        Bars, two or more, of the average that makes the slow %K of the raw one, and of that which makes %D of it.

    Returns
    -------
    k, d : ndarrays of shape (n_bars,)
        0 to 100. NaN for the first `window` + 2 * `smoothing` - 3 bars, and where a range that they read is flat:
        TA-Lib gives 0 there, which reads as oversold.

    References
    ----------
    Lane, G. C. (1984). Lane's Stochastics. Technical Analysis of Stocks and Commodities 2(3).
    """
    k, d = talib.STOCH(run.high, run.low, run.close, window, smoothing, 0, smoothing, 0)
    if np.count_nonzero(run.high == run.low) >= window:
        has_no_range = talib.MAX(run.high, window) == talib.MIN(run.low, window)
        reads_it = talib.MAX(has_no_range.astype(np.float64), 2 * smoothing - 1) > 0.0
        k[reads_it] = np.nan
        d[reads_it] = np.nan
    return k, d
