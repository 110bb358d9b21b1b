"""Tests of `backtest.event_kernel`: equal to the readable twin, combination by combination.

Belongs here: the kernel against `backtest.reference`, over blocks, ties and missing bars; what it refuses. Not here:
what the rules mean (`test_reference`), which kernel a grid takes (`test_grid`).
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.backtest.event_kernel import can_follow, simulate_events
from bot_core_dagster.backtest.event_loop import BLOCK_BARS, FEW_COMBOS
from bot_core_dagster.backtest.general_kernel import simulate_many
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.reference import simulate_reference
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.simulation import ExitReason, Simulation
from bot_core_dagster.backtest.statistics import GridStatistics
from bot_core_dagster.backtest.thresholds import Thresholds
from bot_core_dagster.backtest.trades import trades_frame
from bot_core_dagster.errors import ParameterError, ShapeError
from bot_core_dagster.metrics import maximum_drawdown
from bot_core_dagster.metrics.arrays import FloatArray1D
from tests.builders import bars, instrument
from tests.core.backtest.markets import Case, cases, market_bars

PRECISION = 1e-12
LONG_OR_FLAT = st.builds(TradingRules, fraction=st.sampled_from([1.0, 0.5, 0.1]))
FEW_OR_MANY = st.sampled_from([1, 3, FEW_COMBOS, 20])


def signal_of(thresholds: Thresholds, combo: int) -> FloatArray1D:
    """Return the decisions of a combination as a strategy makes them."""
    known, enter, leave = thresholds.indicators[thresholds.row[combo]], thresholds.enter[combo], thresholds.exit[combo]
    return np.where(known <= enter, 1.0, np.where(known >= leave, -1.0, np.nan))


def assert_statistics_of(statistics: GridStatistics, combo: int, prepared: PreparedBars, twin: Simulation) -> None:
    """Hold a combination's statistics equal to those of the twin's curve and trades."""
    daily = twin.equity[prepared.own_days.last_bar + 1]
    np.testing.assert_allclose(statistics.daily_equity[combo], daily, rtol=PRECISION, atol=0.0)
    assert statistics.final_equity[combo] == pytest.approx(twin.equity[-1], rel=PRECISION, abs=0.0)
    assert statistics.max_drawdown[combo] == pytest.approx(maximum_drawdown(twin.equity), rel=PRECISION, abs=1e-13)
    closed = trades_frame(prepared, twin).query("not open")
    profits = closed["net_profit"].to_numpy()
    assert statistics.n_trades[combo] == len(closed)
    # A profit that is zero but for rounding may fall on either side.
    assert (profits > 1e-13).sum() <= statistics.n_winning[combo] <= (profits > -1e-13).sum()
    assert statistics.gains[combo] == pytest.approx(profits[profits > 0.0].sum(), rel=PRECISION, abs=1e-12)
    assert statistics.losses[combo] == pytest.approx(profits[profits <= 0.0].sum(), rel=PRECISION, abs=1e-12)
    assert statistics.bars_held[combo] == np.abs(twin.position).sum()
    notional = twin.qty @ twin.entry_price + np.nansum(twin.qty * np.abs(twin.exit_price))
    assert statistics.traded_notional[combo] == pytest.approx(notional, rel=PRECISION)


def drawn_thresholds(n_bars: int, n_combos: int, is_coarse: bool, rng: np.random.Generator) -> Thresholds:
    """Return thresholds of two indicators with NaN: ties are common on a coarse scale, and so are levels that cross."""
    indicators = rng.normal(0.0, 2.0, (2, n_bars))
    enter, leave = rng.normal(-1.0, 2.0, n_combos), rng.normal(1.0, 2.0, n_combos)
    if is_coarse:
        indicators, enter, leave = indicators.round(), enter.round(), leave.round()
    indicators[rng.random(indicators.shape) < 0.1] = np.nan
    return Thresholds(indicators, rng.integers(0, 2, n_combos), enter, leave)


@settings(max_examples=200, deadline=None)
@given(
    case=cases(LONG_OR_FLAT),
    n_combos=FEW_OR_MANY,
    is_coarse=st.booleans(),
    multiplier=st.sampled_from([0.0, 1.0, 2.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_combination_equals_the_readable_twin(
    case: Case, n_combos: int, is_coarse: bool, multiplier: float, seed: int
) -> None:
    """Over price gaps, ties, missing bars, every cost and financing that ruins."""
    prepared = case.prepared.costs(multiplier)
    thresholds = drawn_thresholds(prepared.n_bars, n_combos, is_coarse, np.random.default_rng(seed))
    statistics = simulate_events(prepared, thresholds, case.rules)
    for combo in range(min(n_combos, 3)):
        twin = simulate_reference(prepared, signal_of(thresholds, combo), case.rules)
        assert_statistics_of(statistics, combo, prepared, twin)


@pytest.mark.parametrize("n_combos", [1, 20], ids="{} combinations".format)
@pytest.mark.parametrize(
    "n_bars",
    [63, 64, 65, 127, 128, 129, 192, 193, BLOCK_BARS - 1, BLOCK_BARS, BLOCK_BARS + 1, 3 * BLOCK_BARS + 64],
    ids="{} bars".format,
)
def test_words_and_blocks_of_bars_leave_no_seam(n_bars: int, n_combos: int) -> None:
    """Positions held over the ends of words and blocks, financing and missing bars on both sides of them."""
    rng = np.random.default_rng(n_bars)
    missing = rng.choice(np.arange(1, n_bars), 20, replace=False).tolist()
    history = bars(n_bars + 20, seed=n_bars).drop(index=missing)
    costs = {"fee_bps": 4.0, "spread_bps": 2.0, "slippage_bps": 1.0, "funding_bps": 1.0}
    prepared = PreparedBars.of(history.reset_index(drop=True), instrument(costs=costs))
    walk = rng.normal(0.0, 1.0, (2, n_bars)).cumsum(axis=1)
    thresholds = Thresholds(
        np.sin(walk / 8.0),
        np.arange(n_combos) % 2,
        rng.uniform(-1.0, -0.2, n_combos),
        rng.uniform(0.2, 1.1, n_combos),
    )
    statistics = simulate_events(prepared, thresholds, TradingRules(fraction=0.8))
    for combo in range(min(n_combos, 4)):
        twin = simulate_reference(prepared, signal_of(thresholds, combo), TradingRules(fraction=0.8))
        assert_statistics_of(statistics, combo, prepared, twin)


@pytest.mark.parametrize(
    ("enter", "leave"),
    [(10.0, 20.0), (-10.0, 20.0), (-10.0, -9.0), (10.0, -10.0), (0.0, 0.0)],
    ids=["always enters", "never does", "always leaves", "enters where it leaves", "one level for both"],
)
@pytest.mark.parametrize("n_combos", [1, FEW_COMBOS], ids=["few", "many"])
def test_dense_and_empty_events_equal_the_twin(enter: float, leave: float, n_combos: int) -> None:
    prepared = PreparedBars.of(bars(300), instrument())
    indicators = np.random.default_rng(5).normal(0.0, 1.0, (1, 300)).round(1)
    thresholds = Thresholds(
        indicators, np.zeros(n_combos, dtype=np.int64), np.full(n_combos, enter), np.full(n_combos, leave)
    )
    statistics = simulate_events(prepared, thresholds, TradingRules())
    twin = simulate_reference(prepared, signal_of(thresholds, 0), TradingRules())
    for combo in range(n_combos):
        assert_statistics_of(statistics, combo, prepared, twin)


def test_a_long_trade_keeps_its_deepest_fall_and_its_peaks() -> None:
    """Held for 150 to 1,500 bars: the table of extremes is read in strides, new peaks and falls are searched inside."""
    prepared = PreparedBars.of(bars(4_000, seed=11), instrument())
    indicators = np.tile(np.repeat([-1.0, 0.0, 1.0, 0.0], [10, 1_500, 1, 150]), 3)[None, :4_000]
    n_combos = FEW_COMBOS
    thresholds = Thresholds(indicators, np.zeros(n_combos, np.int64), np.full(n_combos, -0.5), np.full(n_combos, 0.5))
    statistics = simulate_events(prepared, thresholds, TradingRules())
    twin = simulate_reference(prepared, signal_of(thresholds, 0), TradingRules())
    assert len(twin.entry_bar) == 3
    assert_statistics_of(statistics, n_combos - 1, prepared, twin)


@pytest.mark.parametrize("n_combos", [1, FEW_COMBOS], ids=["few", "many"])
def test_years_of_swaps_on_trading_hours_leave_no_rounding_behind(n_combos: int) -> None:
    """Financing is a difference of sums over all bars: it stays exact over four years of FX hours."""
    history = market_bars("fx", "2020-01-01", "2024-01-01").assign(price_side="bid", spread=0.01)
    costs = {"slippage_bps": 0.2, "swap_long_bps": 0.7, "swap_short_bps": -0.4}
    prepared = PreparedBars.of(history, instrument(calendar="fx", price_side="bid", costs=costs))
    indicators = np.sin(np.arange(prepared.n_bars) / 40.0)[None, :]
    thresholds = Thresholds(
        indicators, np.zeros(n_combos, dtype=np.int64), np.full(n_combos, -0.9), np.full(n_combos, 0.9)
    )
    statistics = simulate_events(prepared, thresholds, TradingRules())
    twin = simulate_reference(prepared, signal_of(thresholds, 0), TradingRules())
    assert np.median(twin.financing_cost) > 1e-4
    assert_statistics_of(statistics, 0, prepared, twin)


@pytest.mark.parametrize("n_combos", [1, 20], ids=["few", "many"])
def test_financing_that_takes_everything_ruins_as_the_twin_says(n_combos: int) -> None:
    """Borrowed at 10 % every eight hours, the position is worth nothing after some days; flat combinations live on."""
    prepared = PreparedBars.of(bars(500), instrument(symbol="BTCUSDT", costs={"fee_bps": 4.0, "funding_bps": 1_000.0}))
    enter = np.where(np.arange(n_combos) % 2 == 0, -1.0, -9.0)
    indicators = np.concatenate([[[-1.0]], np.zeros((1, 499))], axis=1)
    thresholds = Thresholds(indicators, np.zeros(n_combos, dtype=np.int64), enter, np.full(n_combos, 1.0))
    statistics = simulate_events(prepared, thresholds, TradingRules())
    twin = simulate_reference(prepared, signal_of(thresholds, 0), TradingRules())
    assert twin.exit_reason.tolist() == [ExitReason.RUIN]
    assert_statistics_of(statistics, 0, prepared, twin)
    assert statistics.final_equity.tolist() == np.where(enter == -1.0, 0.0, 1.0).tolist()


def test_it_equals_the_general_kernel_over_a_grid_on_a_year_of_hours() -> None:
    prepared = PreparedBars.of(bars(8_760, seed=4), instrument())
    rng = np.random.default_rng(4)
    thresholds = Thresholds(
        rng.normal(0.0, 1.0, (5, 8_760)),
        rng.integers(0, 5, 300),
        rng.uniform(-3.0, -1.0, 300),
        rng.uniform(0.5, 3.0, 300),
    )
    rules = TradingRules()
    events, general = simulate_events(prepared, thresholds, rules), simulate_many(prepared, thresholds, rules)
    np.testing.assert_array_equal(events.n_trades, general.n_trades)
    np.testing.assert_array_equal(events.n_winning, general.n_winning)
    np.testing.assert_array_equal(events.bars_held, general.bars_held)
    for name in ("daily_equity", "final_equity", "max_drawdown", "gains", "losses", "traded_notional"):
        np.testing.assert_allclose(getattr(events, name), getattr(general, name), rtol=PRECISION, err_msg=name)


@pytest.mark.parametrize(
    "changed",
    [
        {"allow_short": True},
        {"stop": 0.1},
        {"target": 0.1},
        {"trailing_stop": 0.1},
        {"lot_step": 1.0},
        {"min_lot": 1.0},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_rules_beyond_it_are_refused(changed: dict[str, Any]) -> None:
    rules = TradingRules(**changed)
    thresholds = Thresholds(np.zeros((1, 5)), np.zeros(1, dtype=np.int64), np.zeros(1), np.ones(1))
    assert not can_follow(rules)
    with pytest.raises(ParameterError, match=r"without shorts, stops, targets and lots.*next: general_kernel"):
        simulate_events(PreparedBars.of(bars(5), instrument()), thresholds, rules)


def test_indicators_of_other_bars_are_refused() -> None:
    thresholds = Thresholds(np.zeros((1, 4)), np.zeros(1, dtype=np.int64), np.zeros(1), np.ones(1))
    with pytest.raises(ShapeError, match=r"indicators of 5 bars, got shape \(1, 4\)"):
        simulate_events(PreparedBars.of(bars(5), instrument()), thresholds, TradingRules())
