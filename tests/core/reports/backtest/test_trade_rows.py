"""The trades of the page: those that there are, and sums that agree with the backtest."""

import json

import numpy as np
import pytest

from bot_core_dagster.reports.backtest.trade_rows import MAX_ROWS, breakdown, trade_table
from bot_core_dagster.reports.chart import as_script
from bot_core_dagster.reports.figures import percentage
from tests.core.reports.results import backtest


def test_the_rows_hold_each_trade_with_its_times_and_profits() -> None:
    trades = backtest()[0].trades
    table = trade_table(trades)
    rows = [dict(zip((one["label"] for one in table["columns"]), row, strict=True)) for row in table["rows"]]
    assert len(rows) == table["n_all"] == len(trades)
    for row, trade in zip(rows, trades.to_dict("records"), strict=True):
        assert row["Entered"] == trade["entry_time"].timestamp() * 1_000
        assert row["Left"] == (None if trade["open"] else trade["exit_time"].timestamp() * 1_000)
        assert row["Direction"] == {1: "long", -1: "short"}[trade["direction"]]
        assert row["Before costs"] - row["Costs"] == pytest.approx(row["Net"], rel=1e-3, abs=1e-8)
        assert row["Net return"] == pytest.approx(trade["ret"], rel=1e-5)


def test_of_very_many_trades_the_last_are_listed_and_all_are_counted() -> None:
    trades = backtest(60_000)[0].trades
    assert len(trades) > MAX_ROWS
    table = trade_table(trades)
    assert len(table["rows"]) == MAX_ROWS
    assert table["n_all"] == len(trades)
    assert table["rows"][-1][0] == len(trades)


def test_unknown_financing_is_null_in_the_page() -> None:
    trades = backtest()[0].trades
    assert trades["financing_cost"].isna().any()
    table = json.loads(as_script(trade_table(trades)))
    place = [one["label"] for one in table["columns"]].index("Financing")
    assert [row[place] is None for row in table["rows"]] == trades["financing_cost"].isna().to_list()


def test_trades_by_direction_and_by_reason_add_up_to_all() -> None:
    trades = backtest()[0].trades
    rows = {row["name"]: row for row in breakdown(trades)}
    closed = trades[~trades["open"]]
    by_direction = [int(rows[name]["n"]) for name in ("Long", "Short")]
    by_reason = [int(row["n"]) for name, row in rows.items() if name.startswith("Left by")]
    assert sum(by_direction) == sum(by_reason) == len(closed)
    assert rows["All closed"]["profit"] == percentage(float(closed["net_profit"].sum()))
    assert rows["Left by stop"]["won"] == "0\u00a0%"
    assert "Still open, marked at the last close" in rows


def test_no_trade_gives_no_row() -> None:
    trades = backtest(2)[0].trades
    assert breakdown(trades) == []
    assert trade_table(trades)["rows"] == []
    assert np.isfinite(trade_table(trades)["n_all"])
