"""Tests of `validation.neighbourhood`.

Belongs here: plateaus and peaks. Not here: spaces (`tests/core/strategies`).
"""

import math

import numpy as np
import pytest

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.strategies.parameters import Parameter, ParameterSpace
from bot_core_dagster.validation import neighbourhood_stability

SPACE = ParameterSpace(
    (
        Parameter("window", 14, 2, 102, 1, True, "Bars"),
        Parameter("threshold", 1.0, 0.0, 4.0, 0.5, False, "Deviations"),
    )
)
COARSE = [{"window": window, "threshold": threshold} for window in (2, 52, 102) for threshold in (0.0, 2.0, 4.0)]


def test_on_a_coarse_grid_the_neighbours_are_one_tried_value_away() -> None:
    """The corner's neighbours are the three beside it: (1 + 2 + 0) / 3 over 4; the far ones do not count."""
    objective = np.array([4.0, 1.0, 99.0, 2.0, np.nan, 99.0, 99.0, 99.0, 99.0])
    assert neighbourhood_stability(SPACE, COARSE, objective, 0) == pytest.approx(1.0 / 4.0)


def test_on_a_fine_grid_the_neighbours_lie_within_a_tenth_of_the_range() -> None:
    """A range of 100 bars: 40 to 60 are near 50, 39 is not."""
    sets = [{"window": window, "threshold": 1.0} for window in (39, 40, 49, 50, 60, 61)]
    assert neighbourhood_stability(SPACE, sets, np.array([-9.0, 1.0, 3.0, 4.0, 2.0, -9.0]), 3) == pytest.approx(2 / 4)


def test_a_plateau_has_a_ratio_of_one_and_a_lonely_peak_of_none() -> None:
    assert neighbourhood_stability(SPACE, COARSE, np.full(9, 1.5), 4) == 1.0
    assert neighbourhood_stability(SPACE, COARSE, np.where(np.arange(9) == 4, 1.5, 0.0), 4) == 0.0


@pytest.mark.parametrize(
    ("sets", "objective"),
    [
        (COARSE, np.full(9, -1.0)),
        (COARSE, np.full(9, np.nan)),
        (COARSE[:1], np.ones(1)),
        ([{"window": 10, "threshold": 0.0}, {"window": 90, "threshold": 4.0}, COARSE[0]], np.array([1.0, 1.0, -1.0])),
    ],
    ids=["a winner that loses", "an undefined winner", "one trial", "a winner off the diagonal"],
)
def test_stability_that_cannot_be_known_is_nan(sets: list[dict[str, float]], objective: np.ndarray) -> None:
    assert math.isnan(neighbourhood_stability(SPACE, sets, objective, len(sets) - 1))


def test_objectives_that_do_not_match_are_refused() -> None:
    with pytest.raises(ShapeError, match="an objective for each of 9 sets"):
        neighbourhood_stability(SPACE, COARSE, np.ones(8), 0)
    with pytest.raises(ShapeError, match="place 9"):
        neighbourhood_stability(SPACE, COARSE, np.ones(9), 9)
