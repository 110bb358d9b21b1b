"""Thinning: fewer points than bars, and no extreme lost.

Belongs here: which bars of long curves are drawn. Not here: how they are drawn (`reports.canvas`, `reports.chart`).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D, IntArray1D

N_BUCKETS: Final = 700
"""A page is about as many pixels wide."""


def kept_bars(curves: Sequence[FloatArray1D], n_buckets: int = N_BUCKETS) -> IntArray1D:
    """Return which bars to draw: in each bucket of bars the first one and the lowest and highest of each curve.

    So no extreme of any curve is lost, and all are drawn at the same bars.

    Parameters
    ----------
    curves : sequence of ndarray of shape (n_bars,)
        Finite.
    n_buckets : int
        Stretches of equally many bars; the last may be shorter.

    Returns
    -------
    ndarray of shape (n_kept,)
        Places, ascending; all of them where there are no more than would be kept anyway. The last bar is among them.
    """
    n_bars = len(curves[0])
    if n_bars <= n_buckets * (1 + 2 * len(curves)):
        return np.arange(n_bars)
    size = -(-n_bars // n_buckets)
    starts = np.arange(0, n_bars, size)
    n_whole = n_bars // size
    kept = [starts, np.array([n_bars - 1])]
    for curve in curves:
        whole, rest = curve[: n_whole * size].reshape(n_whole, size), curve[n_whole * size :]
        for extreme in (np.argmin, np.argmax):
            kept.append(starts[:n_whole] + extreme(whole, axis=1))
            kept += [n_whole * size + extreme(rest, keepdims=True)] if len(rest) else []
    return np.unique(np.concatenate(kept))
