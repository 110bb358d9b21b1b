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
    middle, deviation = middle_and_deviation(run.close, _WINDOW)
    width = 4.0 * deviation
    return 0.5 + ratio(run.close - middle, width), width / middle


def middle_and_deviation(close: FloatArray1D, window: int) -> tuple[FloatArray1D, FloatArray1D]:
    """Return the moving average and population standard deviation (ddof 0) of closes, in the price's unit.

    Computed on the closes relative to the first one: TA-Lib takes every variance under 1e-14 for zero, which is most of
    them where a coin costs 0.00001.

    Parameters
    ----------
    close : ndarray of shape (n_bars,)
        Consecutive closes, finite and positive; at least one.
    window : int
        Bars, two or more.

    Returns
    -------
    middle, deviation : ndarrays of shape (n_bars,)
        NaN for the first `window` - 1 bars; a deviation of 0 where the price did not move.
    """
    relative = close / close[0] - 1.0
    return close[0] * (1.0 + talib.SMA(relative, window)), close[0] * talib.STDDEV(relative, window)
