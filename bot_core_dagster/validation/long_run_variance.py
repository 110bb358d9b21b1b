"""How sure one can be of the mean of a series whose periods depend on each other: Bartlett's kernel.

Belongs here: the long-run variance and its lags. Not here: the tests that use it (`validation.loss_difference`,
`models.coverage`), resampling (`metrics.bootstrap`).
"""

import math

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D


def automatic_lags(series: FloatArray1D) -> int:
    """Return how many autocovariances a Bartlett kernel should take of a series that varies.

    References
    ----------
    Newey, W. K., West, K. D. (1994). Automatic Lag Selection in Covariance Matrix Estimation. Review of Economic
    Studies 61(4).
    """
    n_periods = len(series)
    n_looked_at = min(math.ceil(4.0 * (n_periods / 100.0) ** (2.0 / 9.0)), n_periods - 1)
    covariances = _autocovariances(series, n_looked_at)
    covariances[1:] *= 2.0
    slope, level = float(covariances @ np.arange(n_looked_at + 1)), float(covariances.sum())
    if level == 0.0:
        return n_periods - 1
    return min(math.ceil(1.1447 * math.cbrt((slope / level) ** 2 * n_periods)), n_periods - 1)


def long_run_variance(series: FloatArray1D, n_lags: int) -> float:
    """Return the variance of one period with what it shares with `n_lags` later ones, 0 or above but for rounding.

    Over the number of periods it is the variance of the mean.

    References
    ----------
    Newey, W. K., West, K. D. (1987). A Simple, Positive Semi-Definite, Heteroskedasticity and Autocorrelation
    Consistent Covariance Matrix. Econometrica 55(3).
    """
    weights = 2.0 * (1.0 - np.arange(n_lags + 1) / (n_lags + 1.0))
    weights[0] = 1.0
    return float(weights @ _autocovariances(series, n_lags))


def _autocovariances(series: FloatArray1D, n_lags: int) -> FloatArray1D:
    centred = series - series.mean()
    n_periods = len(series)
    return np.array([centred[lag:] @ centred[: n_periods - lag] for lag in range(n_lags + 1)]) / n_periods
