"""The figures of a backtest, with what a headline must carry.

Belongs here: their names and meaning, and which curve and which trades each is of. Not here: formulas (`metrics`), the
simulation (`backtest.general_kernel`). An undefined figure is NaN, and so is an unknown cost.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster import metrics
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.metrics.arrays import FloatArray1D


@dataclass(frozen=True)
class Trials:
    """How many parameter sets the judged one was chosen among, for the deflated Sharpe ratio.

    n : distinct trials of the question, the judged one included (CONVENTIONS 6)
    variance : of the trials' Sharpe ratios per period
    """

    n: int = 1
    variance: float = 0.0


NOTHING_SEARCHED: Final = Trials()
"""Parameters that were not chosen among others."""


@dataclass(frozen=True)
class Summary:
    """Figures net of costs unless they say otherwise; money as a fraction of the starting equity.

    start, end : open of the first bar and close of the last, UTC
    total_trades, winning_trades, losing_trades : closed trades, long_trades and short_trades of them; open_trades: not
        closed yet
    longest_winning_streak, longest_losing_streak : closed trades in a row
    exposure : share of bars in position; turnover: traded notional over mean equity, per year
    max_drawdown : over bar closes, the starting equity included
    sharpe_low, sharpe_high : interval of the Sharpe ratio at sharpe_confidence (stationary bootstrap)
    volatility, skewness, kurtosis : of daily returns, annualised; dimensionless; not the excess: 3 is normal
    value_at_risk, conditional_value_at_risk : the best and the mean of the worst 5 % of daily returns (historical)
    ulcer_index : of equity at day ends; longest_days_under_water and current_days_under_water as well, in those days
    alpha, beta : against buy and hold; alpha a year
    n_periods, periods_per_year, sampling : days that the ratios are of, and how they are cut
    deflated_sharpe_ratio : for n_trials; for one it is the probabilistic Sharpe ratio
    gross_*, double_cost_* : without costs, at twice the costs
    fees, spread_cost, slippage_cost : paid, open trades' entries included
    financing_cost : swap, funding and borrow, NaN where they are unknown for a direction that was traded
    """

    start: datetime
    end: datetime
    n_bars: int
    total_trades: int
    winning_trades: int
    losing_trades: int
    long_trades: int
    short_trades: int
    open_trades: int
    longest_winning_streak: int
    longest_losing_streak: int
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
    omega_ratio: float
    volatility: float
    skewness: float
    kurtosis: float
    value_at_risk: float
    conditional_value_at_risk: float
    ulcer_index: float
    longest_days_under_water: int
    current_days_under_water: int
    alpha: float
    beta: float
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
    prepared: PreparedBars, equity: pd.DataFrame, daily_equity: pd.DataFrame, trades: pd.DataFrame, trials: Trials
) -> Summary:
    """Return the figures of the simulated curves and trades.

    Parameters
    ----------
    prepared : PreparedBars
        That were simulated.
    equity, daily_equity, trades : DataFrame
        As in `backtest.result.Backtest`.
    trials : Trials
    """
    sampling = prepared.own_days
    start, end = prepared.open_time[0].to_pydatetime(), prepared.close_time[-1].to_pydatetime()
    days = daily_equity[daily_equity["sampling"] == sampling.name]
    return Summary(
        start=start,
        end=end,
        n_bars=prepared.n_bars,
        n_trials=trials.n,
        periods_per_year=sampling.periods_per_year,
        sampling=sampling.name,
        **_trade_figures(trades),
        **_cost_figures(prepared, trades),
        **_path_figures(equity, trades, metrics.years_between(start, end)),
        **_day_figures(days, sampling.periods_per_year, trials),
        **_tail_figures(days, sampling.periods_per_year),
    )


def _trade_figures(trades: pd.DataFrame) -> dict[str, Any]:
    closed = trades[~trades["open"]]
    profits = closed["net_profit"].to_numpy(dtype=np.float64)
    n_winning = int((profits > 0.0).sum())
    return {
        "total_trades": len(closed),
        "winning_trades": n_winning,
        "losing_trades": len(closed) - n_winning,
        "long_trades": int((closed["direction"] == 1).sum()),
        "short_trades": int((closed["direction"] == -1).sum()),
        "open_trades": len(trades) - len(closed),
        "longest_winning_streak": metrics.longest_winning_streak(profits),
        "longest_losing_streak": metrics.longest_losing_streak(profits),
        "win_rate": metrics.win_rate(profits),
        "profit_factor": metrics.profit_factor(profits),
        "expectancy": metrics.expectancy(profits),
        "avg_trade_duration_hours": _mean_hours(closed),
    }


def _cost_figures(prepared: PreparedBars, trades: pd.DataFrame) -> dict[str, Any]:
    known = {1: prepared.is_financing_known.long, -1: prepared.is_financing_known.short}
    is_known = all(known[direction] for direction in trades["direction"].unique()) if len(trades) else known[1]
    return {
        "fees": math.fsum(trades["fees"]),
        "spread_cost": math.fsum(trades["spread_cost"]),
        "slippage_cost": math.fsum(trades["slippage_cost"]),
        "financing_cost": math.fsum(trades["financing_cost"]) if is_known else math.nan,
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
        "exposure": metrics.exposure(equity["position"].to_numpy() != 0.0),
        "turnover": metrics.turnover(_traded_notionals(trades), curve, years=years),
    }


def _day_figures(days: pd.DataFrame, periods_per_year: int, trials: Trials) -> dict[str, Any]:
    returns = _returns(days["equity"])
    interval = metrics.sharpe_interval(returns, periods_per_year=periods_per_year)
    return {
        "n_periods": len(returns),
        "sharpe_ratio": metrics.sharpe_ratio(returns, periods_per_year=periods_per_year),
        "sharpe_low": interval.low,
        "sharpe_high": interval.high,
        "sharpe_confidence": interval.confidence,
        "sortino_ratio": metrics.sortino_ratio(returns, periods_per_year=periods_per_year),
        "omega_ratio": metrics.omega_ratio(returns),
        "deflated_sharpe_ratio": metrics.deflated_sharpe_ratio(
            returns, n_trials=trials.n, trial_variance=trials.variance
        ),
        "gross_sharpe_ratio": _sharpe(days["gross_equity"], periods_per_year),
        "double_cost_sharpe_ratio": _sharpe(days["double_cost_equity"], periods_per_year),
        "buy_and_hold_sharpe_ratio": _sharpe(days["buy_and_hold"], periods_per_year),
    }


def _tail_figures(days: pd.DataFrame, periods_per_year: int) -> dict[str, Any]:
    curve, returns, held = _with_start(days["equity"]), _returns(days["equity"]), _returns(days["buy_and_hold"])
    return {
        "volatility": metrics.volatility(returns, periods_per_year=periods_per_year),
        "skewness": metrics.skewness(returns),
        "kurtosis": metrics.kurtosis(returns),
        "value_at_risk": metrics.value_at_risk(returns),
        "conditional_value_at_risk": metrics.conditional_value_at_risk(returns),
        "ulcer_index": metrics.ulcer_index(curve),
        "longest_days_under_water": metrics.longest_time_under_water(curve),
        "current_days_under_water": metrics.current_time_under_water(curve),
        "alpha": metrics.alpha(returns, held, periods_per_year=periods_per_year),
        "beta": metrics.beta(returns, held),
    }


def _with_start(curve: pd.Series) -> FloatArray1D:
    return np.concatenate([[1.0], curve.to_numpy(dtype=np.float64)])


def _returns(days: pd.Series) -> FloatArray1D:
    return metrics.simple_returns(_with_start(days))


def _total_return(curve: pd.Series) -> float:
    return float(curve.iloc[-1] - 1.0)


def _sharpe(days: pd.Series, periods_per_year: int) -> float:
    return metrics.sharpe_ratio(_returns(days), periods_per_year=periods_per_year)


def _mean_hours(closed: pd.DataFrame) -> float:
    held = closed["exit_time"] - closed["entry_time"]
    return float(held.dt.total_seconds().mean() / 3_600) if len(closed) else math.nan


def _traded_notionals(trades: pd.DataFrame) -> FloatArray1D:
    exits = trades["exit_price"].dropna()
    return np.concatenate([trades["qty"] * trades["entry_price"], trades["qty"].loc[exits.index] * exits])
