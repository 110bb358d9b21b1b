"""Financing in the review: what is known of it is a cost of its own, and what is unknown is not zero."""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from bot_core_dagster.backtest import TradingRules, bar_equity_rows, equity_rows, run_backtest, trade_rows
from bot_core_dagster.portfolio import PortfolioReport, review_portfolio
from bot_core_dagster.portfolio.performance import trade_figures
from bot_core_dagster.settings import PortfolioSettings
from tests import builders
from tests.core.portfolio import sleeve_rows

START, END = pd.Timestamp("2024-01-01", tz="UTC"), pd.Timestamp("2024-02-01", tz="UTC")
CASES: dict[str, tuple[list[float], float]] = {
    "paid and got": ([0.002, -0.0005, 0.0], 0.75),
    "some unknown": ([0.002, math.nan, 0.001], 1.5),
    "all unknown": ([math.nan, math.nan], math.nan),
    "no trade": ([], 0.0),
}


@pytest.mark.parametrize(("of_trades", "expected"), CASES.values(), ids=CASES)
def test_the_known_financing_of_closed_trades_is_summed_in_account_currency(
    of_trades: npt.ArrayLike, expected: float
) -> None:
    trades = sleeve_rows.trade_rows(np.zeros(np.size(of_trades)), financing_cost=of_trades)
    assert trade_figures(trades, START, END, 500.0).financing_cost == pytest.approx(expected, nan_ok=True)


def test_a_trade_that_is_still_open_has_not_paid_in_the_figures_of_closed_ones() -> None:
    trades = sleeve_rows.trade_rows(
        [0.0], financing_cost=0.002, open=True, exit_time=pd.DatetimeIndex([None], tz="UTC")
    )
    assert trade_figures(trades, START, END, 500.0).financing_cost == 0.0


def _held(funding_bps: float) -> PortfolioReport:
    """Review a perpetual whose price stands still, held two days in three; only funding costs."""
    traded = builders.instrument(costs={"funding_bps": funding_bps})
    history = builders.bars(24 * 60).assign(open=100.0, high=100.0, low=100.0, close=100.0)
    signal = np.where(np.arange(len(history)) % 72 < 48, 1.0, 0.0)
    made = run_backtest(history, signal, traded, rules=TradingRules(), strategy="rsi", parameters={})
    tables = equity_rows(made), bar_equity_rows(made), trade_rows(made)
    return review_portfolio(*tables, "2024-02", PortfolioSettings(), [traded], ["rsi"], {})


def test_paid_funding_is_a_cost_and_its_own_item() -> None:
    """Twenty times two days, at six payments of 2 bps of the equity held (the entry at 01:00 misses the first)."""
    report = _held(2.0)
    whole = report.since_inception
    assert (whole.trades.n_closed, whole.trades.fees, whole.trades.spread_cost) == (20, 0.0, 0.0)
    assert whole.cost == pytest.approx(whole.trades.financing_cost)
    assert whole.cost == pytest.approx(10_000.0 * (1.0 - (1.0 - 0.0002 * 6) ** 20), rel=1e-3)
    assert (report.unknown_financing, math.isnan(whole.cost_share)) == ((), True)


def test_got_funding_is_an_item_below_zero_and_no_cost() -> None:
    whole = _held(-2.0).since_inception
    assert whole.profit > 0.0
    assert whole.trades.financing_cost == pytest.approx(-whole.profit)
    assert whole.cost == pytest.approx(0.0, abs=1e-9)
    assert whole.cost_share == pytest.approx(0.0, abs=1e-9)
