"""Tests of `backtest.tables`: rows for the lake.

Belongs here: keys, types, content of rows, and their way through the lake. Not here: the figures (`test_summary`).
"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.backtest import (
    BACKTESTS,
    BAR_EQUITY,
    EQUITY,
    TRADES,
    Backtest,
    TradingRules,
    backtest_rows,
    backtest_strategy,
    bar_equity_rows,
    equity_rows,
    trade_rows,
)
from bot_core_dagster.lake import Lake
from bot_core_dagster.strategies import strategy_named
from tests.builders import bars, instrument

TABLES = (
    (BACKTESTS, backtest_rows),
    (TRADES, trade_rows),
    (EQUITY, equity_rows),
    (BAR_EQUITY, bar_equity_rows),
)


def backtest_of_a_year() -> Backtest:
    return backtest_strategy(bars(8_760, seed=2), strategy_named("rsi"), {}, instrument(), TradingRules(stop=0.05))


@pytest.mark.parametrize(("source", "simulated"), [("simulated", True), ("file:x.csv", False)])
def test_every_row_says_whether_its_bars_are_simulated(source: str, simulated: bool) -> None:
    backtest = backtest_strategy(bars(2_000, source=source), strategy_named("rsi"), {}, instrument(), TradingRules())
    assert backtest.is_simulated is simulated
    for _, rows_of in TABLES:
        rows = rows_of(backtest)
        assert len(rows) > 0
        assert (rows["simulated"] == simulated).all()


def test_one_simulated_bar_makes_the_result_simulated() -> None:
    mixed = bars(100)
    mixed.loc[3, "source"] = "simulated"
    assert backtest_strategy(mixed, strategy_named("rsi"), {}, instrument(), TradingRules()).is_simulated


@pytest.mark.parametrize("n_bars", [1, 50, 2_000], ids="{} bars".format)
def test_rows_have_unique_keys_described_columns_and_types_that_do_not_depend_on_their_number(n_bars: int) -> None:
    few = backtest_strategy(bars(n_bars), strategy_named("rsi"), {}, instrument(), TradingRules())
    many = backtest_strategy(bars(3_000), strategy_named("rsi"), {}, instrument(), TradingRules())
    for table, rows in TABLES:
        frame = rows(few)
        assert not frame.duplicated(list(table.key)).any(), table.name
        assert set(table.columns) <= set(frame.columns), table.name
        assert frame.dtypes.equals(rows(many).dtypes), table.name


def test_the_row_of_a_backtest_holds_its_parameters_as_json_and_all_figures() -> None:
    backtest = backtest_of_a_year()
    (row,) = backtest_rows(backtest).to_dict("records")
    assert json.loads(row["parameters_used"]) == backtest.parameters_used
    assert json.loads(row["rules"])["stop"] == 0.05
    assert json.loads(row["rules"])["target"] is None
    assert set(asdict(backtest.summary)) <= set(row)
    assert row["start"] == backtest.equity["close_time"].iloc[0] - pd.Timedelta(hours=1)


def test_rows_do_not_depend_on_when_they_are_made() -> None:
    """So that the same bars and parameters leave the lake as it is."""
    first, again = backtest_of_a_year(), backtest_of_a_year()
    for _, rows in TABLES:
        pd.testing.assert_frame_equal(rows(first), rows(again), check_exact=True)


def test_equity_rows_start_after_the_first_bar_and_end_whole_days() -> None:
    rows = equity_rows(backtest_strategy(bars(60), strategy_named("rsi"), {}, instrument(), TradingRules()))
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
        backtest = backtest_strategy(history.head(n_bars), strategy_named("rsi"), {}, instrument(), TradingRules())
        for table, rows in TABLES:
            lake.replace(table, rows(backtest), ["BTCUSDT"])
            again = lake.replace(table, rows(backtest), ["BTCUSDT"])["BTCUSDT"]
            assert (again.n_unchanged, again.n_rows) == (len(rows(backtest)), len(rows(backtest))), table.name


def test_each_strategy_of_a_symbol_is_a_series_of_its_own(tmp_path: Path) -> None:
    """One strategy's rows are replaced without a look at another's."""
    lake, history = Lake.open(tmp_path / "lake", create=True), bars(500)
    for name in ("rsi", "macd"):
        backtest = backtest_strategy(history, strategy_named(name), {}, instrument(), TradingRules())
        for table, rows in TABLES:
            lake.replace(table, rows(backtest), ["BTCUSDT"], within={"strategy": name})
    again = backtest_strategy(history.head(400), strategy_named("rsi"), {}, instrument(), TradingRules())
    for table, rows in TABLES:
        lake.replace(table, rows(again), ["BTCUSDT"], within={"strategy": "rsi"})
    kept = lake.read(EQUITY, ["BTCUSDT"]).groupby("strategy")["day_end"].max()
    assert kept["macd"] > kept["rsi"]
    assert set(lake.read(BACKTESTS, ["BTCUSDT"])["strategy"]) == {"rsi", "macd"}
