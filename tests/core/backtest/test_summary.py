"""Tests of `backtest.summary` and `backtest.tables`.

Belongs here: figures by hand, what a headline must carry, rows for the lake. Not here: fills (`test_engine`).
"""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster import metrics
from bot_core_dagster.backtest import (
    BACKTESTS,
    BAR_EQUITY,
    EQUITY,
    TRADES,
    Backtest,
    backtest_rows,
    backtest_strategy,
    bar_equity_rows,
    equity_rows,
    run_backtest,
    trade_rows,
)
from bot_core_dagster.lake import Lake
from bot_core_dagster.strategies import RsiStrategy
from tests.builders import bars, instrument

SPEC_FIELDS = (
    *("total_trades", "winning_trades", "losing_trades", "win_rate", "total_return", "sharpe_ratio"),
    *("max_drawdown", "profit_factor", "avg_trade_duration_hours"),
)
HEADLINE_FIELDS = (
    *("sharpe_low", "sharpe_high", "sharpe_confidence", "n_trials", "deflated_sharpe_ratio", "buy_and_hold_return"),
    *("n_periods", "periods_per_year", "sampling", "gross_return", "double_cost_return"),
)

TABLES = (
    (BACKTESTS, backtest_rows),
    (TRADES, trade_rows),
    (EQUITY, equity_rows),
    (BAR_EQUITY, bar_equity_rows),
)


def backtest_of_a_year(**changed: Any) -> Backtest:
    traded = instrument(**changed)
    return backtest_strategy(bars(8_760, seed=2, symbol=traded.symbol), RsiStrategy(), traded)


def test_figures_by_hand() -> None:
    """Three trades of two bars each, free of costs: +10 %, -10 %, and one that is still open."""
    opens = [100.0, 100.0, 105.0, 110.0, 100.0, 95.0, 90.0, 90.0, 90.0, 99.0]
    history = bars(10).assign(open=opens, close=[*opens[1:], 99.0], high=120.0, low=80.0)
    target = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    costs = {"fee_bps": 0.0, "spread_bps": 0.0, "slippage_bps": 0.0}
    summary = run_backtest(history, target, instrument(costs=costs), strategy="test", parameters={}).summary
    assert (summary.total_trades, summary.winning_trades, summary.losing_trades, summary.open_trades) == (2, 1, 1, 1)
    assert summary.win_rate == 0.5
    assert summary.profit_factor == pytest.approx(0.10 / 0.11)
    assert summary.expectancy == pytest.approx(-0.005)
    assert summary.avg_trade_duration_hours == 2.0
    assert summary.exposure == 0.6
    assert summary.total_return == pytest.approx(1.1 * 0.9 * 1.1 - 1)
    assert summary.max_drawdown == pytest.approx(0.9 - 1)
    assert summary.buy_and_hold_return == pytest.approx(-0.01)
    assert summary.gross_return == summary.double_cost_return == summary.total_return
    assert math.isnan(summary.sharpe_ratio)
    assert (summary.n_periods, summary.n_bars) == (0, 10)


def test_a_headline_carries_what_makes_it_credible() -> None:
    backtest = backtest_of_a_year()
    figures = asdict(backtest.summary)
    assert set(SPEC_FIELDS + HEADLINE_FIELDS) <= set(figures)
    assert figures["sharpe_low"] < figures["sharpe_ratio"] < figures["sharpe_high"]
    assert (figures["n_periods"], figures["periods_per_year"], figures["sampling"]) == (365, 365, "utc")
    assert figures["gross_return"] > figures["total_return"] > figures["double_cost_return"]
    assert backtest.parameters_used == {"window": 14, "oversold": 30.0, "overbought": 70.0}


def test_the_sharpe_ratio_is_of_daily_marked_to_market_equity() -> None:
    """Against a resampling by pandas."""
    backtest = backtest_of_a_year()
    daily = backtest.equity.set_index("close_time")["equity"].resample("1D", closed="right", label="right").last()
    returns = pd.concat([pd.Series([1.0]), daily]).pct_change().dropna().to_numpy()
    assert backtest.summary.n_periods == len(returns)
    assert backtest.summary.sharpe_ratio == pytest.approx(metrics.sharpe_ratio(returns, periods_per_year=365))


