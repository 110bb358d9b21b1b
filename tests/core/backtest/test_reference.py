"""Tests of the rules of a simulation, by hand: the readable twin and the kernel, one by one.

Belongs here: the order of events in a bar, prices of exits, ruin, lots; numbers worked out in the test. Not here:
random comparisons of the two (`test_general_kernel`), frames (`test_engine`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.backtest.general_kernel import simulate
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.reference import simulate_reference
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.simulation import ExitReason, Simulation
from tests.builders import instrument
from tests.core.backtest.markets import FREE, hand_made

NAN = np.nan
Prices = list[tuple[float, float, float, float]]
Simulate = Callable[..., Simulation]

FLAT_AT_100 = (100.0, 100.0, 100.0, 100.0)


@pytest.fixture(params=[simulate_reference, simulate], ids=["readable twin", "kernel"])
def run(request: pytest.FixtureRequest) -> Simulate:
    """Simulate hand-made bars, free of costs unless said."""

    def of(prices: Prices, signal: list[float], costs: dict[str, Any] | None = None, **rules: Any) -> Simulation:
        history = hand_made(prices)
        prepared = PreparedBars.of(history, instrument(costs=FREE | (costs or {})))
        simulation: Simulation = request.param(prepared, np.array(signal), TradingRules(**rules))
        return simulation

    return of


def exit_of(simulation: Simulation) -> tuple[int, float, ExitReason, bool]:
    """Return the bar, price and reason of the only trade's exit, and whether it was inside of the bar."""
    (bar,), (price,), (reason,) = simulation.exit_bar, simulation.exit_price, simulation.exit_reason
    return int(bar), float(price), ExitReason(reason), bool(simulation.leaves_inside[0])


LONG = [1.0, NAN, NAN, NAN]
SHORT = [-1.0, NAN, NAN, NAN]


@pytest.mark.parametrize(
    ("third", "leaves"),
    [
        ((100.0, 101.0, 95.0, 96.0), (2, 95.0, ExitReason.STOP, True)),
        ((100.0, 101.0, 95.1, 96.0), None),
        ((94.0, 101.0, 93.0, 96.0), (2, 94.0, ExitReason.STOP, False)),
        ((100.0, 112.5, 99.0, 100.0), (2, 112.5, ExitReason.TARGET, True)),
        ((100.0, 112.4, 99.0, 100.0), None),
        ((114.0, 115.0, 94.0, 100.0), (2, 114.0, ExitReason.TARGET, False)),
        ((100.0, 112.5, 95.0, 100.0), (2, 95.0, ExitReason.STOP, True)),
    ],
    ids=[
        *("low on the stop", "low above the stop", "open past the stop", "high on the target", "high below the target"),
        *("open past the target, stop later", "both inside: stop first"),
    ],
)
def test_stops_and_targets_of_a_long(
    run: Simulate, third: tuple[float, float, float, float], leaves: tuple[int, float, ExitReason, bool] | None
) -> None:
    """Bought at 100 with a stop at 95 and a target at 112.5."""
    simulation = run([FLAT_AT_100, FLAT_AT_100, third, FLAT_AT_100], LONG, stop=0.05, target=0.125)
    if leaves is None:
        assert exit_of(simulation)[2] is ExitReason.OPEN
    else:
        assert exit_of(simulation) == leaves
        assert simulation.equity[3] == pytest.approx(leaves[1] / 100.0)


@pytest.mark.parametrize(
    ("third", "leaves"),
    [
        ((100.0, 105.0, 95.0, 100.0), (2, 105.0, ExitReason.STOP, True)),
        ((106.0, 107.0, 95.0, 100.0), (2, 106.0, ExitReason.STOP, False)),
        ((100.0, 101.0, 90.0, 95.0), (2, 90.0, ExitReason.TARGET, True)),
        ((88.0, 106.0, 87.0, 95.0), (2, 88.0, ExitReason.TARGET, False)),
    ],
    ids=["high on the stop", "open past the stop", "low on the target", "open past the target"],
)
def test_stops_and_targets_of_a_short_are_mirrored(
    run: Simulate, third: tuple[float, float, float, float], leaves: tuple[int, float, ExitReason, bool]
) -> None:
    """Sold at 100 with a stop at 105 and a target at 90."""
    prices = [FLAT_AT_100, FLAT_AT_100, third, FLAT_AT_100]
    simulation = run(prices, SHORT, stop=0.05, target=0.10, allow_short=True)
    assert exit_of(simulation) == leaves
    assert simulation.equity[-1] == pytest.approx(2.0 - leaves[1] / 100.0)
    np.testing.assert_array_equal(simulation.position, [0, -1, -1 if leaves[3] else 0, 0])


