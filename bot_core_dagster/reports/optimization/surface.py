"""The surface of a search: the objective over the two parameters that matter most.

Belongs here: which two, their cells, the best objective of each cell, where the winner and the deployed set lie. Not
here: drawing (`heat_map_picture`, `charts`), the search (`bot_core_dagster.optimization`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot_core_dagster.metrics.arrays import BoolArray2D, FloatArray1D, FloatArray2D, IntArray1D, IntArray2D
from bot_core_dagster.optimization.result import Optimization
from bot_core_dagster.reports.figures import share

MAX_CELLS: Final = 14
"""Along an axis; values beyond are joined to stretches of equally many."""

NEUTRAL: Final = {"profit_factor": 1.0, "win_rate": 0.5}
"""What an objective is worth to someone who does not trade, where that is not 0."""


@dataclass(frozen=True, eq=False)
class Axis:
    """One parameter cut into cells, each from the lowest to the highest tried value in it.

    low, high : ndarray of shape (n_cells,)
    explained : share of the objective's variance between the cells, in [0, 1]
    """

    name: str
    low: FloatArray1D
    high: FloatArray1D
    explained: float

    @property
    def labels(self) -> list[str]:
        """The cells in words: a value, or a range of values."""
        return [
            f"{low:g}" if low == high else f"{low:g}–{high:g}" for low, high in zip(self.low, self.high, strict=True)
        ]

    def places(self, values: FloatArray1D) -> IntArray1D:
        """Return the cell of each value; of one that lies in none, the nearest."""
        beyond = np.maximum(self.low - values[:, None], values[:, None] - self.high)
        places: IntArray1D = beyond.argmin(axis=1)
        return places


@dataclass(frozen=True, eq=False)
class Surface:
    """The best objective of each cell: of its sets with enough trades to win, where it has one.

    x, y : the axes, x explains most; None where no second parameter varies
    highest : ndarray of shape (n_y, n_x), NaN without a defined objective
    has_few_trades : ndarray of shape (n_y, n_x), whether `highest` is of a set with fewer than `min_trades`
    min_trades : what it takes to win
    n_sets : ndarray of shape (n_y, n_x), tried in the cell
    over : the other parameters that vary: each cell is the best over them
    winner, deployed : (x place, y place)
    """

    x: Axis
    y: Axis | None
    highest: FloatArray2D
    has_few_trades: BoolArray2D
    min_trades: int
    n_sets: IntArray2D
    over: tuple[str, ...]
    winner: tuple[int, int]
    deployed: tuple[int, int] | None

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes that there are, x first."""
        return (self.x,) if self.y is None else (self.x, self.y)

    @property
    def few_trades(self) -> str:
        """What a figure in brackets means, in words; empty where there is none."""
        if not self.has_few_trades.any():
            return ""
        return f"In brackets: no set with {self.min_trades} closed trades, none that could win"

    def text(self, figure: str, y: int, x: int) -> str:
        """Return the figure of a cell as it is written into it."""
        return f"({figure})" if self.has_few_trades[y, x] else figure

    @property
    def explained(self) -> str:
        """How much of the objective each axis explains, in words."""
        return ", ".join(f"{axis.name} {share(axis.explained)}" for axis in self.axes)


def surface_of(optimization: Optimization, deployed: Mapping[str, float] | None = None) -> Surface:
    """Return the surface of the trials over the two parameters that explain most of the objective.

    Parameters
    ----------
    optimization : Optimization
    deployed : mapping, optional
        The parameters in force; one outside the tried values is shown in the nearest cell.
    """
    sets, objective = optimization.parameter_sets, optimization.trials["objective_value"].to_numpy(dtype=np.float64)
    axes = [_axis(name, _tried(sets, name), objective) for name in sets[0]]
    varying = sorted((axis for axis in axes if len(axis.low) > 1), key=lambda axis: -axis.explained)
    x, y = varying[0] if varying else axes[0], varying[1] if len(varying) > 1 else None
    at_x, at_y = _cells(x, sets), _cells(y, sets)
    shape = (len(y.low) if y else 1, len(x.low))
    has_few = optimization.trials["n_trades"].to_numpy() < optimization.settings.min_trades
    of_all = _highest(shape, at_y, at_x, objective)
    of_possible_winners = _highest(shape, at_y, at_x, np.where(has_few, np.nan, objective))
    n_sets = np.zeros(shape, dtype=np.int64)
    np.add.at(n_sets, (at_y, at_x), 1)
    return Surface(
        x=x,
        y=y,
        highest=np.where(np.isnan(of_possible_winners), of_all, of_possible_winners),
        has_few_trades=np.isnan(of_possible_winners) & np.isfinite(of_all),
        min_trades=optimization.settings.min_trades,
        n_sets=n_sets,
        over=tuple(axis.name for axis in varying[2:]),
        winner=(int(at_x[optimization.best]), int(at_y[optimization.best])),
        deployed=(int(_cells(x, [deployed])[0]), int(_cells(y, [deployed])[0])) if deployed else None,
    )


def _highest(shape: tuple[int, int], at_y: IntArray1D, at_x: IntArray1D, objective: FloatArray1D) -> FloatArray2D:
    """Return the highest objective of each cell, NaN where none is defined."""
    highest: FloatArray2D = np.full(shape, -np.inf)
    np.maximum.at(highest, (at_y, at_x), np.nan_to_num(objective, nan=-np.inf, posinf=np.inf))
    highest[np.isneginf(highest)] = np.nan
    return highest


def _axis(name: str, tried: FloatArray1D, objective: FloatArray1D) -> Axis:
    distinct = np.unique(tried)
    parts = np.array_split(distinct, min(len(distinct), MAX_CELLS))
    cells = Axis(name, np.array([part[0] for part in parts]), np.array([part[-1] for part in parts]), 0.0)
    return Axis(name, cells.low, cells.high, _explained(cells.places(tried), objective))


def _explained(cell: IntArray1D, objective: FloatArray1D) -> float:
    """Return the variance between the cells' means over all of it (eta squared); 0 where nothing varies."""
    is_defined = np.isfinite(objective)
    if not is_defined.any():
        return 0.0
    cell, values = cell[is_defined], objective[is_defined] - objective[is_defined].mean()
    n = np.bincount(cell)
    sums = np.bincount(cell, weights=values)[n > 0]
    total = float(values @ values)
    return float((sums**2 / n[n > 0]).sum() / total) if total > 0.0 else 0.0


def _tried(sets: Sequence[Mapping[str, float]], name: str) -> FloatArray1D:
    return np.array([float(values[name]) for values in sets])


def _cells(axis: Axis | None, sets: Sequence[Mapping[str, float]]) -> IntArray1D:
    return np.zeros(len(sets), dtype=np.int64) if axis is None else axis.places(_tried(sets, axis.name))
