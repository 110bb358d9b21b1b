"""Tests of `backtest.grid`: whatever the kernel and the portions, each parameter set gets its own statistics.

Belongs here: the choice of the kernel, portions, batches, limits. Not here: the kernels themselves
(`test_event_kernel`, `test_general_kernel`).
"""

import itertools
from dataclasses import fields

import numpy as np
import pytest

from bot_core_dagster.backtest import grid
from bot_core_dagster.backtest.general_kernel import simulate
from bot_core_dagster.backtest.grid import run_batches, run_grid
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.statistics import GridStatistics
from bot_core_dagster.errors import ParameterError
from bot_core_dagster.metrics import maximum_drawdown
from bot_core_dagster.strategies.registry import strategies, strategy_named
from bot_core_dagster.strategies.strategy import Strategy
from tests.builders import bars, instrument

N_BARS = 1_500
RULES = {
    "long or flat": TradingRules(),
    "shorts": TradingRules(allow_short=True),
    "stops": TradingRules(stop=0.02, target=0.05),
    "lots": TradingRules(lot_step=0.5, min_lot=1.0),
}


@pytest.fixture(scope="module")
def prepared() -> PreparedBars:
    """Two months of hours, some missing."""
    history = bars(N_BARS + 3, seed=8).drop(index=[200, 201, 900]).reset_index(drop=True)
    return PreparedBars.of(history, instrument())


def assert_same(one: GridStatistics, other: GridStatistics) -> None:
    for column in fields(GridStatistics):
        np.testing.assert_array_equal(getattr(one, column.name), getattr(other, column.name), err_msg=column.name)


@pytest.mark.parametrize("rules", RULES.values(), ids=list(RULES))
@pytest.mark.parametrize("strategy", strategies().values(), ids=list(strategies()))
def test_each_set_gets_what_a_single_simulation_gives(
    strategy: Strategy, rules: TradingRules, prepared: PreparedBars
) -> None:
    """Threshold strategies by either kernel, all others by their signals."""
    sets = strategy.space.grid(4)
    statistics = run_grid(prepared, strategy, sets, rules)
    assert statistics.n_combos == len(sets)
    for place, values in enumerate(sets):
        signal = strategy.signal(prepared.frame, "crypto", values)
        single = simulate(prepared, signal, rules)
        daily = single.equity[prepared.own_days.last_bar + 1]
        np.testing.assert_allclose(statistics.daily_equity[place], daily, rtol=1e-12)
        assert statistics.n_trades[place] == (single.exit_bar >= 0).sum()
        assert statistics.max_drawdown[place] == pytest.approx(maximum_drawdown(single.equity), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("name", ["rsi", "rsi_rules"])
@pytest.mark.parametrize("portion_bars", [1, 2, 5], ids="{} at once".format)
def test_portions_change_nothing_but_memory(
    name: str, portion_bars: int, prepared: PreparedBars, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = strategy_named(name)
    rng = np.random.default_rng(0)
    sets = strategy.space.sample(12, rng)
    whole = run_grid(prepared, strategy, sets, TradingRules())
    monkeypatch.setattr(grid, "PORTION_BYTES", 8 * N_BARS * portion_bars)
    told: list[tuple[int, int]] = []
    assert_same(run_grid(prepared, strategy, sets, TradingRules(), progress=lambda *done: told.append(done)), whole)
    assert len(told) > 1
    assert told == sorted(set(told))
    assert told[-1] == (12, 12)


def test_one_set_is_a_grid_of_one(prepared: PreparedBars) -> None:
    told: list[tuple[int, int]] = []
    statistics = run_grid(
        prepared, strategy_named("rsi"), [{}], TradingRules(), progress=lambda *done: told.append(done)
    )
    assert (statistics.n_combos, told) == (1, [(1, 1)])


def test_batches_join_to_the_grid_and_read_no_further_than_asked(prepared: PreparedBars) -> None:
    """An endless stream of sets is worked off batch by batch."""
    strategy = strategy_named("rsi")
    sets = strategy.space.grid(10)[:8]
    stream = itertools.cycle(sets)
    batches = run_batches(prepared, strategy, stream, TradingRules(), batch_size=4)
    (first_sets, first), (last_sets, last) = next(batches), next(batches)
    assert next(stream) is sets[0]
    assert [*first_sets, *last_sets] == sets
    whole = run_grid(prepared, strategy, sets, TradingRules())
    for column in fields(GridStatistics):
        joined = np.concatenate([getattr(first, column.name), getattr(last, column.name)])
        np.testing.assert_allclose(joined, getattr(whole, column.name), rtol=1e-12, err_msg=column.name)


def test_a_last_batch_may_be_smaller_and_no_sets_are_no_batches(prepared: PreparedBars) -> None:
    strategy = strategy_named("rsi")
    sets = strategy.space.grid(10)[:5]
    sizes = [len(batch) for batch, _ in run_batches(prepared, strategy, sets, TradingRules(), batch_size=2)]
    assert sizes == [2, 2, 1]
    assert list(run_batches(prepared, strategy, [], TradingRules())) == []


def test_ten_million_sets_are_refused_with_what_they_cost(prepared: PreparedBars) -> None:
    says = r"at most 4,260,880 parameter sets over 62 days, got 10,000,000, .* 4\.7 GiB; next: .*run_batches"
    with pytest.raises(ParameterError, match=says):
        run_grid(prepared, strategy_named("rsi"), [{}] * 10_000_000, TradingRules())


def test_a_grid_of_nothing_is_refused(prepared: PreparedBars) -> None:
    with pytest.raises(ParameterError, match="one or more parameter sets, got none"):
        run_grid(prepared, strategy_named("rsi"), [], TradingRules())
