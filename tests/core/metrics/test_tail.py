"""Tests of `metrics.tail`.

Belongs here: value at risk and what is lost beyond it. Not here: moments (`test_moments`).
"""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from bot_core_dagster import metrics
from bot_core_dagster.errors import ShapeError

returns_of_some_days = st.lists(st.integers(-300, 300), min_size=1, max_size=40).map(
    lambda drawn: np.array(drawn) / 1_000.0
)


def test_the_worst_five_of_a_hundred_days_by_hand() -> None:
    """Losses of 1 to 100 per mille: the 5th worst is 96, the mean of 96 to 100 is 98."""
    returns = -np.random.default_rng(0).permutation(np.arange(1, 101)) / 1_000.0
    assert metrics.value_at_risk(returns) == -0.096
    assert metrics.conditional_value_at_risk(returns) == pytest.approx(-0.098, rel=1e-12)


def test_a_tail_of_one_and_a_half_days_counts_the_second_by_half() -> None:
    """30 days x 5 % = 1.5: (-.1 + .5 x -.05) / 1.5."""
    returns = np.concatenate([[-0.1, -0.05], np.full(28, 0.01)])
    assert metrics.value_at_risk(returns) == -0.05
    assert metrics.conditional_value_at_risk(returns) == pytest.approx((-0.1 - 0.025) / 1.5, rel=1e-12)


@given(returns_of_some_days, st.sampled_from([0.01, 0.05, 0.1, 0.25, 0.5]))
def test_the_conditional_value_at_risk_is_the_worst_reweighting_of_the_days(
    returns: np.ndarray, tail_share: float
) -> None:
    """Its dual: the lowest mean over weights that sum to 1 and give no day more than 1 / (n tail_share) of it."""
    n_days = len(returns)
    dual = linprog(
        returns, A_eq=np.ones((1, n_days)), b_eq=[1.0], bounds=(0.0, 1.0 / (n_days * tail_share)), method="highs"
    )
    expected = dual.fun if dual.success else returns.min()
    conditional = metrics.conditional_value_at_risk(returns, tail_share=tail_share)
    if n_days * tail_share >= 1.0:
        assert conditional == pytest.approx(expected, abs=1e-9)
    else:
        assert conditional == pytest.approx(returns.min(), abs=1e-12)
    assert conditional <= metrics.value_at_risk(returns, tail_share=tail_share) + 1e-12


@pytest.mark.parametrize(
    "figure", [metrics.value_at_risk, metrics.conditional_value_at_risk], ids=["at risk", "conditional"]
)
def test_a_tail_that_is_unknown_is_nan_and_a_table_is_refused(figure: Callable[[np.ndarray], float]) -> None:
    assert math.isnan(figure(np.array([])))
    assert math.isnan(figure(np.array([0.1, np.nan])))
    with pytest.raises(ShapeError, match="one dimension"):
        figure(np.ones((3, 2)))
