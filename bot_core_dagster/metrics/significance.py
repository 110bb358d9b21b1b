"""How likely a Sharpe ratio is more than luck: probabilistic and deflated Sharpe ratio.

Belongs here: closed formulas. Not here: resampling (`metrics.interval`), the count of trials (who ran them knows).
Sharpe ratios here are per period, not annualised.
"""

import math
from statistics import NormalDist
from typing import Final

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D, require_1d
from bot_core_dagster.metrics.moments import kurtosis, skewness
from bot_core_dagster.metrics.ratios import sharpe_ratio

EULER_GAMMA: Final = 0.577215664901532860606512

_NORMAL: Final = NormalDist()


def probabilistic_sharpe_ratio(returns: FloatArray1D, *, benchmark_sharpe: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio exceeds `benchmark_sharpe`.

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)
        Simple excess returns as fractions.
    benchmark_sharpe : float
        Sharpe ratio per period, not annualised.

    Returns
    -------
    float
        0 to 1; NaN where the Sharpe ratio is undefined, or its variance is estimated at or below zero.

    Raises
    ------
    ShapeError
        If `returns` is not one-dimensional.

    References
    ----------
    Bailey, D. H., López de Prado, M. (2012). The Sharpe Ratio Efficient Frontier. Journal of Risk 15(2), equation 6.
    """
    sharpe = sharpe_ratio(returns, periods_per_year=1.0)
    if math.isnan(sharpe):
        return math.nan
    variance = 1.0 - skewness(returns) * sharpe + (kurtosis(returns) - 1.0) / 4.0 * sharpe**2
    if not variance > 0.0:
        return math.nan
    return _NORMAL.cdf((sharpe - benchmark_sharpe) * math.sqrt(len(returns) - 1) / math.sqrt(variance))


def deflated_sharpe_ratio(returns: FloatArray1D, *, n_trials: int, trial_variance: float = 0.0) -> float:
    """Return the probability that the best of `n_trials` is more than the best of as many without skill.

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)
        Simple excess returns of the trial with the highest Sharpe ratio in sample.
    n_trials : int
        Distinct trials of the question: strategy, instruments, timeframe, objective, overlapping window.
    trial_variance : float
        Variance of the trials' Sharpe ratios per period; taken as at least 1 / (n_periods - 1), what estimating a
        Sharpe ratio of zero alone gives.

    Returns
    -------
    float
        0 to 1; the probabilistic Sharpe ratio where there was one trial; NaN where that is.

    Raises
    ------
    ShapeError
        If `returns` is not one-dimensional, or `n_trials` is below one.

    References
    ----------
    Bailey, D. H., López de Prado, M. (2014). The Deflated Sharpe Ratio. Journal of Portfolio Management 40(5).
    """
    require_1d(returns, "returns")
    variance = max(trial_variance, 1.0 / max(len(returns) - 1, 1))
    benchmark = expected_maximum_sharpe(n_trials, trial_variance=variance)
    return probabilistic_sharpe_ratio(returns, benchmark_sharpe=benchmark)


def expected_maximum_sharpe(n_trials: int, *, trial_variance: float) -> float:
    """Return the Sharpe ratio to expect of the best of `n_trials` without skill; 0 for one trial.

    Raises
    ------
    ShapeError
        If `n_trials` is below one.

    References
    ----------
    Bailey and López de Prado (2014), equation 1.
    """
    if n_trials < 1:
        raise ShapeError(f"expected one or more trials, got {n_trials}; next: count the trial that is judged")
    if n_trials == 1:
        return 0.0
    quantiles = [_NORMAL.inv_cdf(1.0 - 1.0 / n_trials), _NORMAL.inv_cdf(1.0 - 1.0 / (n_trials * math.e))]
    return float(math.sqrt(trial_variance) * ((1.0 - EULER_GAMMA) * quantiles[0] + EULER_GAMMA * quantiles[1]))
