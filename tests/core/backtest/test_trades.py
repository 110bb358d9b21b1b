"""Tests of `backtest.trades` and `backtest.fills`: round trips and executions as frames.

Belongs here: columns of both by hand, and that they tell the same story. Not here: when a trade is entered and left
(`test_reference`), figures over trades (`test_summary`).
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from bot_core_dagster.backtest.fills import FILL_COLUMNS, fills_frame
from bot_core_dagster.backtest.general_kernel import simulate
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.trades import TRADE_COLUMNS, trades_frame
from bot_core_dagster.metrics.arrays import FloatArray1D
from tests.builders import instrument
from tests.core.backtest.markets import UNPROTECTED_SHORTS, Case, cases, hand_made

PRICES = [(100.0, 100.0, 100.0, 100.0)] * 2 + [(110.0, 112.0, 95.0, 100.0), (90.0, 91.0, 89.0, 90.0)]
COSTS = {"fee_bps": 10.0, "spread_bps": 20.0, "slippage_bps": 10.0}


def traded(signal: FloatArray1D, rules: TradingRules) -> pd.DataFrame:
    prepared = PreparedBars.of(hand_made(PRICES), instrument(costs=COSTS))
    return trades_frame(prepared, simulate(prepared, signal, rules))


def test_a_short_that_is_stopped_inside_a_bar_by_hand() -> None:
    """Sold at 100 x .998, stopped 8 % above that inside the bar of 02:00, where the ask reaches 112.11."""
    (trade,) = traded(np.array([-1.0, np.nan, np.nan, np.nan]), TradingRules(allow_short=True, stop=0.12)).to_dict(
        "records"
    )
    level = 99.8 * 1.12
    qty, exit_price = 1.0 / (99.8 * 1.001), level * 1.001
    expected = {
        "entry_price": 99.8,
        "exit_price": exit_price,
        "qty": qty,
        "fees": qty * (99.8 + exit_price) * 0.001,
        "spread_cost": qty * (0.1 + 0.11),
        "slippage_cost": qty * (0.1 + level * 0.001),
        "gross_profit": qty * (100.0 - (level - 0.11)),
        "net_profit": qty * (99.8 - exit_price) - qty * (99.8 + exit_price) * 0.001,
        "ret": (99.8 - exit_price) / (99.8 * 1.001) - (99.8 + exit_price) * 0.001 / (99.8 * 1.001),
    }
    assert {name: trade[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    assert (trade["direction"], trade["exit_reason"], trade["n_bars"], trade["open"]) == (-1, "stop", 2, False)
    assert trade["entry_time"] == pd.Timestamp("2024-01-01 01:00", tz="UTC")
    assert trade["exit_time"] == pd.Timestamp("2024-01-01 03:00", tz="UTC")


def test_an_exit_at_an_open_is_at_its_time_and_holds_no_bar_more() -> None:
    (trade,) = traded(np.array([1.0, np.nan, 0.0, np.nan]), TradingRules()).to_dict("records")
    assert trade["exit_time"] == pd.Timestamp("2024-01-01 03:00", tz="UTC")
    assert (trade["exit_reason"], trade["n_bars"]) == ("signal", 2)


def test_an_open_trade_has_paid_its_entry_and_is_marked_at_the_last_close() -> None:
    (trade,) = traded(np.array([1.0, np.nan, np.nan, np.nan]), TradingRules()).to_dict("records")
    qty = 1.0 / (100.2 * 1.001)
    assert pd.isna(trade["exit_time"])
    assert np.isnan(trade["exit_price"])
    assert (trade["exit_reason"], trade["open"], trade["n_bars"]) == ("open", True, 3)
    assert trade["fees"] == pytest.approx(qty * 0.1002)
    assert trade["net_profit"] == pytest.approx(qty * 90.0 - 1.0)


def test_the_fills_of_a_reversal_by_hand() -> None:
    """Bought at 01:00; sold out and sold short at 02:00; still short."""
    fills = fills_frame(traded(np.array([1.0, -1.0, np.nan, np.nan]), TradingRules(allow_short=True)))
    assert list(fills.columns) == list(FILL_COLUMNS)
    assert fills["side"].tolist() == ["buy", "sell", "sell"]
    assert fills["reason"].tolist() == ["entry", "signal", "entry"]
    assert fills["trade"].tolist() == [0, 0, 1]
    hours = [pd.Timestamp(f"2024-01-01 0{hour}:00", tz="UTC") for hour in (1, 2, 2)]
    assert fills["time"].tolist() == hours
    np.testing.assert_allclose(fills["price"], [100.2, 110.0 * 0.998, 110.0 * 0.998])
    np.testing.assert_allclose(fills["fee"], fills["qty"] * fills["price"] * 0.001)


@settings(max_examples=100, deadline=None)
@given(case=cases() | cases(UNPROTECTED_SHORTS, trend=0.05))
def test_fills_move_the_cash_that_trades_report(case: Case) -> None:
    """Each fill's cash and fee, and what is still held at the last close: the equity before financing."""
    prepared = case.prepared
    simulation = simulate(prepared, case.signal, case.rules)
    trades = trades_frame(prepared, simulation)
    fills = fills_frame(trades)
    sign = np.where(fills["side"] == "buy", 1.0, -1.0)
    cash = 1.0 - (sign * fills["qty"] * fills["price"]).sum() - fills["fee"].sum()
    held = (sign * fills["qty"]).sum() * prepared.close[-1]
    scale = max(1.0, float((fills["qty"] * fills["price"].abs()).sum()), float(np.abs(simulation.financing_cost).sum()))
    assert cash + held - simulation.financing_cost.sum() == pytest.approx(simulation.equity[-1], abs=1e-11 * scale)
    assert fills["time"].is_monotonic_increasing
    assert len(fills) == len(trades) + (~trades["open"]).sum()
    assert fills["fee"].sum() == pytest.approx(trades["fees"].sum(), abs=1e-12)


def test_frames_of_no_trades_have_the_same_columns_and_types() -> None:
    none, some = traded(np.zeros(4), TradingRules()), traded(np.ones(4), TradingRules())
    assert list(none.columns) == list(TRADE_COLUMNS)
    assert none.dtypes.equals(some.dtypes)
    assert list(fills_frame(none).columns) == list(FILL_COLUMNS)
