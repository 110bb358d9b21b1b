"""Against buy and hold: how much of the returns is the market's, and what is left.

Belongs here: the regression of returns on a benchmark's. Not here: whether the difference is luck (`validation`).
"""

import math

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D, require_1d


def beta(returns: FloatArray1D, benchmark_returns: FloatArray1D) -> float:
    """Return the slope of the returns on the benchmark's: cov(r, b) / var(b).

    Parameters
    ----------
    returns, benchmark_returns : ndarray of shape (n_periods,)
        Simple excess returns of the same periods.

    Returns
    -------
    float
        Dimensionless; NaN where the benchmark does not vary, there are fewer than two periods, or one is NaN.

    Raises
    ------
    ShapeError
        If the arrays are not one-dimensional and of one length.

    References
    ----------
    Sharpe, W. F. (1964). Capital Asset Prices. Journal of Finance 19(3).
    """
    require_1d(returns, "returns")
    require_1d(benchmark_returns, "benchmark_returns")
    if len(returns) != len(benchmark_returns):
        raise ShapeError(
            f"expected a benchmark return for each of {len(returns)} returns, got {len(benchmark_returns)}; "
            "next: sample both at the same day ends"
        )
    if len(returns) < 2 or (benchmark_returns == benchmark_returns[0]).all():
        return math.nan
    centred = benchmark_returns - benchmark_returns.mean()
    variation = float(centred @ centred)
    return float(centred @ (returns - returns.mean())) / variation if variation > 0.0 else math.nan


def alpha(returns: FloatArray1D, benchmark_returns: FloatArray1D, *, periods_per_year: float) -> float:
    """Return what the benchmark does not explain, a year: P · (mean(r) − β · mean(b)).

    Parameters
    ----------
    returns, benchmark_returns : ndarray of shape (n_periods,)
        Simple excess returns of the same periods.
    periods_per_year : float
        365 for daily crypto, 260 for daily FX.

    Returns
    -------
    float
        A fraction per year, not compounded; NaN where `beta` is.

    Raises
    ------
    ShapeError
        If the arrays are not one-dimensional and of one length.

    References
    ----------
    Jensen, M. C. (1968). The Performance of Mutual Funds in the Period 1945-1964. Journal of Finance 23(2).
    """
    slope = beta(returns, benchmark_returns)
    if math.isnan(slope):
        return math.nan
    return periods_per_year * float(returns.mean() - slope * benchmark_returns.mean())
