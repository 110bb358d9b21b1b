"""Tests of `strategies.parameters`.

Belongs here: ranges, constraints, grids, samples. Not here: which parameters a strategy has (`test_plain`).
"""

import itertools
import math
import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import ParameterError
from bot_core_dagster.strategies import Constraint, Parameter, ParameterSpace, strategies

FAST = Parameter("fast", 12, 4, 20, 2, True, "bars of the fast average")
SLOW = Parameter("slow", 26, 14, 62, 4, True, "bars of the slow average")
LEVEL = Parameter("level", 0.3, 0.1, 0.7, 0.1, False, "where it enters")
SPACE = ParameterSpace((FAST, SLOW, LEVEL), (Constraint("fast < slow", ("fast", "slow"), operator.lt),))

SPACES = {name: strategy.space for name, strategy in strategies().items()}


def by_brute_force(space: ParameterSpace) -> list[dict[str, float]]:
    """Every combination of the full grid, one by one."""
    named = (
        dict(zip(space.names, values, strict=True))
        for values in itertools.product(*(parameter.values() for parameter in space.parameters))
    )
    return [each for each in named if all(constraint.is_met(each) for constraint in space.constraints)]


@st.composite
def spaces(draw: st.DrawFn) -> ParameterSpace:
    """Two to four parameters in a row of which some must ascend."""
    n_parameters = draw(st.integers(2, 4))
    parameters = []
    for place in range(n_parameters):
        low, n_steps = draw(st.integers(0, 3)), draw(st.integers(0, 6))
        default = 10 * place + low + draw(st.integers(0, n_steps))
        parameters.append(
            Parameter(f"p{place}", default, 10 * place + low, 10 * place + low + n_steps, 1, draw(st.booleans()), "")
        )
    pairs = draw(st.sets(st.sampled_from(list(itertools.pairwise(range(n_parameters))))))
    constraints = tuple(
        Constraint(f"p{one} + 7 < p{other}", (f"p{one}", f"p{other}"), lambda a, b: a + 7 < b)
        for one, other in sorted(pairs)
        if parameters[one].default + 7 < parameters[other].default
    )
    return ParameterSpace(tuple(parameters), constraints)


def test_values_ascend_by_the_step_without_rounding_residue() -> None:
    assert LEVEL.values() == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    assert FAST.values() == (4, 6, 8, 10, 12, 14, 16, 18, 20)
    assert all(type(each) is int for each in FAST.values())
    assert Parameter("odd", 1.0, 1.0, 2.0, 0.3, False, "").values() == (1.0, 1.3, 1.6, 1.9)


def test_what_is_not_given_takes_its_default_and_whole_numbers_are_integers() -> None:
    completed = SPACE.complete({"level": 0.55, "fast": 8.0})
    assert completed == {"fast": 8, "slow": 26, "level": 0.55}
    assert [type(each) for each in completed.values()] == [int, int, float]
    assert list(completed) == ["fast", "slow", "level"]
    assert SPACE.complete({}) == SPACE.defaults()


