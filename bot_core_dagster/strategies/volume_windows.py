"""Volume over trailing windows: its sum, and the price around which most of it was traded.

Belongs here: the two loops and what compiles them. Not here: what is decided from them (`strategies.catalog.volume`),
volume features (`features.catalog.volume`).

Each window is summed afresh: a running sum keeps a residue of what left it, and no volume would not be zero.

A loop over a few bars, as the newest opinion needs them, runs as it stands: numba takes over half a second to load.
"""

from functools import cache
from typing import Any, Final

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D

WORTH_COMPILING: Final = 20_000
"""Steps of a loop, bars times window, that take about 10 ms as they stand."""


def window_sum(values: FloatArray1D, window: int) -> FloatArray1D:
    """Return the sum of the last `window` values, shape (n_bars,), NaN until there are so many."""
    loop = _fit_for(window_sum_loop, len(values) * window)
    summed: FloatArray1D = loop(np.ascontiguousarray(values), window)
    return summed


def point_of_control(price: FloatArray1D, volume: FloatArray1D, window: int, n_bins: int) -> FloatArray1D:
    """Return the middle of the price bin in which most of the last bars' volume was traded.

    Parameters
    ----------
    price, volume : ndarrays of shape (n_bars,)
        Consecutive bars: the price that a bar's volume is counted at, and that volume, both finite.
    window : int
        Bars of the profile, this one included.
    n_bins : int
        Bins of equal width from the lowest price of the window to the highest, which belongs to the last bin.

    Returns
    -------
    ndarray of shape (n_bars,)
        The lowest of several bins that are equally full; the price itself where it did not move. NaN until there are
        `window` bars, and where no volume was traded.

    References
    ----------
    Steidlmayer, J. P. (1986). Markets and Market Logic.
    """
    loop = _fit_for(point_of_control_loop, len(price) * window)
    poc: FloatArray1D = loop(np.ascontiguousarray(price), np.ascontiguousarray(volume), window, n_bins)
    return poc


def window_sum_loop(values: FloatArray1D, window: int) -> FloatArray1D:
    """Do the work of `window_sum`: the readable twin that numba compiles."""
    summed = np.full(len(values), np.nan)
    for last in range(window - 1, len(values)):
        total = 0.0
        for place in range(last - window + 1, last + 1):
            total += values[place]
        summed[last] = total
    return summed


def point_of_control_loop(price: FloatArray1D, volume: FloatArray1D, window: int, n_bins: int) -> FloatArray1D:
    """Do the work of `point_of_control`: the readable twin that numba compiles."""
    poc = np.full(len(price), np.nan)
    traded = np.empty(n_bins)
    for last in range(window - 1, len(price)):
        first = last - window + 1
        lowest = price[first : last + 1].min()
        width = (price[first : last + 1].max() - lowest) / n_bins
        traded[:] = 0.0
        for place in range(first, last + 1):
            chosen = min(int((price[place] - lowest) / width), n_bins - 1) if width > 0.0 else 0
            traded[chosen] += volume[place]
        fullest = np.argmax(traded)
        if traded[fullest] > 0.0:
            poc[last] = lowest + (fullest + 0.5) * width
    return poc


def _fit_for(loop: Any, n_steps: int) -> Any:
    return _compiled(loop) if n_steps >= WORTH_COMPILING else loop


@cache
def _compiled(loop: Any) -> Any:
    from numba import njit

    return njit(cache=True)(loop)
