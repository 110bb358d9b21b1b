"""Tests of `backtest.general_kernel`: equal to the readable twin, alone and in a grid.

Belongs here: the kernel against `backtest.reference`, refusals. Not here: what the rules mean (`test_reference`), money
and costs (`test_engine`).
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.backtest import general_kernel
from bot_core_dagster.backtest.financing import Known
from bot_core_dagster.backtest.general_kernel import KEEP, int8_signal, simulate, simulate_many, simulate_signals
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.reference import simulate_reference
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.simulation import Simulation
from bot_core_dagster.backtest.statistics import GridStatistics
from bot_core_dagster.backtest.thresholds import Thresholds
from bot_core_dagster.backtest.trades import trades_frame
from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics import maximum_drawdown
from bot_core_dagster.metrics.arrays import FloatArray1D
from tests.builders import bars, instrument
from tests.core.backtest.markets import RULES, UNPROTECTED_SHORTS, Case, assert_same, cases

MULTIPLIERS = st.sampled_from([0.0, 1.0, 2.0])


@settings(max_examples=300, deadline=None)
@given(case=cases(), multiplier=MULTIPLIERS)
def test_the_kernel_equals_the_readable_twin_to_the_last_bit(case: Case, multiplier: float) -> None:
    """Over gaps, ties, missing bars, every rule and every cost, ruin included."""
    prepared = case.prepared
    kernel = simulate(prepared, case.signal, case.rules, cost_multiplier=multiplier)
    assert_same(kernel, simulate_reference(prepared, case.signal, case.rules, cost_multiplier=multiplier))


@settings(max_examples=100, deadline=None)
@given(case=cases(UNPROTECTED_SHORTS, trend=0.05), multiplier=MULTIPLIERS)
def test_the_kernel_equals_the_readable_twin_in_markets_that_ruin(case: Case, multiplier: float) -> None:
    prepared = case.prepared
    kernel = simulate(prepared, case.signal, case.rules, cost_multiplier=multiplier)
    assert_same(kernel, simulate_reference(prepared, case.signal, case.rules, cost_multiplier=multiplier))


def assert_statistics_of(statistics: GridStatistics, combo: int, prepared: PreparedBars, twin: Simulation) -> None:
    """Hold a row of a grid's statistics equal to those of the twin's trades and curve."""
    closed = trades_frame(prepared, twin).query("not open")
    profits = closed["net_profit"].to_numpy()
    assert statistics.final_equity[combo] == twin.equity[-1]
    np.testing.assert_array_equal(statistics.daily_equity[combo], twin.equity[prepared.own_days.last_bar + 1])
    assert statistics.max_drawdown[combo] == pytest.approx(maximum_drawdown(twin.equity), rel=1e-12, abs=1e-15)
    assert statistics.n_trades[combo] == len(closed)
    assert statistics.bars_held[combo] == np.abs(twin.position).sum()
    # A profit that is zero but for rounding may fall on either side.
    assert (profits > 1e-13).sum() <= statistics.n_winning[combo] <= (profits > -1e-13).sum()
    assert statistics.gains[combo] == pytest.approx(profits[profits > 0.0].sum(), rel=1e-12, abs=1e-12)
    assert statistics.losses[combo] == pytest.approx(profits[profits <= 0.0].sum(), rel=1e-12, abs=1e-12)
    notional = twin.qty @ twin.entry_price + (twin.qty * np.abs(twin.exit_price))[~twin.is_open].sum()
    assert statistics.traded_notional[combo] == pytest.approx(notional, rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(case=cases(), rules=RULES, block_chunks=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_a_grid_of_thresholds_equals_the_twin_of_each_combination(
    case: Case, rules: TradingRules, block_chunks: int, seed: int
) -> None:
    """Whatever blocks of bars the passes are cut into; indicators with NaN and ties."""
    prepared, rng = case.prepared, np.random.default_rng(seed)
    indicators = np.round(rng.normal(0.0, 2.0, (2, prepared.n_bars)))
    indicators[rng.random(indicators.shape) < 0.2] = np.nan
    row, enter = rng.integers(0, 2, 5), rng.normal(-1.0, 1.5, 5).round(rng.integers(0, 2))
    thresholds = Thresholds(indicators, row, enter, enter + rng.integers(0, 4, 5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(general_kernel, "BLOCK_BARS", 8 * block_chunks)
        statistics = simulate_many(prepared, thresholds, rules)
    for combo in range(5):
        known = indicators[row[combo]]
        signal = np.where(known <= enter[combo], 1.0, np.where(known >= thresholds.exit[combo], -1.0, np.nan))
        assert_statistics_of(statistics, combo, prepared, simulate_reference(prepared, signal, rules))


def test_sets_in_any_order_share_levels_of_which_only_some_are_kept() -> None:
    """Some forty levels of each side, more than are kept; each set as if it came alone."""
    prepared, rng = PreparedBars.of(bars(500, seed=5), instrument()), np.random.default_rng(5)
    indicators = rng.uniform(0.0, 60.0, (4, 500))
    row, levels = rng.integers(0, 4, 60), np.arange(10.0)
    thresholds = Thresholds(indicators, row, rng.choice(levels, 60), 50.0 + rng.choice(levels, 60))
    together = simulate_many(prepared, thresholds, TradingRules(allow_short=True, stop=0.05))
    for combo in range(60):
        rows = slice(combo, combo + 1)
        one = replace(thresholds, row=row[rows], enter=thresholds.enter[rows], exit=thresholds.exit[rows])
        alone = simulate_many(prepared, one, TradingRules(allow_short=True, stop=0.05))
        np.testing.assert_array_equal(together.daily_equity[combo], alone.daily_equity[0])
    assert len(np.unique(together.final_equity)) > 50


@settings(max_examples=100, deadline=None)
@given(case=cases() | cases(UNPROTECTED_SHORTS, trend=0.05), seed=st.integers(0, 2**32 - 1))
def test_a_grid_of_signals_equals_the_twin_of_each_row(case: Case, seed: int) -> None:
    prepared = case.prepared
    signals = np.random.default_rng(seed).choice(np.array([-1, 0, 1, KEEP, KEEP, KEEP], np.int8), (3, prepared.n_bars))
    statistics = simulate_signals(prepared, signals, case.rules)
    for combo, coded in enumerate(signals):
        signal = np.where(coded == KEEP, np.nan, coded.astype(np.float64))
        assert_statistics_of(statistics, combo, prepared, simulate_reference(prepared, signal, case.rules))


@pytest.mark.parametrize("funding_bps", [None, 1.0], ids=["no funding", "funding"])
@pytest.mark.parametrize(
    "rules",
    [
        TradingRules(),
        TradingRules(allow_short=True),
        TradingRules(allow_short=True, stop=0.05, target=0.15),
        TradingRules(allow_short=True, trailing_stop=0.1),
    ],
    ids=["long", "long and short", "stop and target", "trailing stop"],
)
def test_a_year_of_hours_passes_over_blocks_and_quiet_chunks_alike(
    rules: TradingRules, funding_bps: float | None
) -> None:
    """Long positions on a long series: the passes jump over chunks there, and write day ends and drawdowns in them."""
    costs = {"fee_bps": 4.0, "funding_bps": funding_bps}
    prepared, rng = PreparedBars.of(bars(8_760, seed=3), instrument(costs=costs)), np.random.default_rng(3)
    indicators = rng.normal(0.0, 1.0, (2, 8_760)).cumsum(axis=1) % 60.0
    thresholds = Thresholds(indicators, np.array([0, 1, 1]), np.array([2.0, 1.0, 20.0]), np.array([58.0, 59.0, 59.9]))
    statistics = simulate_many(prepared, thresholds, rules)
    for combo, row in enumerate(thresholds.row):
        known = indicators[row]
        signal = np.where(
            known <= thresholds.enter[combo], 1.0, np.where(known >= thresholds.exit[combo], -1.0, np.nan)
        )
        assert_statistics_of(statistics, combo, prepared, simulate_reference(prepared, signal, rules))


def test_the_price_of_a_bar_does_not_depend_on_later_ones() -> None:
    history, rng = bars(300, seed=6), np.random.default_rng(6)
    signal = rng.choice([1.0, -1.0, 0.0, np.nan], 300, p=[0.1, 0.1, 0.1, 0.7])
    rules = TradingRules(allow_short=True, stop=0.01, target=0.02, trailing_stop=0.015)
    whole = simulate(PreparedBars.of(history, instrument()), signal, rules)
    for n_known in (1, 2, 50, 299):
        known = simulate(PreparedBars.of(history.head(n_known), instrument()), signal[:n_known], rules)
        np.testing.assert_array_equal(known.equity, whole.equity[: n_known + 1])
        np.testing.assert_array_equal(known.position, whole.position[:n_known])


@pytest.mark.parametrize(
    ("signal", "says"),
    [
        (np.zeros(4), r"one decision for each of 5 bars, got shape \(4,\)"),
        (np.full(5, 0.5), r"got 0\.5"),
        (np.full(5, 2.0), "got 2"),
        (np.full(5, np.inf), "got inf"),
    ],
    ids=["too few", "half a position", "two positions", "infinite"],
)
def test_decisions_that_are_none_are_refused(signal: FloatArray1D, says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        simulate(PreparedBars.of(bars(5), instrument()), signal, TradingRules())


def test_int8_signals_that_are_none_are_refused() -> None:
    prepared = PreparedBars.of(bars(5), instrument())
    with pytest.raises(ShapeError, match="got 3"):
        simulate_signals(prepared, np.full((1, 5), 3, dtype=np.int8), TradingRules())
    with pytest.raises(ShapeError, match=r"rows of 5 bars, got shape \(1, 4\)"):
        simulate_signals(prepared, np.zeros((1, 4), dtype=np.int8), TradingRules())
    longer = Thresholds(np.zeros((1, 6)), np.zeros(1, dtype=np.int64), np.zeros(1), np.zeros(1))
    with pytest.raises(ShapeError, match=r"rows of 5 bars, got shape \(1, 6\)"):
        simulate_many(prepared, longer, TradingRules())


def test_a_signal_as_int8_keeps_what_nan_keeps() -> None:
    np.testing.assert_array_equal(int8_signal(np.array([1.0, np.nan, -1.0, 0.0]), 4), [1, KEEP, -1, 0])


@settings(max_examples=60, deadline=None)
@given(case=cases() | cases(UNPROTECTED_SHORTS, trend=0.05))
def test_equity_is_its_start_and_the_profits_of_its_trades(case: Case) -> None:
    """Of open trades too, stops, shorts, lots, financing and ruin included."""
    prepared = replace(case.prepared, is_financing_known=Known(True, True))
    simulation = simulate(prepared, case.signal, case.rules)
    trades = trades_frame(prepared, simulation)
    scale = max(1.0, np.abs(trades[["gross_profit", "financing_cost"]]).sum().sum())
    assert simulation.equity[-1] == pytest.approx(1.0 + trades["net_profit"].sum(), abs=1e-9 * scale)
    costs = trades[["fees", "spread_cost", "slippage_cost", "financing_cost"]].sum(axis=1)
    np.testing.assert_allclose(trades["gross_profit"] - costs, trades["net_profit"], atol=1e-12 * scale)
    assert trades["n_bars"].sum() == np.abs(simulation.position).sum()
