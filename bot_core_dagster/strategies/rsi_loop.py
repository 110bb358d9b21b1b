"""The relative strength index over long series: four bars a step.

Belongs here: the loop, its readable twin and what compiles it. Not here: what is decided from the index
(`strategies.catalog.rsi`), the feature of the same name, by TA-Lib (`features.catalog.rsi`).

Wilder's means are chains in which each bar waits for the one before: of 525,600 bars TA-Lib takes 1.4 ms, most of it
waiting. Here the bars of a step wait once. With d = 1 - 1/window, mean[t+3] = d^4 mean[t-1] + (d^3 u[t] + d^2 u[t+1] +
d u[t+2] + u[t+3]), and what is in brackets waits for nothing. Where steps begin depends on the first bar alone, so a
value does not change when bars follow. Sums of a block wait for their division until it can divide several at once.
"""

from functools import cache
from typing import Any, Final

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D

_BLOCK_BARS: Final = 128
"""A multiple of the four bars of a step, so that steps begin where they would without blocks."""


def relative_strength_index(close: FloatArray1D, window: int) -> FloatArray1D:
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
        0 to 100. NaN for the first `window` bars, and while the price has not moved at all.

    References
    ----------
    Wilder, J. W. (1978). New Concepts in Technical Trading Systems. Trend Research.
    """
    index = np.empty(len(close))
    index[:window] = np.nan
    if len(close) > window:
        _compiled()(np.ascontiguousarray(close), window, index)
    return index


def index_bar_by_bar(close: FloatArray1D, window: int) -> FloatArray1D:
    """Do the work of `relative_strength_index` as Wilder did: the readable twin."""
    index = np.full(len(close), np.nan)
    change = np.diff(close)
    rise, move = np.maximum(change, 0.0), np.abs(change)
    mean_rise, mean_move = rise[:window].mean(), move[:window].mean()
    for bar in range(window, len(close)):
        if bar > window:
            mean_rise += (rise[bar - 1] - mean_rise) / window
            mean_move += (move[bar - 1] - mean_move) / window
        index[bar] = 100.0 * (mean_rise / mean_move) if mean_move > 0.0 else np.nan
    return index


def index_loop(close: FloatArray1D, window: int, index: FloatArray1D) -> None:
    """Fill `index` from bar `window` on; sums stand for means, since only their ratio counts."""
    d = 1.0 - 1.0 / window
    d2, d3, d4 = d * d, d * d * d, d * d * d * d
    powers = (d, d2, d3)
    rise, move = 0.0, 0.0
    for bar in range(1, window + 1):
        change = close[bar] - close[bar - 1]
        rise += max(change, 0.0)
        move += abs(change)
    index[window] = 100.0 * (rise / move)
    rises, moves = np.empty(_BLOCK_BARS), np.empty(_BLOCK_BARS)
    for first in range(window + 1, len(close), _BLOCK_BARS):
        known, found = close[first - 1 : first + _BLOCK_BARS], index[first : first + _BLOCK_BARS]
        bar = 0
        while bar + 3 < len(found):
            c0, c1, c2, c3 = known[bar + 1], known[bar + 2], known[bar + 3], known[bar + 4]
            x0, x1, x2, x3 = c0 - known[bar], c1 - c0, c2 - c1, c3 - c2
            r0, m0 = max(x0, 0.0), abs(x0)
            r1, m1 = d * r0 + max(x1, 0.0), d * m0 + abs(x1)
            r2, m2 = d * r1 + max(x2, 0.0), d * m1 + abs(x2)
            r3, m3 = d * r2 + max(x3, 0.0), d * m2 + abs(x3)
            rises[bar], moves[bar] = d * rise + r0, d * move + m0
            rises[bar + 1], moves[bar + 1] = d2 * rise + r1, d2 * move + m1
            rises[bar + 2], moves[bar + 2] = d3 * rise + r2, d3 * move + m2
            rise, move = d4 * rise + r3, d4 * move + m3
            rises[bar + 3], moves[bar + 3] = rise, move
            bar += 4
        r0, m0 = 0.0, 0.0
        for place in range(len(found) - bar):
            change = known[bar + place + 1] - known[bar + place]
            r0, m0 = d * r0 + max(change, 0.0), d * m0 + abs(change)
            rises[bar + place], moves[bar + place] = powers[place] * rise + r0, powers[place] * move + m0
        for place in range(len(found)):
            found[place] = 100.0 * (rises[place] / moves[place])


@cache
def _compiled() -> Any:
    from numba import njit

    return njit(cache=True, error_model="numpy")(index_loop)
