"""Reliability: how often what was forecast happened, bin by bin.

Belongs here: the curve, its intervals and its mean error. Not here: making forecasts reliable (`models.calibration`),
the picture (`reports.models`).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D, IntArray1D

N_BINS: Final = 10


@dataclass(frozen=True)
class Reliability:
    """How often what was forecast happened, bin by bin of the forecast; each tuple of shape (n_bins,).

    forecast, observed : mean probability and share that went up
    n_rows : in the bin
    low, high : Wilson's 95 % interval of `observed`
    """

    forecast: tuple[float, ...]
    observed: tuple[float, ...]
    n_rows: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def expected_error(self) -> float:
        """Mean distance of what was observed from what was forecast, weighted by rows; NaN without rows.

        Never 0 by chance alone: of bins with m rows each, a perfect forecast of one half shows about 0.4 / √m.
        """
        if not self.n_rows:
            return math.nan
        weights = np.asarray(self.n_rows) / sum(self.n_rows)
        return float(weights @ np.abs(np.asarray(self.observed) - np.asarray(self.forecast)))


def reliability_curve(up: FloatArray1D, outcome: FloatArray1D, n_bins: int = N_BINS) -> Reliability:
    """Return the reliability of forecasts in bins of equally many rows.

    Parameters
    ----------
    up, outcome : ndarray of shape (n_rows,)
        Probabilities, and 1, 0 or NaN: those rows are left out.
    n_bins : int
        At most; equal probabilities share a bin.

    References
    ----------
    Wilson, E. B. (1927). Probable Inference, the Law of Succession, and Statistical Inference. JASA 22(158).
    """
    is_known = np.isfinite(up) & np.isfinite(outcome)
    up, outcome = up[is_known], outcome[is_known]
    if len(up) == 0:
        return Reliability((), (), (), (), ())
    edges = np.unique(np.quantile(up, np.linspace(0.0, 1.0, n_bins + 1)[1:-1]))
    _, place, n_rows = np.unique(np.searchsorted(edges, up, side="left"), return_inverse=True, return_counts=True)
    forecast, observed = (np.bincount(place, weights=each) / n_rows for each in (up, outcome))
    low, high = _wilson(observed, n_rows)
    rows = (forecast, observed, n_rows, low, high)
    return Reliability(*(tuple(each.tolist()) for each in rows))


def _wilson(share: FloatArray1D, n_rows: IntArray1D) -> tuple[FloatArray1D, FloatArray1D]:
    z = NormalDist().inv_cdf(0.975)
    middle = (share + z * z / (2.0 * n_rows)) / (1.0 + z * z / n_rows)
    half = z * np.sqrt(share * (1.0 - share) / n_rows + z * z / (4.0 * n_rows**2)) / (1.0 + z * z / n_rows)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
