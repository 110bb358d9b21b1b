"""Tests of `metrics.significance` against the printed examples of its authors.

Belongs here: probabilistic and deflated Sharpe ratio. Not here: resampling (`test_interval`), overfitting
(`tests/core/validation`).
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import least_squares

from bot_core_dagster import metrics
from bot_core_dagster.errors import ShapeError


def returns_with_moments(n_periods: int, sharpe: float, skewness: float, kurtosis: float) -> np.ndarray:
    """Return a sample of exactly those moments: a polynomial of evenly spread quantiles, solved for."""
    places = stats.t.ppf((np.arange(n_periods) + 0.5) / n_periods, 4)

    def standardised(coefficients: np.ndarray) -> np.ndarray:
        curve = np.polyval([*coefficients, 1.0, 0.0], places)
        return np.asarray((curve - curve.mean()) / curve.std(ddof=1))

    def missed(coefficients: np.ndarray) -> list[float]:
        curve = standardised(coefficients)
        return [stats.skew(curve) - skewness, stats.kurtosis(curve, fisher=False) - kurtosis]

    solved = least_squares(missed, [0.0, np.sign(skewness) * 0.2], xtol=1e-15, ftol=1e-15)
    assert max(np.abs(solved.fun)) < 1e-6
    return 0.01 * (standardised(solved.x) + sharpe)


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "printed"),
    [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)],
    ids=["as if normal", "with the fund's skewness and kurtosis"],
)
def test_the_probabilistic_sharpe_ratio_of_the_published_example(
    skewness: float, kurtosis: float, printed: float
) -> None:
    """Bailey and López de Prado (2012), numerical example: two years of months with a Sharpe ratio of .458 a month."""
    returns = returns_with_moments(24, 0.458, skewness, kurtosis)
    assert metrics.probabilistic_sharpe_ratio(returns) == pytest.approx(printed, abs=5e-4)


def test_the_deflated_sharpe_ratio_of_the_published_example() -> None:
    """Bailey and López de Prado (2014), p. 9: 100 trials of annual variance 1/2 over 5 years of 250 days: SR* = .1132.

    Annual Sharpe ratio 2.5, skewness -3, kurtosis 10: .9004. Only two values have kurtosis = skewness^2 + 1: of 1,250
    days 105 are the bad ones (the solution is 104.99).
    """
    variance = 0.5 / 250
    assert metrics.expected_maximum_sharpe(100, trial_variance=variance) == pytest.approx(0.1132, abs=5e-5)
    days = np.where(np.arange(1250) < 105, -1.0, 0.0)
    returns = (days - days.mean()) / days.std(ddof=1) + 2.5 / math.sqrt(250)
    assert stats.skew(returns) == pytest.approx(-3, abs=1e-3)
    assert stats.kurtosis(returns, fisher=False) == pytest.approx(10, abs=5e-3)
    deflated = metrics.deflated_sharpe_ratio(returns, n_trials=100, trial_variance=variance)
    assert deflated == pytest.approx(0.9004, abs=5e-5)


@given(seed=st.integers(0, 2**32 - 1), n_periods=st.integers(10, 400), benchmark=st.floats(-0.2, 0.2))
def test_the_probabilistic_sharpe_ratio_is_that_of_scipys_moments(seed: int, n_periods: int, benchmark: float) -> None:
    returns = np.random.default_rng(seed).standard_t(4, n_periods) * 0.01 + 0.001
    sharpe = returns.mean() / stats.tstd(returns)
    variance = 1 - stats.skew(returns) * sharpe + (stats.kurtosis(returns, fisher=False) - 1) / 4 * sharpe**2
    expected = stats.norm.cdf((sharpe - benchmark) * math.sqrt(n_periods - 1) / math.sqrt(variance))
    assert metrics.probabilistic_sharpe_ratio(returns, benchmark_sharpe=benchmark) == pytest.approx(expected, abs=1e-9)


def test_one_trial_is_not_deflated() -> None:
    returns = np.random.default_rng(0).normal(0.001, 0.01, 500)
    deflated = metrics.deflated_sharpe_ratio(returns, n_trials=1)
    assert deflated == metrics.probabilistic_sharpe_ratio(returns)
    assert metrics.deflated_sharpe_ratio(returns, n_trials=2) < deflated


def test_the_variance_of_trials_is_at_least_that_of_estimating_one() -> None:
    returns = np.random.default_rng(0).normal(0.001, 0.01, 500)
    at_least = metrics.deflated_sharpe_ratio(returns, n_trials=50, trial_variance=1 / 499)
    assert metrics.deflated_sharpe_ratio(returns, n_trials=50) == at_least
    with pytest.raises(ShapeError, match="one or more trials, got 0"):
        metrics.deflated_sharpe_ratio(returns, n_trials=0)


def test_the_probabilistic_sharpe_ratio_of_returns_without_skew_by_hand() -> None:
    """Alternating 3 and -1 %: mean 1, deviation 2 sqrt(n / (n-1)) %, skewness 0, kurtosis 1: Phi(SR sqrt(n - 1))."""
    returns = np.tile([0.03, -0.01], 5)
    sharpe = 0.01 / (0.02 * math.sqrt(10 / 9))
    assert metrics.probabilistic_sharpe_ratio(returns) == pytest.approx(stats.norm.cdf(sharpe * 3.0), rel=1e-12)


def test_the_expected_maximum_grows_as_simulated() -> None:
    """Equation 1 against the mean of maxima of 100 standard normals (2.508 +- .01 in 20,000 draws)."""
    draws = np.random.default_rng(0).standard_normal((20_000, 100)).max(axis=1)
    assert metrics.expected_maximum_sharpe(100, trial_variance=1.0) == pytest.approx(draws.mean(), abs=0.03)
