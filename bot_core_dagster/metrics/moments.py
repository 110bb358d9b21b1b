"""The shape of returns: how widely, how lopsidedly and with how heavy tails they are spread.

Belongs here: central moments of per-period simple returns. Not here: the tail alone (`metrics.tail`), ratios
(`metrics.ratios`). Skewness and kurtosis are moments over n, as the probabilistic Sharpe ratio takes them.
"""

import math

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D, require_1d


def volatility(returns: FloatArray1D, *, periods_per_year: float) -> float:
    """Return the annualised standard deviation of per-period returns: √P · std(r, ddof=1).

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)
        Simple returns as fractions.
    periods_per_year : float
        365 for daily crypto, 260 for daily FX.

    Returns
    -------
    float
        A fraction per square root of a year; 0 where the returns do not vary, NaN where they are fewer than two or hold
        a NaN.

    Raises
    ------
    ShapeError
        If `returns` is not one-dimensional.
    """
    require_1d(returns, "returns")
    if len(returns) < 2:
        return math.nan
    return math.sqrt(periods_per_year) * float(returns.std(ddof=1))


def skewness(returns: FloatArray1D) -> float:
    """Return the third standardised moment: 0 where both sides are alike, below 0 where losses are the larger ones.

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)

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
    Joanes, D. N., Gill, C. A. (1998). Comparing Measures of Sample Skewness and Kurtosis. The Statistician 47(1): g1.
    """
    return _standardised_moment(returns, 3)


def kurtosis(returns: FloatArray1D) -> float:
    """Return the fourth standardised moment, not the excess over the normal distribution's: a normal one has 3.

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)

    Returns
    -------
    float
        Dimensionless, 1 or more; NaN where the returns do not vary, are fewer than two, or hold a NaN.

    Raises
    ------
    ShapeError
        If `returns` is not one-dimensional.

    References
    ----------
    Joanes and Gill (1998): g2 + 3.
    """
    return _standardised_moment(returns, 4)


def _standardised_moment(returns: FloatArray1D, order: int) -> float:
    require_1d(returns, "returns")
    if len(returns) < 2 or (returns == returns[0]).all():
        return math.nan
    deviation = float(returns.std())
    return float(np.mean(((returns - returns.mean()) / deviation) ** order)) if deviation > 0.0 else math.nan
