"""Performance: the figures of the portfolio over one period, with what a headline must carry.

Belongs here: which curve and which trades a figure is of. Not here: the formulas (`metrics`), whose profit it is
(`portfolio.attribution`), what follows from it (`portfolio.recommendations`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.metrics import (
    deflated_sharpe_ratio,
    sharpe_interval,
    sharpe_ratio,
    simple_returns,
    win_rate,
)
from bot_core_dagster.portfolio.attribution import Sleeve
from bot_core_dagster.portfolio.bar_curve import BarCurve
from bot_core_dagster.portfolio.sleeves import SleeveBook

_ITEMS: Final = ("fees", "spread_cost", "slippage_cost")


@dataclass(frozen=True)
class TradeFigures:
    """The trades that closed in a period, whole, and how many were still open at its end; costs in account currency.

    financing_cost : known swap, funding and borrow, negative where got; nan where trades closed and it is known of none
    """

    n_closed: int
    n_open: int
    win_rate: float
    fees: float
    spread_cost: float
    slippage_cost: float
    financing_cost: float


@dataclass(frozen=True)
class Performance:
    """The portfolio from one day end to another; money in account currency, an undefined figure is nan.

    start, end : day ends, UTC; returns and drawdown are fractions of the equity at `start`
    total_return, sharpe_ratio : net of costs, of the equity at day ends, the starting equity included
    max_drawdown : net of costs, of the equity at bar closes, the starting equity included
    sharpe_low, sharpe_high : interval of the Sharpe ratio at `confidence` (stationary bootstrap)
    deflated_sharpe_ratio : probability that the true Sharpe ratio is above what the best of `n_trials` shows by luck
    gross_return, double_cost_return : with no costs, with twice the costs
    buy_and_hold_return : of the same split, bought at each sleeve's first bar and held
    n_trials : as `count_trials`
    cost : gross profit less profit: what costs took, known financing and the growth that all of it prevented included
    """

    start: pd.Timestamp
    end: pd.Timestamp
    n_periods: int
    periods_per_year: int
    n_trials: int
    start_equity: float
    end_equity: float
    profit: float
    total_return: float
    sharpe_ratio: float
    sharpe_low: float
    sharpe_high: float
    confidence: float
    deflated_sharpe_ratio: float
    max_drawdown: float
    gross_return: float
    double_cost_return: float
    buy_and_hold_return: float
    gross_profit: float
    cost: float
    trades: TradeFigures

    @property
    def cost_share(self) -> float:
        """Costs as a share of the gross profit; nan where there was no gross profit to take a share of."""
        return self.cost / self.gross_profit if self.gross_profit > 0 else math.nan


def count_trials(deployed: Mapping[Sleeve, int]) -> int:
    """Return how many trials the portfolio was chosen among (CONVENTIONS 6): 1, and those of the deployed sleeves.

    The sleeves as the settings have them are one design that nobody searched; alone, they make the deflated Sharpe
    ratio the probabilistic one. Each decision chose among the trials of its own question, and no trial belongs to two
    questions, so that the sum counts each that was made once; the product would count combinations that never ran.
    None of the trials ran the whole portfolio: the variance of their Sharpe ratios is taken at its floor,
    1 / (n_periods - 1), in `metrics.deflated_sharpe_ratio`.

    Parameters
    ----------
    deployed : mapping
        Sleeves that trade deployed parameters to the distinct trials that these were chosen among.
    """
    return 1 + sum(deployed.values())


def performance(
    book: SleeveBook,
    bars: BarCurve,
    trades: pd.DataFrame,
    start: int,
    end: int,
    periods_per_year: int,
    n_trials: int,
) -> Performance:
    """Return the figures between two positions of `book.day_end`, start <= end.

    Parameters
    ----------
    bars : BarCurve
        Of the same sleeves.
    trades : DataFrame
        Rows of `backtest`'s TRADES table of the book's sleeves.
    """
    equity, gross = book.total("equity"), book.total("gross_equity")
    returns = simple_returns(equity[start : end + 1])
    interval = sharpe_interval(returns, periods_per_year=periods_per_year)
    profit, gross_profit = float(equity[end] - equity[start]), float(gross[end] - gross[start])
    return Performance(
        start=book.day_end[start],
        end=book.day_end[end],
        n_periods=len(returns),
        periods_per_year=periods_per_year,
        n_trials=n_trials,
        start_equity=float(equity[start]),
        end_equity=float(equity[end]),
        profit=profit,
        total_return=book.growth("equity", start, end),
        sharpe_ratio=sharpe_ratio(returns, periods_per_year=periods_per_year),
        sharpe_low=interval.low,
        sharpe_high=interval.high,
        confidence=interval.confidence,
        deflated_sharpe_ratio=deflated_sharpe_ratio(returns, n_trials=n_trials),
        max_drawdown=bars.max_drawdown(book.day_end[start], book.day_end[end]),
        gross_return=book.growth("gross_equity", start, end),
        double_cost_return=book.growth("double_cost_equity", start, end),
        buy_and_hold_return=book.growth("buy_and_hold", start, end),
        gross_profit=gross_profit,
        cost=gross_profit - profit,
        trades=trade_figures(trades, book.day_end[start], book.day_end[end], book.part),
    )


def trade_figures(trades: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp, part: float) -> TradeFigures:
    """Return the figures of the trades that closed in (start, end].

    A trade counts, with all of its costs, where it closes. `part` is each sleeve's share of the initial equity in
    account currency, the unit of the money columns of `trades`.
    """
    closed = trades[(trades["exit_time"] > start) & (trades["exit_time"] <= end)]
    still_open = (trades["entry_time"] <= end) & ~(trades["exit_time"] <= end)
    fees, spread_cost, slippage_cost = (part * math.fsum(closed[item]) for item in _ITEMS)
    return TradeFigures(
        n_closed=len(closed),
        n_open=int(still_open.sum()),
        win_rate=win_rate(closed["net_profit"].to_numpy(dtype="float64")),
        fees=fees,
        spread_cost=spread_cost,
        slippage_cost=slippage_cost,
        financing_cost=part * _known_sum(closed["financing_cost"]),
    )


def _known_sum(costs: pd.Series) -> float:
    """Return the sum of what is known; 0 of no trade, nan where nothing is known of any."""
    known = costs.to_numpy(dtype=np.float64)
    known = known[~np.isnan(known)]
    return math.fsum(known) if len(known) or costs.empty else math.nan
