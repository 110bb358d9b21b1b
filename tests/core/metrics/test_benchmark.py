"""Tests of `metrics.benchmark`.

Belongs here: alpha and beta. Not here: Sharpe ratios (`test_metrics`).
"""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster import metrics
from bot_core_dagster.errors import ShapeError


@given(seed=st.integers(0, 2**32 - 1), n_days=st.integers(3, 200))
def test_alpha_and_beta_are_those_of_least_squares(seed: int, n_days: int) -> None:
    rng = np.random.default_rng(seed)
    benchmark = rng.normal(0.001, 0.03, n_days)
    returns = 0.4 * benchmark + rng.normal(0.0005, 0.01, n_days)
    intercept, slope = sm.OLS(returns, sm.add_constant(benchmark)).fit().params
    assert metrics.beta(returns, benchmark) == pytest.approx(slope, rel=1e-9, abs=1e-9)
    alpha = metrics.alpha(returns, benchmark, periods_per_year=365)
    assert alpha == pytest.approx(365 * intercept, rel=1e-9, abs=1e-9)


def test_half_of_the_benchmark_and_one_per_mille_a_day_by_hand() -> None:
    benchmark = np.array([0.02, -0.02, 0.04])
    returns = 0.5 * benchmark + 0.001
    assert metrics.beta(returns, benchmark) == pytest.approx(0.5, rel=1e-12)
    assert metrics.alpha(returns, benchmark, periods_per_year=365) == pytest.approx(0.365, rel=1e-12)


@pytest.mark.parametrize(
    ("returns", "benchmark"),
    [
        (np.array([0.1, 0.2]), np.array([0.1, 0.1])),
        (np.array([0.1]), np.array([0.1])),
        (np.array([]), np.array([])),
        (np.array([0.1, 0.2]), np.array([0.1, np.nan])),
        (np.array([0.1, np.nan]), np.array([0.1, 0.2])),
    ],
    ids=["a benchmark at rest", "one day", "no day", "a NaN in the benchmark", "a NaN in the returns"],
)
def test_what_cannot_be_known_is_nan(returns: np.ndarray, benchmark: np.ndarray) -> None:
    assert math.isnan(metrics.beta(returns, benchmark))
    assert math.isnan(metrics.alpha(returns, benchmark, periods_per_year=365))


def test_another_number_of_days_is_refused() -> None:
    with pytest.raises(ShapeError, match="a benchmark return for each of 3 returns, got 2"):
        metrics.beta(np.zeros(3), np.zeros(2))
