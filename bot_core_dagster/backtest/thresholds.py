"""Thresholds of a grid: the indicators and levels that its combinations share.

Belongs here: from parameter sets of a threshold strategy to arrays, each distinct indicator computed once. Not here:
what an indicator is (`strategies.catalog`), how its crossings are traded (`backtest.event_kernel`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.simulation import IntArray1D
from bot_core_dagster.errors import ParameterError
from bot_core_dagster.features.definition import FloatArray2D
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.strategies.parameters import ParameterSpace
from bot_core_dagster.strategies.threshold import ThresholdStrategy


@dataclass(frozen=True, eq=False)
class Thresholds:
    """What each combination compares, in normal form: it enters at or below `enter`, leaves at or above `exit`.

    indicators : float ndarray of shape (n_indicators, n_bars), C-contiguous; NaN decides nothing
    row : int64 ndarray of shape (n_combos,), which indicator
    enter, exit : float ndarrays of shape (n_combos,), finite; where both are reached, entering wins
    """

    indicators: FloatArray2D
    row: IntArray1D
    enter: FloatArray1D
    exit: FloatArray1D

    @classmethod
    def of(
        cls, prepared: PreparedBars, strategy: ThresholdStrategy, parameter_sets: Sequence[Mapping[str, float]]
    ) -> "Thresholds":
        """Return the thresholds of all parameter sets, in their order; the indicators of all at once.

        Raises
        ------
        ParameterError
            If a set is not of the strategy's space, or its thresholds are not finite.
        ShapeError
            If the strategy's indicator gave another number of values than bars.
        """
        return ThresholdPlan.of(strategy, parameter_sets).on(prepared)


class Levels(NamedTuple):
    """The distinct (indicator, level) pairs of one side, shape (n_levels,), and that of each combination.

    of_combo : shape (n_combos,), a place among the pairs
    """

    row: IntArray1D
    level: FloatArray1D
    of_combo: IntArray1D

    @classmethod
    def of(cls, row: IntArray1D, level: FloatArray1D) -> "Levels":
        """Return the distinct pairs of those of all combinations, both of shape (n_combos,)."""
        order = np.lexsort((level, row))
        is_new = np.ones(len(order), dtype=np.bool_)
        is_new[1:] = (np.diff(row[order]) != 0) | (np.diff(level[order]) != 0.0)
        of_combo = np.empty(len(order), dtype=np.int64)
        of_combo[order] = np.cumsum(is_new) - 1
        firsts = order[is_new]
        return cls(row[firsts], level[firsts], of_combo)


@dataclass(frozen=True, eq=False)
class ThresholdPlan:
    """What a grid will compare, before any indicator is computed.

    strategy : ThresholdStrategy
    indicator_sets : complete parameters, one set for each distinct indicator
    row, enter, exit : as in `Thresholds`
    """

    strategy: ThresholdStrategy
    indicator_sets: tuple[Mapping[str, float], ...]
    row: IntArray1D
    enter: FloatArray1D
    exit: FloatArray1D

    @classmethod
    def of(cls, strategy: ThresholdStrategy, parameter_sets: Sequence[Mapping[str, float]]) -> "ThresholdPlan":
        """Return the plan of all parameter sets, in their order; errors as `Thresholds.of`."""
        complete = completed(strategy.space, parameter_sets)
        rows: dict[tuple[float, ...], int] = {}
        indicator_sets: list[Mapping[str, float]] = []
        row, names = [], strategy.indicator_parameters
        for values in complete:
            key = tuple([values[name] for name in names])
            if key not in rows:
                rows[key] = len(indicator_sets)
                indicator_sets.append(values)
            row.append(rows[key])
        levels = np.array([strategy.normal_thresholds(values) for values in complete], dtype=np.float64).reshape(-1, 2)
        if not np.isfinite(levels).all():
            place = int(np.argmin(np.isfinite(levels).all(axis=1)))
            raise ParameterError(
                f"{strategy.name}: expected finite thresholds, got {levels[place].tolist()} for "
                f"{dict(complete[place])}; next: correct the strategy's thresholds"
            )
        return cls(
            strategy, tuple(indicator_sets), np.array(row, dtype=np.int64), levels[:, 0].copy(), levels[:, 1].copy()
        )

    def part(self, indicators: slice) -> tuple[IntArray1D, "ThresholdPlan"]:
        """Return which combinations use the indicators of a slice with a start and a stop, and the plan of them."""
        places = np.flatnonzero((self.row >= indicators.start) & (self.row < indicators.stop))
        rows = self.row[places] - indicators.start
        return places, ThresholdPlan(
            self.strategy, self.indicator_sets[indicators], rows, self.enter[places], self.exit[places]
        )

    def on(self, prepared: PreparedBars) -> Thresholds:
        """Return the thresholds with their indicators computed on bars; after missing bars they start again."""
        runs = [(rows, prepared.run(rows)) for rows in prepared.runs]
        if len(self.indicator_sets) == len(runs) == 1:
            only = self.strategy.normal_indicator(runs[0][1], self.indicator_sets[0])
            return Thresholds(np.ascontiguousarray(only[np.newaxis], dtype=np.float64), self.row, self.enter, self.exit)
        indicators = np.empty((len(self.indicator_sets), prepared.n_bars))
        for values, indicator in zip(self.indicator_sets, indicators, strict=True):
            for rows, run in runs:
                indicator[rows] = self.strategy.normal_indicator(run, values)
        return Thresholds(indicators, self.row, self.enter, self.exit)


def completed(space: ParameterSpace, parameter_sets: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """Return each parameter set as `ParameterSpace.complete` does, but those that are complete and valid as they came.

    A grid has thousands of sets, nearly always complete: their ranges are checked all at once.

    Raises
    ------
    ParameterError
        If a set is not of the space.
    """
    n_names = len(space.names)
    sets = [given if len(given) == n_names else space.complete(given) for given in parameter_sets]
    values = _matrix(space, sets)
    low, high = (np.array([getattr(each, end) for each in space.parameters]) for end in ("low", "high"))
    is_integer = np.array([each.is_integer for each in space.parameters], dtype=np.bool_)
    is_valid = ((values >= low) & (values <= high) & ~(is_integer & (values != np.trunc(values)))).all(axis=1)
    for constraint in space.constraints:
        is_valid[is_valid] = [constraint.is_met(sets[place]) for place in np.flatnonzero(is_valid)]
    for place in np.flatnonzero(~is_valid):
        sets[place] = space.complete(sets[place])
    return sets


def _matrix(space: ParameterSpace, sets: Sequence[Mapping[str, float]]) -> FloatArray2D:
    """Return the sets as numbers, shape (n_combos, n_parameters); all NaN where they are not all rows of numbers."""
    values = np.full((len(sets), len(space.names)), np.nan)
    try:
        columns = [np.array([given[name] for given in sets]) for name in space.names]
    except (KeyError, ValueError):
        return values
    if all(column.ndim == 1 and column.dtype.kind in "iuf" for column in columns):
        for place, column in enumerate(columns):
            values[:, place] = column
    return values
