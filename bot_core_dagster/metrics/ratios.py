"""Return per risk: Sharpe, Sortino and omega ratios.

Belongs here: ratios of per-period simple returns of marked-to-market equity, never of trades. Not here: how periods are
cut (`metrics.sampling`), how sure one can be (`metrics.significance`, `metrics.interval`).
"""

import math
from typing import Final

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D, FloatArray2D, require_1d

ROUNDING: Final = 1e-9
"""Share of a mean below which a deviation may be rounding alone: whether there is any is then looked at."""


def sharpe_ratio(returns: FloatArray1D, *, periods_per_year: float) -> float:
    """Return the annualised Sharpe ratio of per-period excess returns.

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)
        Simple excess returns as fractions (0.01 is 1 %).
    periods_per_year : float
        365 for daily crypto, 260 for daily FX.

    Returns
    -------
    float
        Dimensionless; NaN where the returns do not vary, are fewer than two, or hold a NaN.

    Raises
    ------
    ShapeError
        If `returns` is not one-dimensional.

    References
    ----------
    Lo, A. W. (2002). The Statistics of Sharpe Ratios. Financial Analysts Journal 58(4).
    """
    require_1d(returns, "returns")
    if len(returns) < 2 or (returns == returns[0]).all():
        return math.nan
    deviation = float(returns.std(ddof=1))
    return math.sqrt(periods_per_year) * float(returns.mean()) / deviation if deviation > 0.0 else math.nan


def sharpe_ratios(returns: FloatArray2D) -> FloatArray1D:
    """Return the Sharpe ratio per period of each row, as `sharpe_ratio` does one by one, NaN where it does not vary.

    Parameters
    ----------
    returns : ndarray of shape (n_series, n_periods)

    Returns
    -------
    ndarray of shape (n_series,)
    """
    means = returns.mean(axis=1)
    apart = returns - means[:, None]
    deviations = np.sqrt(np.einsum("ij,ij->i", apart, apart) / (returns.shape[1] - 1))
    for row in np.flatnonzero(deviations <= ROUNDING * np.abs(means)):
        if (returns[row] == returns[row, 0]).all():
            deviations[row] = 0.0
    deviations[deviations == 0.0] = np.nan
    ratios: FloatArray1D = means / deviations
    return ratios


def sortino_ratio(returns: FloatArray1D, *, periods_per_year: float, target: float = 0.0) -> float:
    """Return the annualised Sortino ratio: mean over the root of the mean squared shortfall of all periods.

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)
        Simple returns as fractions.
    periods_per_year : float
        365 for daily crypto, 260 for daily FX.
    target : float
        Return per period below which a period falls short.

    Returns
    -------
    float
        Dimensionless; NaN where no period falls short or there is none.

    Raises
    ------
    ShapeError
        If `returns` is not one-dimensional.

    References
    ----------
    Sortino, F. A., Price, L. N. (1994). Performance Measurement in a Downside Risk Framework. Journal of Investing
    3(3).
    """
    require_1d(returns, "returns")
    excess = returns - target
    shortfall = math.sqrt(np.mean(np.minimum(excess, 0.0) ** 2)) if len(returns) else 0.0
    if shortfall == 0.0:
        return math.nan
    return float(periods_per_year * excess.mean() / (math.sqrt(periods_per_year) * shortfall))


def omega_ratio(returns: FloatArray1D, *, target: float = 0.0) -> float:
    """Return the sum of what periods gain above `target` over the sum of what they fall short of it.

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)
        Simple returns as fractions.
    target : float
        Return per period that divides gains from losses.

    Returns
    -------
    float
        Dimensionless, 1 where both are alike; NaN where no period falls short or there is none.

    Raises
    ------
    ShapeError
        If `returns` is not one-dimensional.

    References
    ----------
    Keating, C., Shadwick, W. F. (2002). A Universal Performance Measure. Journal of Performance Measurement 6(3).
    """
    require_1d(returns, "returns")
    excess = returns - target
    shortfall = float(-np.minimum(excess, 0.0).sum())
    return float(np.maximum(excess, 0.0).sum()) / shortfall if shortfall != 0.0 else math.nan
