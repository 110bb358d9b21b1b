"""How long the blocks of a stationary bootstrap should be for a series.

Belongs here: the automatic choice of Politis, White and Patton. Not here: the resampling (`metrics.bootstrap`).
"""

import math
from typing import Final

import numpy as np

from bot_core_dagster.metrics.arrays import BoolArray2D, FloatArray1D, FloatArray2D, IntArray1D, require_1d

MIN_INSIGNIFICANT: Final = 5
"""So many autocorrelations in a row must be insignificant before the rest counts as noise."""
MIN_PERIODS: Final = 9
"""Fewer have not the lags that are looked at."""


def optimal_block_length(series: FloatArray1D) -> float:
    """Return the expected block length that makes the stationary bootstrap's variance of the mean most accurate.

    Parameters
    ----------
    series : ndarray of shape (n_periods,)

    Returns
    -------
    float
        In periods, below 1 for what hardly follows itself (blocks are never shorter than 1 in use), at most
        min(3 √n, n / 3) rounded up; NaN where the series does not vary or holds a NaN.

    Raises
    ------
    ShapeError
        If `series` is not one-dimensional or holds fewer than 9 values.

    References
    ----------
    Politis, D. N., White, H. (2004). Automatic Block-Length Selection for the Dependent Bootstrap. Econometric Reviews
    23(1). Patton, A., Politis, D. N., White, H. (2009). Correction. Econometric Reviews 28(4).
    """
    require_1d(series, "series", at_least=MIN_PERIODS)
    return float(optimal_block_lengths(series[:, None])[0])


def optimal_block_lengths(series: FloatArray2D) -> FloatArray1D:
    """Return the `optimal_block_length` of each column.

    Parameters
    ----------
    series : ndarray of shape (n_periods, n_series)
        Of 9 or more periods.

    Returns
    -------
    ndarray of shape (n_series,)
    """
    n_periods = len(series)
    n_needed = max(MIN_INSIGNIFICANT, int(math.log10(n_periods)))
    max_lag = math.ceil(math.sqrt(n_periods)) + n_needed
    covariances, correlations = _autocorrelations(series - series.mean(axis=0), max_lag)
    is_noise = correlations < 2.0 * math.sqrt(math.log10(n_periods) / n_periods)
    window = _windows(is_noise, n_needed, max_lag)
    lags = np.arange(1.0, max_lag + 1)[:, None]
    weighted = 2.0 * np.clip(2.0 * (1.0 - lags / window), 0.0, 1.0) * covariances[1:]
    long_run_variances = covariances[0] + weighted.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        lengths = np.cbrt(((lags * weighted).sum(axis=0) / long_run_variances) ** 2 * n_periods)
    lengths[(series == series[:1]).all(axis=0)] = np.nan
    limited: FloatArray1D = np.minimum(lengths, math.ceil(min(3.0 * math.sqrt(n_periods), n_periods / 3.0)))
    return limited


def _autocorrelations(centred: FloatArray2D, max_lag: int) -> tuple[FloatArray2D, FloatArray2D]:
    """Return autocovariances over n, and absolute correlations of the overlapping parts, at lags 0..max_lag.

    The overlapping parts leave out one value more at each end than the lag does: so the procedure is programmed
    by its authors and by the arch library, and agreeing with them outweighs the asymptotically equal textbook form.
    """
    n_periods, lags = len(centred), np.arange(max_lag + 1)
    products = np.array([np.einsum("ij,ij->j", centred[lag:], centred[: n_periods - lag]) for lag in lags])
    squares = np.concatenate([np.zeros((1, centred.shape[1])), np.cumsum(centred**2, axis=0)])
    late, early = squares[-1] - squares[lags + 1], squares[n_periods - lags - 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return products / n_periods, np.abs(products) / np.sqrt(late * early)


def _windows(is_noise: BoolArray2D, n_needed: int, max_lag: int) -> IntArray1D:
    """Return twice the lag after which `n_needed` correlations in a row are noise, for each column."""
    runs = np.array([is_noise[lag - n_needed : lag].all(axis=0) for lag in range(n_needed, max_lag + 1)])
    after = np.where(runs.any(axis=0), np.maximum(runs.argmax(axis=0), 1), max_lag)
    windows: IntArray1D = np.minimum(2 * after, max_lag)
    return windows