def test_the_entry_bar_counts(run: Simulate) -> None:
    simulation = run([FLAT_AT_100, (100.0, 104.0, 94.0, 103.0), FLAT_AT_100, FLAT_AT_100], LONG, stop=0.05)
    assert exit_of(simulation) == (1, 95.0, ExitReason.STOP, True)
    np.testing.assert_array_equal(simulation.position, [0, 1, 0, 0])


def test_the_signal_goes_before_a_stop_that_the_open_is_past(run: Simulate) -> None:
    prices = [FLAT_AT_100, FLAT_AT_100, (90.0, 91.0, 89.0, 90.0), FLAT_AT_100]
    assert exit_of(run(prices, [1.0, 0.0, NAN, NAN], stop=0.05)) == (2, 90.0, ExitReason.SIGNAL, False)


def test_who_was_stopped_at_the_open_does_not_enter_there_but_one_bar_later(run: Simulate) -> None:
    prices = [FLAT_AT_100, FLAT_AT_100, (90.0, 91.0, 89.0, 90.0), (90.0, 91.0, 89.0, 90.0)]
    simulation = run(prices, [1.0, 1.0, 1.0, NAN], stop=0.05)
    np.testing.assert_array_equal(simulation.entry_bar, [1, 3])
    np.testing.assert_array_equal(simulation.exit_reason, [ExitReason.STOP, ExitReason.OPEN])


def test_who_was_stopped_inside_a_bar_may_enter_at_the_next_open(run: Simulate) -> None:
    prices = [FLAT_AT_100, FLAT_AT_100, (100.0, 100.0, 94.0, 100.0), FLAT_AT_100]
    simulation = run(prices, [1.0, 1.0, 1.0, NAN], stop=0.05)
    np.testing.assert_array_equal(simulation.entry_bar, [1, 3])
    np.testing.assert_array_equal(simulation.position, [0, 1, 1, 1])


def test_the_opposite_signal_reverses_at_one_open(run: Simulate) -> None:
    prices = [FLAT_AT_100, FLAT_AT_100, (110.0, 110.0, 110.0, 110.0), (99.0, 99.0, 99.0, 99.0)]
    simulation = run(prices, [1.0, -1.0, NAN, NAN], allow_short=True)
    np.testing.assert_array_equal(simulation.position, [0, 1, -1, -1])
    np.testing.assert_array_equal(simulation.entry_bar, [1, 2])
    np.testing.assert_allclose(simulation.equity, [1.0, 1.0, 1.0, 1.1, 1.1 * 1.1])


def test_minus_one_without_shorts_only_leaves(run: Simulate) -> None:
    simulation = run([FLAT_AT_100] * 5, [-1.0, 1.0, -1.0, -1.0, NAN])
    np.testing.assert_array_equal(simulation.position, [0, 0, 1, 0, 0])


def test_a_second_plus_one_adds_nothing_and_nan_keeps(run: Simulate) -> None:
    simulation = run([FLAT_AT_100] * 5, [1.0, 1.0, NAN, 1.0, NAN])
    np.testing.assert_array_equal(simulation.position, [0, 1, 1, 1, 1])
    assert len(simulation.qty) == 1


def test_a_trailing_stop_uses_a_high_only_for_later_bars(run: Simulate) -> None:
    """Bought at 100, 10 % behind the best: the high of 120 lifts the stop to 108 from the next bar on."""
    prices = [FLAT_AT_100, (100.0, 120.0, 100.0, 118.0), (118.0, 119.0, 107.0, 110.0), FLAT_AT_100]
    assert exit_of(run(prices, LONG, trailing_stop=0.1)) == (2, 108.0, ExitReason.TRAILING_STOP, True)


def test_of_a_stop_and_a_trailing_stop_the_closer_counts(run: Simulate) -> None:
    """The stop at 95 until the best of 110 lifts the trailing one to 99."""
    falls_at_once = [FLAT_AT_100, (100.0, 101.0, 94.0, 95.0), FLAT_AT_100, FLAT_AT_100]
    falls_later = [FLAT_AT_100, (100.0, 110.0, 100.0, 109.0), (105.0, 106.0, 94.0, 95.0), FLAT_AT_100]
    both = {"stop": 0.05, "trailing_stop": 0.1}
    assert exit_of(run(falls_at_once, LONG, **both)) == (1, 95.0, ExitReason.STOP, True)
    assert exit_of(run(falls_later, LONG, **both)) == (2, 99.0, ExitReason.TRAILING_STOP, True)


