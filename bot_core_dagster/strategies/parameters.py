"""What a strategy's parameters may be: their ranges, grids and constraints.

Belongs here: one parameter, a constraint between several, the space of them all. Not here: which parameters a strategy
has (`strategies.catalog`), the search through a space (`optimization`), settings files (`strategies.registry`).
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bot_core_dagster.errors import ParameterError

_ENUMERATED_SHARE = 4
"""A sample of more than a quarter of a space is drawn from all of it: guessing would hit the same places again."""


@dataclass(frozen=True)
class Parameter:
    """One number that a strategy takes: any in [low, high]; a grid takes steps from `low` on.

    Raises
    ------
    ParameterError
        If the range is empty, the default lies outside of it, or an integer parameter has a bound that is not whole.
    """

    name: str
    default: float
    low: float
    high: float
    step: float
    is_integer: bool
    description: str

    def __post_init__(self) -> None:
        numbers = (self.default, self.low, self.high, self.step)
        is_range = all(map(math.isfinite, numbers)) and self.low <= self.default <= self.high and self.step > 0
        if not is_range or (self.is_integer and any(number != int(number) for number in numbers)):
            kind = "whole numbers" if self.is_integer else "finite numbers"
            raise ParameterError(
                f"{self.name}: expected {kind} with low <= default <= high and a positive step, got low {self.low:g}, "
                f"default {self.default:g}, high {self.high:g}, step {self.step:g}; next: correct its declaration"
            )

    def values(self) -> tuple[float, ...]:
        """Return the values of its grid, ascending: low, low + step, … up to `high` at most."""
        n_steps = math.floor((self.high - self.low) / self.step + 1e-9)
        values = (round(self.low + place * self.step, 10) for place in range(n_steps + 1))
        return tuple(map(int, values)) if self.is_integer else tuple(map(float, values))

    def checked(self, given: Any) -> float:
        """Return `given` as the number it is.

        Raises
        ------
        ParameterError
            If it is no number of the range, or is not whole where it has to be.
        """
        try:
            number = float(given)
        except (TypeError, ValueError):
            number = math.nan
        if self.low <= number <= self.high and (not self.is_integer or number == int(number)):
            return int(number) if self.is_integer else number
        kind = "a whole number" if self.is_integer else "a number"
        raise ParameterError(
            f"{self.name}: expected {kind} from {self.low:g} to {self.high:g}, got {given!r} "
            f"({self.description}; default {self.default:g})"
        )


@dataclass(frozen=True)
class Constraint:
    """What must hold between parameters.

    words : as a user reads it: "fast < slow"
    names : the parameters it reads
    holds : takes their values in that order
    """

    words: str
    names: tuple[str, ...]
    holds: Callable[..., bool]

    def is_met(self, values: Mapping[str, float]) -> bool:
        """Return whether the values of its parameters agree with each other."""
        return bool(self.holds(*[values[name] for name in self.names]))


@dataclass(frozen=True)
class ParameterSpace:
    """All values that a strategy's parameters may have together.

    Raises
    ------
    ParameterError
        If two parameters have one name, or a constraint names none of them or is broken by the defaults.
    """

    parameters: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise ParameterError(f"parameters have one name each, got {', '.join(self.names)}; next: rename one")
        for constraint in self.constraints:
            self._require_known(constraint.names)
        self._require_constraints(self.defaults())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in their order."""
        return tuple(parameter.name for parameter in self.parameters)

    def defaults(self) -> dict[str, float]:
        """Return the default of each parameter."""
        return {one.name: int(one.default) if one.is_integer else one.default for one in self.parameters}

    def complete(self, given: Mapping[str, float]) -> dict[str, float]:
        """Return the given values with defaults for the others, in the order of the space.

        Raises
        ------
        ParameterError
            If a name is unknown (lists those there are), a value lies outside of its range (says it), or a constraint
            is broken (says which).
        """
        self._require_known(given)
        values = {
            name: parameter.checked(given[name]) if name in given else default
            for parameter, (name, default) in zip(self.parameters, self.defaults().items(), strict=True)
        }
        self._require_constraints(values)
        return values

    def n_combinations(self) -> int:
        """Return the size of the full grid; only parameters that constraints tie together are enumerated."""
        return self._count([parameter.values() for parameter in self.parameters])

    def grid(self, n_combinations: int) -> list[dict[str, float]]:
        """Return at most so many combinations, spread evenly over the range of each parameter.

        The full grid where it is small enough. Otherwise each parameter gets fewer values, evenly spaced between its
        ends, in proportion to how many it has; one that gets a single value keeps its default. No chance is involved.

        Raises
        ------
        ParameterError
            If `n_combinations` is under 1.
        """
        axes = [parameter.values() for parameter in self.parameters]
        if n_combinations < 1:
            raise ParameterError(f"expected a grid of 1 or more combinations, got {n_combinations}")
        if self._count(axes) > n_combinations:
            axes = self._thinned(axes, n_combinations)
        return [values for values in self._named(itertools.product(*axes)) if self._meets(self.constraints, values)]

    def sample(self, n_combinations: int, rng: np.random.Generator) -> list[dict[str, float]]:
        """Return so many distinct combinations of the full grid, drawn with equal chances; all where it has no more."""
        total = self.n_combinations()
        if n_combinations >= total:
            return self.grid(total)
        if n_combinations * _ENUMERATED_SHARE > total:
            whole = self.grid(total)
            return [whole[place] for place in rng.choice(total, n_combinations, replace=False)]
        axes = [parameter.values() for parameter in self.parameters]
        sizes = [len(axis) for axis in axes]
        drawn: dict[tuple[int, ...], dict[str, float]] = {}
        while len(drawn) < n_combinations:
            places = tuple(rng.integers(0, sizes).tolist())
            values = {name: axis[place] for name, axis, place in zip(self.names, axes, places, strict=True)}
            if self._meets(self.constraints, values):
                drawn.setdefault(places, values)
        return list(drawn.values())

    def _thinned(self, axes: Sequence[tuple[float, ...]], at_most: int) -> list[tuple[float, ...]]:
        """Return fewer values an axis: always more for the axis with the least share of its own, while they fit."""
        defaults = list(self.defaults().values())
        lengths, n_combinations = [1] * len(axes), 1
        growing = set(range(len(axes)))
        while growing:
            grown = min(growing, key=lambda place: (lengths[place] / len(axes[place]), place))
            for length in range(lengths[grown] + 1, len(axes[grown]) + 1):
                longer = [*lengths[:grown], length, *lengths[grown + 1 :]]
                counted = self._count(_spread(axes, longer, defaults))
                if counted > at_most:
                    growing.remove(grown)
                    break
                if counted > n_combinations:  # not more where constraints refuse the values of this spacing
                    lengths, n_combinations = longer, counted
                    break
            else:
                growing.remove(grown)
        return _spread(axes, lengths, defaults)

    def _count(self, axes: Sequence[tuple[float, ...]]) -> int:
        by_name = dict(zip(self.names, axes, strict=True))
        n_combinations = 1
        for names, constraints in self._tied:
            values = itertools.product(*(by_name[name] for name in names))
            if constraints:
                n_met = sum(self._meets(constraints, dict(zip(names, each, strict=True))) for each in values)
                n_combinations *= n_met
            else:
                n_combinations *= len(by_name[names[0]])
        return n_combinations

    @cached_property
    def _tied(self) -> tuple[tuple[tuple[str, ...], tuple[Constraint, ...]], ...]:
        """The parameters in groups that no constraint crosses, with the constraints of each."""
        group_of = {name: frozenset({name}) for name in self.names}
        for constraint in self.constraints:
            joined = frozenset().union(*(group_of[name] for name in constraint.names))
            group_of |= dict.fromkeys(joined, joined)
        return tuple(
            (
                tuple(name for name in self.names if name in group),
                tuple(c for c in self.constraints if c.names[0] in group),
            )
            for group in dict.fromkeys(group_of.values())
        )

    def _named(self, combinations: Iterable[tuple[float, ...]]) -> Iterator[dict[str, float]]:
        return (dict(zip(self.names, each, strict=True)) for each in combinations)

    @staticmethod
    def _meets(constraints: Iterable[Constraint], values: Mapping[str, float]) -> bool:
        return all(constraint.is_met(values) for constraint in constraints)

    def _require_known(self, given: Iterable[str]) -> None:
        unknown = [name for name in given if name not in self.names]
        if unknown:
            known = ", ".join(self.names) or "none"
            raise ParameterError(f"unknown parameter {', '.join(map(repr, unknown))}; there are: {known}")

    def _require_constraints(self, values: Mapping[str, float]) -> None:
        for constraint in self.constraints:
            if not constraint.is_met(values):
                came = ", ".join(f"{name} = {values[name]:g}" for name in constraint.names)
                raise ParameterError(f"expected {constraint.words}, got {came}; next: change one of them")


def _spread(
    axes: Sequence[tuple[float, ...]], lengths: Sequence[int], defaults: Sequence[float]
) -> list[tuple[float, ...]]:
    """Return `lengths` values of each axis, evenly spaced from its first to its last; the default for a single one."""
    return [
        (default,) if length == 1 < len(axis) else tuple(axis[place] for place in _evenly(len(axis), length))
        for axis, length, default in zip(axes, lengths, defaults, strict=True)
    ]


def _evenly(n_places: int, n_taken: int) -> list[int]:
    return [round(place) for place in np.linspace(0, n_places - 1, n_taken).tolist()]
