"""Coverage: how often what came lay inside the interval, and how sure that is where horizons overlap.

Belongs here: the share and its test. Not here: the intervals (`models.intervals`), the share of a forecast's
direction (`models.evaluation`).

Whether neighbouring rows lie inside is nearly the same question where a day is forecast every hour: at 24 bars the true
standard error of a random walk's coverage is 3.4 times that of independent rows.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.validation.long_run_variance import automatic_lags, long_run_variance

NOMINAL: Final = 0.9
"""The outer quantiles leave out one twentieth on each side."""
_MIN_ROWS: Final = 10


@dataclass(frozen=True)
class Coverage:
    """How often the intervals of one horizon held.

    share : of n_rows; NaN without rows
    standard_error : of it, by Bartlett's kernel; naive_error: as if rows were independent
    z, p_value : of the difference from `nominal`, two-sided; NaN where the standard error is 0 or unknown
    """

    horizon: int
    n_rows: int
    share: float
    nominal: float
    standard_error: float
    naive_error: float
    z: float
    p_value: float


def coverage_of(is_inside: FloatArray1D, horizon: int, *, nominal: float = NOMINAL) -> Coverage:
    """Return the coverage and its test.

    Parameters
    ----------
    is_inside : ndarray of shape (n_rows,)
        1 inside, 0 outside, NaN not known yet; in order of time.
    horizon : int
        Bars ahead. The kernel takes 2 · (horizon - 1) lags at least: its weights fall, and with as many lags as
        overlap it would see two thirds of the variance.
    nominal : float
        What the intervals promise.
    """
    inside = is_inside[np.isfinite(is_inside)]
    n_rows = len(inside)
    share = float(inside.mean()) if n_rows else math.nan
    error, naive = _errors(inside, horizon)
    z = (share - nominal) / error if error > 0.0 else math.nan
    p_value = 2.0 * NormalDist().cdf(-abs(z)) if math.isfinite(z) else math.nan
    return Coverage(horizon, n_rows, share, nominal, error, naive, z, p_value)


def _errors(inside: FloatArray1D, horizon: int) -> tuple[float, float]:
    n_rows = len(inside)
    if n_rows < _MIN_ROWS or (inside == inside[0]).all():
        return math.nan, math.nan
    n_lags = min(max(automatic_lags(inside), 2 * (horizon - 1)), n_rows - 1)
    error = math.sqrt(max(long_run_variance(inside, n_lags), 0.0) / n_rows)
    return error, float(inside.std()) / math.sqrt(n_rows)
