"""Histograms: bins of one width that begin at zero, so that none holds gains and losses.

Belongs here: how wide the bins are, and what is in them. Not here: drawing (`reports.chart`, each result's pictures).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D, IntArray1D

MAX_BINS: Final = 50
_MIN_BINS: Final = 4


@dataclass(frozen=True, eq=False)
class Histogram:
    """Bins of one width.

    edges : ndarray of shape (n_bins + 1,), multiples of `width`
    counts : ndarray of shape (n_bins,)
    """

    width: float
    edges: FloatArray1D
    counts: IntArray1D

    @property
    def middles(self) -> FloatArray1D:
        """The middle of each bin, shape (n_bins,)."""
        return (self.edges[:-1] + self.edges[1:]) / 2


def histogram_of(values: FloatArray1D) -> Histogram:
    """Return the histogram of finite values, with bins as wide as Freedman and Diaconis say, 4 to about 50 of them.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        None gives no bin.

    References
    ----------
    Freedman, D., Diaconis, P. (1981). On the Histogram as a Density Estimator. Z. Wahrscheinlichkeitstheorie 57.
    """
    if len(values) == 0:
        return Histogram(1.0, np.zeros(1), np.zeros(0, dtype=np.int64))
    low, high = np.quantile(values, [0.25, 0.75])
    span = float(values.max() - values.min())
    fitting = 2.0 * float(high - low) / len(values) ** (1 / 3)
    width = min(max(fitting, span / MAX_BINS), max(span, float(np.abs(values).max())) / _MIN_BINS) or 1.0
    first, last = math.floor(values.min() / width), math.floor(values.max() / width)
    edges = width * np.arange(first, last + 2)
    counts, _ = np.histogram(values, edges)
    return Histogram(width, edges, counts)