@pytest.mark.parametrize(
    ("given_parameters", "said"),
    [
        ({"speed": 3}, r"unknown parameter 'speed'; there are: fast, slow, level"),
        ({"level": 0.71}, r"level: expected a number from 0.1 to 0.7, got 0.71"),
        ({"level": math.nan}, r"level: expected a number from 0.1 to 0.7, got nan"),
        ({"level": "high"}, r"level: expected a number from 0.1 to 0.7, got 'high'"),
        ({"level": None}, r"level: expected a number from 0.1 to 0.7, got None"),
        ({"fast": 7.5}, r"fast: expected a whole number from 4 to 20, got 7.5"),
        ({"fast": 2}, r"fast: expected a whole number from 4 to 20, got 2"),
        ({"slow": math.inf}, r"slow: expected a whole number from 14 to 62, got inf"),
        ({"fast": 20, "slow": 14}, r"expected fast < slow, got fast = 20, slow = 14"),
        ({"slow": 14, "fast": 14}, r"expected fast < slow, got fast = 14, slow = 14"),
    ],
    ids=lambda each: each if isinstance(each, str) else str(sorted(each)),
)
def test_a_value_out_of_the_space_is_told_what_is_allowed(given_parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        SPACE.complete(given_parameters)


@pytest.mark.parametrize(
    "changed",
    [{"default": 3}, {"high": 3}, {"step": 0}, {"step": 0.5}, {"low": math.nan}],
    ids=["default under low", "high under low", "no step", "half a step of whole numbers", "nan"],
)
def test_a_parameter_that_cannot_be_is_refused_where_it_is_declared(changed: dict[str, float]) -> None:
    fields: dict[str, Any] = {
        "name": "fast",
        "default": 12,
        "low": 4,
        "high": 20,
        "step": 2,
        "is_integer": True,
        "description": "",
    }
    with pytest.raises(ParameterError, match="fast: expected whole numbers with low <= default <= high"):
        Parameter(**(fields | changed))


def test_a_space_that_contradicts_itself_is_refused_where_it_is_declared() -> None:
    with pytest.raises(ParameterError, match="one name each, got fast, fast"):
        ParameterSpace((FAST, FAST))
    with pytest.raises(ParameterError, match="unknown parameter 'slow'; there are: fast"):
        ParameterSpace((FAST,), (Constraint("fast < slow", ("fast", "slow"), operator.lt),))
    with pytest.raises(ParameterError, match="expected slow < fast, got slow = 26, fast = 12"):
        ParameterSpace((FAST, SLOW), (Constraint("slow < fast", ("slow", "fast"), operator.lt),))


@settings(max_examples=60, deadline=None)
@given(space=spaces(), n_combinations=st.integers(1, 3_000))
def test_a_grid_is_bounded_distinct_within_the_space_and_the_same_each_time(
    space: ParameterSpace, n_combinations: int
) -> None:
    whole = by_brute_force(space)
    grid = space.grid(n_combinations)
    assert space.n_combinations() == len(whole)
    assert 1 <= len(grid) <= n_combinations
    assert len({tuple(each.values()) for each in grid}) == len(grid)
    assert all(space.complete(each) == each for each in grid)
    assert grid == space.grid(n_combinations)
    if len(whole) <= n_combinations:
        assert grid == whole


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("n_combinations", [1, 7, 200, 1_000], ids="at most {}".format)
def test_a_thinned_grid_of_a_shipped_strategy_uses_most_of_what_it_may(name: str, n_combinations: int) -> None:
    grid = SPACES[name].grid(n_combinations)
    allowed = min(n_combinations, SPACES[name].n_combinations())
    assert 0.5 * allowed <= len(grid) <= allowed


def test_a_thinned_grid_keeps_the_ends_of_every_range_and_is_evenly_spaced() -> None:
    space = ParameterSpace(tuple(Parameter(name, 3, 0, 8, 1, True, "") for name in "ab"))
    assert [tuple(each.values()) for each in space.grid(9)] == list(itertools.product((0, 4, 8), repeat=2))
    assert space.grid(1) == [{"a": 3, "b": 3}]


def test_a_thinned_grid_skips_a_spacing_whose_values_the_constraint_refuses() -> None:
    """With b at 10 and 13 alone nothing is between 10 and 12: the grid keeps the defaults."""
    axes = (Parameter("a", 3, 3, 4, 1, True, ""), Parameter("b", 11, 10, 13, 1, True, ""))
    space = ParameterSpace(axes, (Constraint("a + 7 < b < 13", ("a", "b"), lambda a, b: a + 7 < b < 13),))
    assert space.grid(1) == [{"a": 3, "b": 11}]
    assert len(space.grid(2)) == 2


def test_a_grid_of_45_million_is_counted_without_being_made() -> None:
    axes = tuple(Parameter(name, place, 0, 9, 1, True, "") for place, name in enumerate("abcdefgh"))
    space = ParameterSpace(axes, (Constraint("a < b", ("a", "b"), operator.lt),))
    assert space.n_combinations() == 45 * 10**6
    assert len(space.grid(1_000)) <= 1_000


def test_an_empty_space_has_one_combination() -> None:
    assert ParameterSpace(()).grid(10) == [{}]
    assert ParameterSpace(()).n_combinations() == 1
    with pytest.raises(ParameterError, match="unknown parameter 'a'; there are: none"):
        ParameterSpace(()).complete({"a": 1})


def test_a_grid_of_none_is_refused() -> None:
    with pytest.raises(ParameterError, match="1 or more combinations, got 0"):
        SPACE.grid(0)


@settings(max_examples=40, deadline=None)
@given(space=spaces(), n_combinations=st.integers(1, 400), seed=st.integers(0, 99))
def test_a_sample_is_distinct_of_the_full_grid_and_follows_its_seed(
    space: ParameterSpace, n_combinations: int, seed: int
) -> None:
    whole = by_brute_force(space)
    sample = space.sample(n_combinations, np.random.default_rng(seed))
    assert len(sample) == min(n_combinations, len(whole))
    assert len({tuple(each.values()) for each in sample}) == len(sample)
    assert all(each in whole for each in sample)
    assert sample == space.sample(n_combinations, np.random.default_rng(seed))


def test_every_combination_is_sampled_about_equally_often() -> None:
    """3,000 draws of 1 from 104 combinations: about 29 each, six deviations of a binomial either way."""
    space = ParameterSpace((FAST, SLOW), SPACE.constraints)
    rng = np.random.default_rng(1)
    drawn = [tuple(space.sample(1, rng)[0].values()) for _ in range(3_000)]
    n_each = [drawn.count(tuple(each.values())) for each in by_brute_force(space)]
    mean = 3_000 / len(n_each)
    assert sum(n_each) == 3_000
    assert max(abs(n - mean) for n in n_each) < 6.0 * math.sqrt(mean)
