"""Tests of `metrics.under_water`.

Belongs here: ulcer index and times below the peak. Not here: the drawdown itself (`test_metrics`).
"""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster import metrics
from bot_core_dagster.errors import ShapeError

curves = st.lists(st.sampled_from([0.8, 0.9, 1.0, 1.1, 1.2]), min_size=1, max_size=60).map(np.array)


def test_the_pain_of_two_falls_by_hand() -> None:
    """Closes 25 % and 12.5 % below 1.2, a new high, then 20 % below it: three of five closes are under water."""
    equity = np.array([1.0, 1.2, 0.9, 1.05, 1.5, 1.2])
    assert metrics.ulcer_index(equity) == pytest.approx(math.sqrt((0.25**2 + 0.125**2 + 0.2**2) / 5), rel=1e-12)
    assert metrics.longest_time_under_water(equity) == 2
    assert metrics.current_time_under_water(equity) == 1


def test_the_starting_equity_is_a_peak_but_no_period() -> None:
    assert metrics.ulcer_index(np.array([1.0, 0.8])) == pytest.approx(0.2, rel=1e-12)
    assert metrics.longest_time_under_water(np.array([1.0, 0.8, 0.9])) == 2
    assert metrics.current_time_under_water(np.array([1.0, 0.8, 0.9])) == 2


def test_a_close_at_the_old_high_is_not_under_water() -> None:
    assert metrics.longest_time_under_water(np.array([1.0, 0.9, 1.0, 0.9, 0.9, 1.0])) == 2
    assert metrics.current_time_under_water(np.array([1.0, 0.9, 1.0])) == 0


@given(curves)
def test_times_under_water_are_those_counted_close_by_close(equity: np.ndarray) -> None:
    lengths = [0]
    peak = equity[0]
    for close in equity:
        lengths.append(lengths[-1] + 1 if close < peak else 0)
        peak = max(peak, close)
    assert metrics.longest_time_under_water(equity) == max(lengths)
    assert metrics.current_time_under_water(equity) == lengths[-1]


def test_no_period_has_no_ulcer_and_no_time() -> None:
    assert math.isnan(metrics.ulcer_index(np.array([1.0])))
    assert metrics.longest_time_under_water(np.array([1.0])) == 0


@pytest.mark.parametrize(
    "figure",
    [metrics.ulcer_index, metrics.longest_time_under_water, metrics.current_time_under_water],
    ids=["ulcer", "longest", "current"],
)
@pytest.mark.parametrize("equity", [np.ones((3, 2)), np.array([])], ids=["a table", "nothing"])
def test_what_is_no_curve_is_refused(figure: Callable[[np.ndarray], float], equity: np.ndarray) -> None:
    with pytest.raises(ShapeError, match="one dimension"):
        figure(equity)