def test_stops_slip_and_targets_do_not(run: Simulate) -> None:
    """Slippage 100 bps: bought at 101; the stop is 5 % below that, the target 10 % above."""
    slips, stop = {"slippage_bps": 100.0}, [FLAT_AT_100, FLAT_AT_100, (100.0, 100.0, 90.0, 91.0), FLAT_AT_100]
    stopped = run(stop, LONG, costs=slips, stop=0.05)
    assert exit_of(stopped)[1] == pytest.approx(101.0 * 0.95 * 0.99)
    assert stopped.slippage_cost == pytest.approx(stopped.qty * (1.0 + 101.0 * 0.95 * 0.01))
    target = [FLAT_AT_100, FLAT_AT_100, (100.0, 112.0, 100.0, 112.0), FLAT_AT_100]
    reached = run(target, LONG, costs=slips, target=0.1)
    assert exit_of(reached)[1] == pytest.approx(101.0 * 1.1)
    assert reached.slippage_cost == pytest.approx(reached.qty * 1.0)


@pytest.mark.parametrize(
    ("price_side", "signal", "leaves"),
    [
        ("bid", 1.0, (102.0, 2, 102.0 * 0.95)),
        ("ask", 1.0, (100.0, 2, 95.0)),
        ("bid", -1.0, (100.0, 3, 105.0)),
        ("ask", -1.0, (98.0, 3, 98.0 * 1.05)),
        ("mid", -1.0, (99.0, 3, 99.0 * 1.05)),
    ],
    ids=["long on bids", "long on asks", "short on bids", "short on asks", "short on mids"],
)
@pytest.mark.parametrize("simulated", [simulate_reference, simulate], ids=["readable twin", "kernel"])
def test_sell_stops_trigger_on_the_bid_and_buy_stops_on_the_ask(
    simulated: Simulate, price_side: str, signal: float, leaves: tuple[float, int, float]
) -> None:
    """Spread 2; a fall to 96.8 on the declared side, then a rise to 103.5: each stop is 5 % from its entry."""
    prices = [FLAT_AT_100, FLAT_AT_100, (100.0, 100.0, 96.8, 97.0), (97.0, 103.5, 97.0, 103.0)]
    history = hand_made(prices, spread=2.0, price_side=price_side)
    prepared = PreparedBars.of(history, instrument(costs=FREE, price_side=price_side))
    simulation = simulated(prepared, np.array([signal, NAN, NAN, NAN]), TradingRules(allow_short=True, stop=0.05))
    entry, bar, level = leaves
    assert simulation.entry_price[0] == entry
    assert exit_of(simulation)[1] == pytest.approx(level)
    assert exit_of(simulation)[::2] == (bar, ExitReason.STOP)


def test_a_stop_within_the_spread_of_its_entry_is_filled_where_the_market_is_and_not_at_its_level(
    run: Simulate,
) -> None:
    """Bought at 101, sold at the bid of the same open, 99: the level of 100.9 was never to be had."""
    simulation = run([FLAT_AT_100] * 4, LONG, costs={"spread_bps": 200.0}, stop=0.001)
    assert exit_of(simulation) == (1, 99.0, ExitReason.STOP, True)


def test_financing_is_charged_before_the_open_on_the_last_close(run: Simulate) -> None:
    """Funding 100 bps at 08:00: the bar of 07:00 closes at 120, and half of the equity holds 0.005 units."""
    prices = [FLAT_AT_100] * 7 + [(100.0, 120.0, 100.0, 120.0), (120.0, 120.0, 120.0, 120.0), FLAT_AT_100]
    simulation = run(prices, [1.0] + [NAN] * 6 + [0.0, NAN, NAN], costs={"funding_bps": 100.0}, fraction=0.5)
    assert exit_of(simulation) == (8, 120.0, ExitReason.SIGNAL, False)
    assert simulation.financing_cost == pytest.approx(0.005 * 120.0 * 0.01)
    np.testing.assert_allclose(simulation.equity[-2:], 1.1 - 0.006)


def test_a_position_opened_when_financing_falls_due_does_not_pay_it(run: Simulate) -> None:
    signal = [NAN] * 7 + [1.0, NAN, NAN]
    assert run([FLAT_AT_100] * 10, signal, costs={"funding_bps": 100.0}).financing_cost == 0.0


