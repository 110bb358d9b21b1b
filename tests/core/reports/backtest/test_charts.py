"""Charts of a backtest: the numbers in them are those of the backtest."""

import math

import numpy as np
import pytest

from bot_core_dagster.reports.backtest.candles_chart import candles_chart
from bot_core_dagster.reports.backtest.charts import charts, equity_chart
from bot_core_dagster.reports.backtest.excerpt import excerpt_of
from bot_core_dagster.reports.chart import Chart
from tests.core.reports.results import backtest


def marks_of(chart: Chart) -> dict[str, Chart]:
    """Return what the legend of the candles names: name -> trace."""
    return {trace["name"]: trace for trace in chart["data"] if trace.get("mode") == "markers"}


def test_equity_ends_at_the_result_and_falls_to_the_deepest_drawdown() -> None:
    result, _ = backtest(26_280)
    held, double, net, _, fall = equity_chart(result)["data"]
    assert net["y"][-1] == pytest.approx(1.0 + result.summary.total_return, rel=1e-4)
    assert double["y"][-1] == pytest.approx(1.0 + result.summary.double_cost_return, rel=1e-4)
    assert held["y"][-1] == pytest.approx(1.0 + result.summary.buy_and_hold_return, rel=1e-4)
    assert min(fall["y"]) == pytest.approx(result.summary.max_drawdown, rel=1e-4)
    assert net["x"] == held["x"] == fall["x"]


def test_the_costs_lead_from_the_gross_to_the_net_profit() -> None:
    result, _ = backtest()
    (waterfall,) = charts(result)["costs"]["data"]
    net = math.fsum(result.trades["net_profit"])
    assert sum(waterfall["y"]) == pytest.approx(net, abs=1e-5)
    assert net == pytest.approx(result.summary.total_return, abs=1e-9)
    assert waterfall["text"][4] == "UNKNOWN"


def test_months_and_returns_of_trades_are_all_there() -> None:
    result, _ = backtest()
    drawn = charts(result)
    assert sum(drawn["trade-returns"]["data"][0]["y"]) == result.summary.total_trades
    (months,) = drawn["months"]["data"]
    assert np.shape(months["z"]) == np.shape(months["text"]) == (1, 13)
    assert months["text"][0][7:12] == [""] * 5


def test_what_there_is_nothing_to_draw_of_is_left_out() -> None:
    assert charts(backtest(2)[0]).keys() == {"equity"}
    assert charts(backtest(24 * 30)[0]).keys() == {"equity", "months", "trade-returns", "costs"}


def test_candles_show_every_bar_entry_and_exit_of_the_excerpt() -> None:
    result, bars = backtest()
    shown = excerpt_of(result, bars, 250)
    chart = candles_chart(shown)
    marks = marks_of(chart)
    assert len(chart["data"][0]["x"]) == 250
    assert chart["data"][0]["high"] == pytest.approx(shown.bars["high"].to_list())
    n_exits = sum(len(trace["x"]) for name, trace in marks.items() if name.startswith("Exit"))
    assert len(marks["Long entry"]["x"]) + len(marks["Short entry"]["x"]) == len(shown.entries)
    assert n_exits == len(shown.exits)
    assert len(chart["layout"]["shapes"]) == len(shown.trades)


def test_what_kind_of_trade_it_was_does_not_hang_on_colour_alone() -> None:
    result, bars = backtest()
    marks = marks_of(candles_chart(excerpt_of(result, bars, 2_000)))
    kinds = {(trace["marker"]["symbol"], trace["marker"].get("angle")) for trace in marks.values()}
    assert len(kinds) == len(marks) == 6
