"""Grids: many parameter sets of a strategy on the same bars.

Belongs here: which kernel runs them, and in which portions so that memory stays bounded. Not here: the kernels
(`backtest.event_kernel`, `backtest.general_kernel`), which sets are worth trying (`optimization`), objectives
(`backtest.statistics`).
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Final, TypeAlias

import numpy as np

from bot_core_dagster.backtest.event_kernel import can_follow, simulate_events
from bot_core_dagster.backtest.general_kernel import int8_signal, simulate_many, simulate_signals
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.simulation import IntArray1D
from bot_core_dagster.backtest.statistics import GridStatistics
from bot_core_dagster.backtest.thresholds import ThresholdPlan
from bot_core_dagster.errors import ParameterError
from bot_core_dagster.strategies.strategy import Strategy
from bot_core_dagster.strategies.threshold import ThresholdStrategy

ParameterSets: TypeAlias = Sequence[Mapping[str, float]]
Progress: TypeAlias = Callable[[int, int], None]
_Portions: TypeAlias = Iterator[tuple[IntArray1D, GridStatistics]]

PORTION_BYTES: Final = 128 * 2**20
"""Of the arrays of indicators or signals that are held at once."""

LARGEST_BYTES: Final = 2 * 2**30
"""Of daily equity that one grid may return."""

_BYTES: Final = 8
_SIGNAL_BYTES: Final = 4
"""Of a bar: a decision, its code, and what checks them on the way."""


def run_grid(
    prepared: PreparedBars,
    strategy: Strategy,
    parameter_sets: ParameterSets,
    rules: TradingRules,
    *,
    progress: Progress | None = None,
) -> GridStatistics:
    """Return the statistics of each parameter set, in their order.

    Parameters
    ----------
    prepared : PreparedBars
    strategy : Strategy
        One with thresholds is simulated from them, any other from its signals.
    parameter_sets : sequence of mappings
        Of the strategy's space; what is not given takes its default.
    rules : TradingRules
    progress : callable, optional
        Told how many sets are done, and of how many, after each portion.

    Raises
    ------
    ParameterError
        If there is no set, one is not of the strategy's space, or all would return more than `LARGEST_BYTES`.
    """
    n_sets, n_days = len(parameter_sets), prepared.own_days.n_days
    if n_sets == 0:
        raise ParameterError("expected one or more parameter sets, got none; next: ParameterSpace.grid gives some")
    if n_sets * (n_days + 1) * _BYTES > LARGEST_BYTES:
        at_most = LARGEST_BYTES // ((n_days + 1) * _BYTES)
        raise ParameterError(
            f"expected at most {at_most:,} parameter sets over {n_days:,} days, got {n_sets:,}, whose daily equity "
            f"takes {n_sets * (n_days + 1) * _BYTES / 2**30:,.1f} GiB; next: ParameterSpace.grid or sample with fewer, "
            "or backtest.grid.run_batches"
        )
    portions = _portions_of(prepared, strategy, parameter_sets, rules)
    return _gathered(portions, n_sets, progress or _tell_nobody)


def run_batches(
    prepared: PreparedBars,
    strategy: Strategy,
    parameter_sets: Iterable[Mapping[str, float]],
    rules: TradingRules,
    *,
    batch_size: int = 10_000,
) -> Iterator[tuple[ParameterSets, GridStatistics]]:
    """Yield batches of parameter sets with their statistics: for more sets than fit into memory.

    Sets of one indicator that follow each other share it.

    Parameters
    ----------
    prepared, strategy, rules
        As `run_grid`.
    parameter_sets : iterable of mappings
        Read as far as the batches are.
    batch_size : int
        Sets of each batch but the last; 1 or more.

    Raises
    ------
    ParameterError
        As `run_grid`, of one batch.
    """
    remaining = iter(parameter_sets)
    while batch := list(itertools.islice(remaining, batch_size)):
        yield batch, run_grid(prepared, strategy, batch, rules)


def _portions_of(
    prepared: PreparedBars, strategy: Strategy, parameter_sets: ParameterSets, rules: TradingRules
) -> _Portions:
    if isinstance(strategy, ThresholdStrategy):
        return _threshold_portions(prepared, ThresholdPlan.of(strategy, parameter_sets), rules)
    return _signal_portions(prepared, strategy, parameter_sets, rules)


def _threshold_portions(prepared: PreparedBars, plan: ThresholdPlan, rules: TradingRules) -> _Portions:
    """Yield the places and statistics of the sets of some indicators at a time."""
    simulated = simulate_events if can_follow(rules) else simulate_many
    for rows in _slices(len(plan.indicator_sets), PORTION_BYTES // (prepared.n_bars * _BYTES)):
        places, part = plan.part(rows)
        yield places, simulated(prepared, part.on(prepared), rules)


def _signal_portions(
    prepared: PreparedBars, strategy: Strategy, parameter_sets: ParameterSets, rules: TradingRules
) -> _Portions:
    """Yield the places and statistics of as many sets at a time as there is room for their signals."""
    for rows in _slices(len(parameter_sets), PORTION_BYTES // (prepared.n_bars * _SIGNAL_BYTES)):
        signals = np.empty((rows.stop - rows.start, prepared.n_bars), dtype=np.int8)
        for signal, given in zip(signals, parameter_sets[rows], strict=True):
            signal[:] = int8_signal(strategy.signal(prepared.frame, prepared.calendar_name, given), prepared.n_bars)
        yield np.arange(rows.start, rows.stop), simulate_signals(prepared, signals, rules)


def _slices(n_places: int, at_once: int) -> Iterator[slice]:
    size = max(at_once, 1)
    return (slice(start, min(start + size, n_places)) for start in range(0, n_places, size))


def _gathered(portions: _Portions, n_sets: int, progress: Progress) -> GridStatistics:
    """Return all portions' statistics at their places; those of the only portion as they are."""
    gathered: dict[str, np.ndarray] = {}
    n_done = 0
    for places, statistics in portions:
        n_done += len(places)
        for name, values in ((column.name, getattr(statistics, column.name)) for column in fields(statistics)):
            if len(places) == n_sets:
                gathered[name] = values
            else:
                whole = gathered.setdefault(name, np.empty((n_sets, *values.shape[1:]), dtype=values.dtype))
                whole[places] = values
        progress(n_done, n_sets)
    return GridStatistics(**gathered)


def _tell_nobody(_n_done: int, _n_sets: int) -> None:
    """Progress that nobody asked for."""