def test_shorts_get_the_funding_that_longs_pay(run: Simulate) -> None:
    simulation = run([FLAT_AT_100] * 10, [-1.0] + [NAN] * 9, costs={"funding_bps": 100.0}, allow_short=True)
    assert simulation.financing_cost == pytest.approx(-0.01)
    assert simulation.equity[-1] == pytest.approx(1.01)


def test_the_fee_is_part_of_the_fraction_that_goes_in(run: Simulate) -> None:
    """Half of the equity pays 1 / 1.01 of it for the quantity and the rest for the fee."""
    simulation = run([FLAT_AT_100] * 4, LONG, costs={"fee_bps": 100.0}, fraction=0.5)
    assert simulation.qty == pytest.approx(0.5 / 101.0)
    assert simulation.fees == pytest.approx(0.5 / 101.0)
    np.testing.assert_allclose(simulation.equity[2:], 0.5 + 0.5 / 1.01)


@pytest.mark.parametrize(
    ("lot_step", "min_lot", "units"),
    [(0.0, 0.0, 10.0), (3.0, 0.0, 9.0), (0.0, 10.5, None), (4.0, 9.0, None), (11.0, 0.0, None), (2.5, 10.0, 10.0)],
    ids=["any", "steps of 3", "below the smallest", "8 is below 9", "no whole step", "just the smallest"],
)
def test_lots(run: Simulate, lot_step: float, min_lot: float, units: float | None) -> None:
    """1,000 of equity buys ten at 100."""
    simulation = run([FLAT_AT_100] * 4, LONG, initial_equity=1_000.0, lot_step=lot_step, min_lot=min_lot)
    if units is None:
        assert len(simulation.qty) == 0
        np.testing.assert_array_equal(simulation.position, np.zeros(4))
    else:
        assert simulation.qty * 1_000.0 == pytest.approx(units)


def test_ruin_at_a_close_leaves_nothing_and_owes_nothing(run: Simulate) -> None:
    """Sold at 100 with all of the equity, gone at 200; the close of 250 does not make a debt."""
    prices = [FLAT_AT_100, FLAT_AT_100, (100.0, 250.0, 100.0, 250.0), FLAT_AT_100, FLAT_AT_100]
    simulation = run(prices, [-1.0, NAN, 1.0, 1.0, NAN], allow_short=True)
    assert exit_of(simulation)[1] == pytest.approx(200.0)
    assert exit_of(simulation)[2:] == (ExitReason.RUIN, True)
    np.testing.assert_array_equal(simulation.equity, [1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(simulation.position, [0, -1, -1, 0, 0])


def test_an_exit_that_would_leave_a_debt_is_a_ruin(run: Simulate) -> None:
    """The stop at 105 is gapped past to 300."""
    prices = [FLAT_AT_100, FLAT_AT_100, (300.0, 300.0, 300.0, 300.0), FLAT_AT_100]
    simulation = run(prices, SHORT, allow_short=True, stop=0.05, costs={"fee_bps": 10.0})
    assert exit_of(simulation)[2:] == (ExitReason.RUIN, False)
    assert simulation.equity[-1] == 0.0
    paid = simulation.fees
    assert paid == pytest.approx(simulation.qty * 100.0 * 0.001)


def test_the_last_decision_is_not_filled_and_what_is_held_stays_open(run: Simulate) -> None:
    assert len(run([FLAT_AT_100] * 3, [NAN, NAN, 1.0]).qty) == 0
    held = run([FLAT_AT_100, FLAT_AT_100, (100.0, 130.0, 100.0, 130.0)], [1.0, NAN, 0.0])
    assert exit_of(held)[2] is ExitReason.OPEN
    assert np.isnan(held.exit_price[0])
    assert held.equity[-1] == pytest.approx(1.3)


@pytest.mark.parametrize("simulated", [simulate_reference, simulate], ids=["readable twin", "kernel"])
def test_nothing_is_entered_on_the_bar_after_missing_bars_but_leaving_is_possible(simulated: Simulate) -> None:
    history = hand_made([FLAT_AT_100] * 12).drop(index=[3, 8]).reset_index(drop=True)
    prepared = PreparedBars.of(history, instrument(costs=FREE))
    signal = np.full(10, NAN)
    signal[[2, 3, 6]] = [1.0, 1.0, 0.0]
    simulation = simulated(prepared, signal, TradingRules())
    np.testing.assert_array_equal(simulation.entry_bar, [4])
    np.testing.assert_array_equal(simulation.exit_bar, [7])
    assert pd.Timestamp(prepared.open_time[7]) == pd.Timestamp("2024-01-01 09:00", tz="UTC")