@pytest.mark.parametrize(
    ("calendar", "samplings", "headline"),
    [("crypto", ["utc"], ("utc", 365)), ("fx", ["utc", "new_york"], ("new_york", 260))],
)
def test_equity_is_sampled_for_its_own_figures_and_for_mixed_portfolios(
    calendar: str, samplings: list[str], headline: tuple[str, int]
) -> None:
    backtest = backtest_of_a_year(calendar=calendar, symbol="EURUSD")
    assert list(backtest.daily_equity["sampling"].unique()) == samplings
    assert (backtest.summary.sampling, backtest.summary.periods_per_year) == headline


@pytest.mark.parametrize(
    ("changed", "is_known"),
    [({}, True), ({"symbol": "BTC/USDT:USDT"}, False), ({"calendar": "fx", "symbol": "EURUSD"}, False)],
    ids=["spot crypto", "perpetual", "fx"],
)
def test_an_unknown_financing_cost_is_not_zero(changed: dict[str, str], is_known: bool) -> None:
    assert math.isnan(backtest_of_a_year(**changed).summary.financing_cost) is not is_known


@pytest.mark.parametrize(("source", "simulated"), [("simulated", True), ("file:x.csv", False)])
def test_every_row_says_whether_its_bars_are_simulated(source: str, simulated: bool) -> None:
    backtest = backtest_strategy(bars(2_000, source=source), RsiStrategy(), instrument())
    assert backtest.is_simulated is simulated
    for _, rows_of in TABLES:
        rows = rows_of(backtest)
        assert len(rows) > 0
        assert (rows["simulated"] == simulated).all()


def test_one_simulated_bar_makes_the_result_simulated() -> None:
    mixed = bars(100)
    mixed.loc[3, "source"] = "simulated"
    assert backtest_strategy(mixed, RsiStrategy(), instrument()).is_simulated


@pytest.mark.parametrize("n_bars", [1, 50, 2_000], ids="{} bars".format)
def test_rows_have_unique_keys_described_columns_and_types_that_do_not_depend_on_their_number(n_bars: int) -> None:
    few = backtest_strategy(bars(n_bars), RsiStrategy(), instrument())
    many = backtest_strategy(bars(3_000), RsiStrategy(), instrument())
    for table, rows in TABLES:
        frame = rows(few)
        assert not frame.duplicated(list(table.key)).any(), table.name
        assert set(table.columns) <= set(frame.columns), table.name
        assert frame.dtypes.equals(rows(many).dtypes), table.name


def test_the_row_of_a_backtest_holds_its_parameters_as_json_and_all_figures() -> None:
    backtest = backtest_of_a_year()
    (row,) = backtest_rows(backtest).to_dict("records")
    assert json.loads(row["parameters_used"]) == backtest.parameters_used
    assert set(asdict(backtest.summary)) <= set(row)
    assert row["start"] == backtest.equity["close_time"].iloc[0] - pd.Timedelta(hours=1)


def test_rows_do_not_depend_on_when_they_are_made() -> None:
    """So that the same bars and parameters leave the lake as it is."""
    first, again = backtest_of_a_year(), backtest_of_a_year()
    for _, rows in TABLES:
        pd.testing.assert_frame_equal(rows(first), rows(again), check_exact=True)


def test_equity_rows_start_after_the_first_bar_and_end_whole_days() -> None:
    rows = equity_rows(backtest_strategy(bars(60), RsiStrategy(), instrument()))
    assert list(rows["day_end"]) == [pd.Timestamp("2024-01-02", tz="UTC"), pd.Timestamp("2024-01-03", tz="UTC")]


def test_bar_equity_is_what_the_maximum_drawdown_is_of() -> None:
    backtest = backtest_of_a_year()
    rows = bar_equity_rows(backtest)
    assert rows["close_time"].equals(backtest.equity["close_time"])
    curve = np.concatenate([[1.0], rows["equity"]])
    assert backtest.summary.max_drawdown == (curve / np.maximum.accumulate(curve) - 1).min()


def test_the_lake_keeps_rows_and_sees_no_change_in_the_same_ones(tmp_path: Path) -> None:
    lake, history = Lake.open(tmp_path / "lake", create=True), bars(3_000)
    for n_bars in (10, 2_990, 3_000):
        backtest = backtest_strategy(history.head(n_bars), RsiStrategy(), instrument())
        for table, rows in TABLES:
            lake.replace(table, rows(backtest), ["BTCUSDT"])
            again = lake.replace(table, rows(backtest), ["BTCUSDT"])["BTCUSDT"]
            assert (again.n_unchanged, again.n_rows) == (len(rows(backtest)), len(rows(backtest))), table.name
