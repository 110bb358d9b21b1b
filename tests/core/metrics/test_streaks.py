"""Tests of `metrics.streaks`.

Belongs here: wins and losses in a row. Not here: their shares (`test_metrics`).
"""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster import metrics
from bot_core_dagster.errors import ShapeError


def test_streaks_by_hand() -> None:
    """A trade without profit is no win: + + 0 - + gives two wins and two losses in a row."""
    profits = np.array([1.0, 2.0, 0.0, -1.0, 3.0])
    assert metrics.longest_winning_streak(profits) == 2
    assert metrics.longest_losing_streak(profits) == 2


@given(st.lists(st.integers(-1, 1), max_size=40).map(lambda drawn: np.array(drawn, dtype=np.float64)))
def test_streaks_are_the_longest_groups(profits: np.ndarray) -> None:
    groups = [(is_win, len(list(group))) for is_win, group in groupby(profits > 0.0)]
    assert metrics.longest_winning_streak(profits) == max((n for is_win, n in groups if is_win), default=0)
    assert metrics.longest_losing_streak(profits) == max((n for is_win, n in groups if not is_win), default=0)


def test_a_table_in_place_of_profits_is_refused() -> None:
    with pytest.raises(ShapeError, match="one dimension"):
        metrics.longest_winning_streak(np.ones((3, 2)))
    with pytest.raises(ShapeError, match="one dimension"):
        metrics.longest_losing_streak(np.ones((3, 2)))
