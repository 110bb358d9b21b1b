"""Tests of `backtest.summary`.

Belongs here: figures by hand, what a headline must carry. Not here: formulas (tests of `metrics`), rows for the lake
(`test_tables`), fills (`test_trades`).
"""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster import metrics
from bot_core_dagster.backtest import Backtest, TradingRules, Trials, run_backtest
from tests.builders import bars, instrument
from tests.core.backtest.markets import decisions

SPEC_FIELDS = (
    *("total_trades", "winning_trades", "losing_trades", "win_rate", "total_return", "sharpe_ratio"),
    *("max_drawdown", "profit_factor", "avg_trade_duration_hours"),
)
HEADLINE_FIELDS = (
    *("sharpe_low", "sharpe_high", "sharpe_confidence", "n_trials", "deflated_sharpe_ratio", "buy_and_hold_return"),
    *("n_periods", "periods_per_year", "sampling", "gross_return", "double_cost_return"),
)


def backtest_of_a_year(**changed: Any) -> Backtest:
    traded = instrument(**changed)
    history = bars(8_760, seed=2, symbol=traded.symbol)
    return run_backtest(
        history, decisions(8_760, 2), traded, rules=TradingRules(), strategy="test", parameters={"window": 14}
    )


def test_figures_by_hand() -> None:
    """Three trades of two bars each, free of costs: +10 %, -10 %, and one that is still open."""
    opens = [100.0, 100.0, 105.0, 110.0, 100.0, 95.0, 90.0, 90.0, 90.0, 99.0]
    history = bars(10).assign(open=opens, close=[*opens[1:], 99.0], high=120.0, low=80.0)
    signal = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    costs = {"fee_bps": 0.0, "spread_bps": 0.0, "slippage_bps": 0.0}
    traded = instrument(costs=costs)
    summary = run_backtest(history, signal, traded, rules=TradingRules(), strategy="test", parameters={}).summary
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
    assert backtest.parameters_used == {"window": 14}


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


def test_the_further_figures_are_of_daily_returns_and_equity() -> None:
    """Each is the metric of that name; the formulas have tests of their own."""
    backtest = backtest_of_a_year()
    summary, days = backtest.summary, backtest.daily_equity
    curve = np.concatenate([[1.0], days["equity"]])
    returns, held = metrics.simple_returns(curve), metrics.simple_returns(np.concatenate([[1.0], days["buy_and_hold"]]))
    assert summary.volatility == metrics.volatility(returns, periods_per_year=365)
    assert (summary.skewness, summary.kurtosis) == (metrics.skewness(returns), metrics.kurtosis(returns))
    assert summary.value_at_risk == metrics.value_at_risk(returns)
    assert summary.conditional_value_at_risk == metrics.conditional_value_at_risk(returns)
    assert summary.ulcer_index == metrics.ulcer_index(curve)
    assert summary.omega_ratio == metrics.omega_ratio(returns)
    assert summary.longest_days_under_water == metrics.longest_time_under_water(curve)
    assert summary.current_days_under_water == metrics.current_time_under_water(curve)
    assert summary.beta == metrics.beta(returns, held)
    assert summary.alpha == metrics.alpha(returns, held, periods_per_year=365)


def test_the_deflated_sharpe_ratio_knows_among_how_many_it_was_chosen() -> None:
    history, signal = bars(3_000, seed=2), decisions(3_000, 2)

    def judged(trials: Trials) -> float:
        named: dict[str, Any] = {"rules": TradingRules(), "strategy": "test", "parameters": {}, "trials": trials}
        summary = run_backtest(history, signal, instrument(), **named).summary
        assert summary.n_trials == trials.n
        return summary.deflated_sharpe_ratio

    assert judged(Trials()) > judged(Trials(100)) > judged(Trials(100, variance=1.0))


def test_longs_and_shorts_are_counted_and_their_streaks() -> None:
    """Up for two bars and down for two by turns, decided a bar before; the last short is too late."""
    close = np.array([100.0, 101.0, 102.0, 101.0, 100.0, 101.0, 102.0, 103.0, 103.0])
    history = bars(9).assign(open=[100.0, *close[:-1]], high=104.0, low=99.0, close=close)
    signal = np.array([1.0, np.nan, -1.0, np.nan, 1.0, -1.0, np.nan, 0.0, np.nan])
    free = instrument(costs={"fee_bps": 0.0, "spread_bps": 0.0, "slippage_bps": 0.0})
    rules = TradingRules(allow_short=True)
    summary = run_backtest(history, signal, free, rules=rules, strategy="test", parameters={}).summary
    assert (summary.total_trades, summary.long_trades, summary.short_trades) == (4, 2, 2)
    assert (summary.winning_trades, summary.longest_winning_streak, summary.longest_losing_streak) == (3, 3, 1)


@pytest.mark.parametrize(
    ("changed", "is_known"),
    [({}, True), ({"symbol": "BTC/USDT:USDT"}, False), ({"calendar": "fx", "symbol": "EURUSD"}, False)],
    ids=["spot crypto", "perpetual", "fx"],
)
def test_an_unknown_financing_cost_is_not_zero(changed: dict[str, str], is_known: bool) -> None:
    assert math.isnan(backtest_of_a_year(**changed).summary.financing_cost) is not is_known


def test_unknown_financing_of_shorts_alone_does_not_hide_what_longs_pay() -> None:
    """Spot crypto: longs hold for nothing, shorts borrow at a rate that nobody said."""
    history = bars(200, seed=2)
    signal = np.where(np.arange(200) < 100, 1.0, -1.0)
    only_long = run_backtest(history, signal, instrument(), rules=TradingRules(), strategy="t", parameters={})
    both = run_backtest(
        history, signal, instrument(), rules=TradingRules(allow_short=True), strategy="t", parameters={}
    )
    assert only_long.summary.financing_cost == 0.0
    assert math.isnan(both.summary.financing_cost)
    np.testing.assert_array_equal(both.trades["financing_cost"], [0.0, np.nan])
