"""Tests of `metrics.moments` against scipy and a case by hand.

Belongs here: volatility, skewness, kurtosis. Not here: what is made of them (`test_significance`).
"""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bot_core_dagster import metrics
from bot_core_dagster.errors import ShapeError

varied_returns = st.lists(st.integers(-500, 500), min_size=2, max_size=60, unique=True).map(
    lambda drawn: np.array(drawn) / 1_000.0
)


@given(varied_returns)
def test_moments_are_those_of_scipy(returns: np.ndarray) -> None:
    assert metrics.skewness(returns) == pytest.approx(stats.skew(returns), abs=1e-9)
    assert metrics.kurtosis(returns) == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)
    deviation = stats.tstd(returns)
    assert metrics.volatility(returns, periods_per_year=365) == pytest.approx(math.sqrt(365) * deviation, rel=1e-9)


def test_moments_of_one_loss_among_four_by_hand() -> None:
    """0, 0, 0, -4: mean -1, moments 3, -6, 21: skewness -6 / 3^1.5, kurtosis 21 / 9 (not the excess)."""
    returns = np.array([0.0, 0.0, 0.0, -4.0])
    assert metrics.skewness(returns) == pytest.approx(-6 / 3**1.5, rel=1e-12)
    assert metrics.kurtosis(returns) == pytest.approx(21 / 9, rel=1e-12)
    assert metrics.volatility(returns, periods_per_year=1) == pytest.approx(2.0, rel=1e-12)


@pytest.mark.parametrize("moment", [metrics.skewness, metrics.kurtosis], ids=["skewness", "kurtosis"])
@pytest.mark.parametrize(
    "returns",
    [np.array([]), np.array([0.1]), np.full(9, 0.1), np.array([0.1, np.nan, 0.2]), np.array([1e-300, 0.0])],
    ids=["no returns", "one return", "constant", "a NaN", "underflow"],
)
def test_a_moment_without_spread_is_nan(moment: Callable[[np.ndarray], float], returns: np.ndarray) -> None:
    assert math.isnan(moment(returns))


def test_the_volatility_of_what_never_moves_is_zero_and_that_of_one_return_unknown() -> None:
    assert metrics.volatility(np.zeros(5), periods_per_year=365) == 0.0
    assert math.isnan(metrics.volatility(np.array([0.1]), periods_per_year=365))


@pytest.mark.parametrize(
    "figure",
    [metrics.skewness, metrics.kurtosis, lambda table: metrics.volatility(table, periods_per_year=365)],
    ids=["skewness", "kurtosis", "volatility"],
)
def test_a_table_in_place_of_returns_is_refused(figure: Callable[[np.ndarray], float]) -> None:
    with pytest.raises(ShapeError, match="one dimension"):
        figure(np.ones((3, 2)))
