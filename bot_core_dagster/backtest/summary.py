"""The figures of a backtest, with what a headline must carry.

Belongs here: which curve and which trades each figure is of. Not here: formulas (`metrics`), the simulation
(`backtest.kernel`). An undefined figure is NaN, and so is an unknown cost.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster import metrics
from bot_core_dagster.metrics.arrays import FloatArray1D

N_TRIALS: Final = 1
"""A backtest of parameters that nothing was searched for."""


@dataclass(frozen=True)
class Summary:
    """Figures net of costs unless they say otherwise; money as a fraction of the starting equity.

    start, end : open of the first bar and close of the last, UTC
    total_trades, winning_trades, losing_trades : closed trades; open_trades: bought and not yet sold
    sharpe_low, sharpe_high : interval of the Sharpe ratio at sharpe_confidence (stationary bootstrap)
    n_periods, periods_per_year, sampling : days that the ratios are of, and how they are cut
    deflated_sharpe_ratio : for n_trials, which is 1 here: the probabilistic Sharpe ratio
    gross_*, double_cost_* : without costs, at twice the costs
    fees, spread_cost, slippage_cost : paid, open trades' entries included
    financing_cost : swap, funding and borrow: 0 for spot held without a loan, NaN where it is unknown
    """

    start: datetime
    end: datetime
    n_bars: int
    total_trades: int
    winning_trades: int
    losing_trades: int
    open_trades: int
    win_rate: float
    profit_factor: float
    expectancy: float
    avg_trade_duration_hours: float
    exposure: float
    turnover: float
    total_return: float
    cagr: float
    max_drawdown: float
    calmar_ratio: float
    sharpe_ratio: float
    sharpe_low: float
    sharpe_high: float
    sharpe_confidence: float
    sortino_ratio: float
    deflated_sharpe_ratio: float
    n_trials: int
    n_periods: int
    periods_per_year: int
    sampling: str
    gross_return: float
    gross_sharpe_ratio: float
    double_cost_return: float
    double_cost_sharpe_ratio: float
    buy_and_hold_return: float
    buy_and_hold_sharpe_ratio: float
    fees: float
    spread_cost: float
    slippage_cost: float
    financing_cost: float


def summarise(
    bars: pd.DataFrame,
    equity: pd.DataFrame,
    daily_equity: pd.DataFrame,
    trades: pd.DataFrame,
    sampling: metrics.Sampling,
    financing_cost: float,
) -> Summary:
    """Return the figures of the simulated curves and trades.

    Parameters
    ----------
    bars : bar frame
        That was simulated.
    equity, daily_equity, trades : DataFrame
        As in `backtest.result.Backtest`.
    sampling : Sampling
        Of the ratios.
    financing_cost : float
        As a fraction of the starting equity, NaN where unknown.
    """
    start, end = bars["open_time"].iloc[0].to_pydatetime(), bars["close_time"].iloc[-1].to_pydatetime()
    years = metrics.years_between(start, end)
    days = daily_equity[daily_equity["sampling"] == sampling.name]
    return Summary(
        start=start,
        end=end,
        n_bars=len(bars),
        n_trials=N_TRIALS,
        periods_per_year=sampling.periods_per_year,
        sampling=sampling.name,
        financing_cost=financing_cost,
        **_trade_figures(trades),
        **_path_figures(equity, trades, years),
        **_day_figures(days, sampling.periods_per_year),
    )


def _trade_figures(trades: pd.DataFrame) -> dict[str, Any]:
    closed = trades[~trades["open"]]
    profits = closed["net_profit"].to_numpy(dtype=np.float64)
    n_winning = int((profits > 0.0).sum())
    return {
        "total_trades": len(closed),
        "winning_trades": n_winning,
        "losing_trades": len(closed) - n_winning,
        "open_trades": len(trades) - len(closed),
        "win_rate": metrics.win_rate(profits),
        "profit_factor": metrics.profit_factor(profits),
        "expectancy": metrics.expectancy(profits),
        "avg_trade_duration_hours": _mean_hours(closed),
        "fees": math.fsum(trades["fees"]),
        "spread_cost": math.fsum(trades["spread_cost"]),
        "slippage_cost": math.fsum(trades["slippage_cost"]),
    }


def _path_figures(equity: pd.DataFrame, trades: pd.DataFrame, years: float) -> dict[str, Any]:
    curve = _with_start(equity["equity"])
    growth, deepest = metrics.cagr(1.0, curve[-1], years=years), metrics.maximum_drawdown(curve)
    return {
        "total_return": _total_return(equity["equity"]),
        "gross_return": _total_return(equity["gross_equity"]),
        "double_cost_return": _total_return(equity["double_cost_equity"]),
        "buy_and_hold_return": _total_return(equity["buy_and_hold"]),
        "cagr": growth,
        "max_drawdown": deepest,
        "calmar_ratio": metrics.calmar_ratio(growth, deepest),
        "exposure": metrics.exposure(equity["position"].to_numpy() > 0.0),
        "turnover": metrics.turnover(_traded_notionals(trades), curve, years=years),
    }


def _day_figures(days: pd.DataFrame, periods_per_year: int) -> dict[str, Any]:
    returns = metrics.simple_returns(_with_start(days["equity"]))
    interval = metrics.sharpe_interval(returns, periods_per_year=periods_per_year)
    return {
        "n_periods": len(returns),
        "sharpe_ratio": metrics.sharpe_ratio(returns, periods_per_year=periods_per_year),
        "sharpe_low": interval.low,
        "sharpe_high": interval.high,
        "sharpe_confidence": interval.confidence,
        "sortino_ratio": metrics.sortino_ratio(returns, periods_per_year=periods_per_year),
        "deflated_sharpe_ratio": metrics.deflated_sharpe_ratio(returns, n_trials=N_TRIALS),
        "gross_sharpe_ratio": _sharpe(days["gross_equity"], periods_per_year),
        "double_cost_sharpe_ratio": _sharpe(days["double_cost_equity"], periods_per_year),
        "buy_and_hold_sharpe_ratio": _sharpe(days["buy_and_hold"], periods_per_year),
    }


def _with_start(curve: pd.Series) -> FloatArray1D:
    return np.concatenate([[1.0], curve.to_numpy(dtype=np.float64)])


def _total_return(curve: pd.Series) -> float:
    return float(curve.iloc[-1] - 1.0)


def _sharpe(days: pd.Series, periods_per_year: int) -> float:
    return metrics.sharpe_ratio(metrics.simple_returns(_with_start(days)), periods_per_year=periods_per_year)


def _mean_hours(closed: pd.DataFrame) -> float:
    held = closed["exit_time"] - closed["entry_time"]
    return float(held.dt.total_seconds().mean() / 3_600) if len(closed) else math.nan


def _traded_notionals(trades: pd.DataFrame) -> FloatArray1D:
    exits = trades["exit_price"].dropna()
    return np.concatenate([trades["qty"] * trades["entry_price"], trades["qty"].loc[exits.index] * exits])
