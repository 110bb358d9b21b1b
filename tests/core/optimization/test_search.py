"""The search: distinct sets of the space, the same for the same seed, and better where the method learns."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.optimization.search import METHODS, search
from bot_core_dagster.settings import OptimizationSettings
from bot_core_dagster.strategies.parameters import ParameterSpace
from bot_core_dagster.strategies.registry import strategy_named

SPACE = strategy_named("rsi").space
N_VARIATIONS = 60

by_method = pytest.mark.parametrize("method", sorted(METHODS))


def _settings(method: str, n_variations: int = N_VARIATIONS, seed: int = 0) -> OptimizationSettings:
    return OptimizationSettings.model_validate({"method": method, "parameter_variations": n_variations, "seed": seed})


def _nearness(parameter_sets: Sequence[Mapping[str, float]]) -> FloatArray1D:
    """Return an objective with one peak, at window 20, oversold 35, overbought 60."""
    peak = {"window": 20, "oversold": 35.0, "overbought": 60.0}
    return np.array([-sum(((each[name] - at) / 10.0) ** 2 for name, at in peak.items()) for each in parameter_sets])


def _searched(method: str, space: ParameterSpace = SPACE, seed: int = 0) -> list[dict[str, float]]:
    return search(space, _settings(method, seed=seed), _nearness, lambda _: None)


@by_method
def test_every_set_is_of_the_space_and_none_is_tried_twice(method: str) -> None:
    found = _searched(method)
    assert 0 < len(found) <= N_VARIATIONS
    assert len({tuple(each.values()) for each in found}) == len(found)
    assert all(SPACE.complete(each) == each for each in found)


@by_method
def test_a_seed_gives_the_same_sets_again(method: str) -> None:
    assert _searched(method, seed=3) == _searched(method, seed=3)


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_another_seed_gives_other_sets(method: str) -> None:
    assert _searched(method, seed=3) != _searched(method, seed=4)


@by_method
def test_a_space_smaller_than_the_variations_is_tried_whole(method: str) -> None:
    narrow = ParameterSpace(tuple(each for each in SPACE.parameters if each.name != "window"), SPACE.constraints)

    def objective(parameter_sets: Sequence[Mapping[str, float]]) -> FloatArray1D:
        return _nearness([{"window": 20, **each} for each in parameter_sets])

    found = search(narrow, _settings(method, 10_000), objective, lambda _: None)
    assert len(found) == narrow.n_combinations()


def test_the_estimator_comes_nearer_to_the_peak_than_chance() -> None:
    best = {
        method: np.mean([_nearness(_searched(method, seed=seed)).max() for seed in range(5)])
        for method in ("random", "tpe")
    }
    assert best["tpe"] > best["random"]


def test_the_estimator_goes_on_where_some_objectives_are_undefined() -> None:
    def objective(parameter_sets: Sequence[Mapping[str, float]]) -> FloatArray1D:
        return np.where([each["window"] < 20 for each in parameter_sets], np.nan, _nearness(parameter_sets))

    assert len(search(SPACE, _settings("tpe"), objective, lambda _: None)) == N_VARIATIONS


def test_the_estimator_tells_how_far_it_is() -> None:
    told: list[float] = []
    search(SPACE, _settings("tpe"), _nearness, told.append)
    assert told == sorted(told)
    assert told[-1] == 100.0


def test_an_unknown_method_names_those_there_are() -> None:
    settings = OptimizationSettings.model_construct(method="annealing", parameter_variations=10, seed=0)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match=r"'annealing'; there are grid, random, tpe"):
        search(SPACE, settings, _nearness, lambda _: None)
