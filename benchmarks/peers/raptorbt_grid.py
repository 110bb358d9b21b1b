"""A grid of RSI by raptorbt: `batch_single_backtest`, one item a combination, on one Rayon thread.

Belongs here: from closes to every statistic that it gives. Not here: other peers.
"""

from typing import Any

import numpy as np
import raptorbt

from benchmarks.peers.figures import with_objectives
from benchmarks.peers.serve import Arrays, Work, serve


def prepare(given: Arrays, options: dict[str, Any]) -> Work:
    """Return the work: indicators, signals, simulation, statistics of all combinations."""
    config = raptorbt.BacktestConfig(
        initial_capital=1.0,
        fees=options["fee_rate"],
        slippage=options["slippage_rate"],
        fill_timing="next_bar_open",
        periods_per_year=options["periods_per_year"],
    )
    close = given["close"]
    bars = (given["open_time_ns"], given["open"], given["high"], given["low"], close, given["volume"])
    windows = given["indicator_sets"][:, 0].astype(int).tolist()
    last_bar = given["last_bar"]

    def work() -> Arrays:
        levels = [raptorbt.rsi(close, window) for window in windows]
        items = []
        for place, (row, enter, leave) in enumerate(zip(given["row"], given["enter"], given["exit"], strict=True)):
            enters = levels[row] <= enter
            items.append(raptorbt.BatchSingleItem(str(place), enters, (levels[row] >= leave) & ~enters))
        results = [result for _, result in raptorbt.batch_single_backtest(*bars, items, config)]
        answer = _statistics(results, last_bar)
        return with_objectives(answer, periods_per_year=options["periods_per_year"], years=options["years"])

    return work


def _statistics(results: list[Any], last_bar: np.ndarray) -> Arrays:
    curves = [result.equity_curve() for result in results]
    metrics = [result.metrics for result in results]
    return {
        "daily_equity": np.array([np.where(last_bar < 0, 1.0, curve[last_bar]) for curve in curves]),
        "final_equity": np.array([curve[-1] for curve in curves]),
        "max_drawdown": np.array([-each.max_drawdown_pct / 100.0 for each in metrics]),
        "n_trades": np.array([each.total_closed_trades for each in metrics]),
        "n_winning": np.array([each.winning_trades for each in metrics]),
        "profit_factor": np.array([_profit_factor(each) for each in metrics]),
        "traded_notional": np.array([each.total_turnover for each in metrics]),
    }


def _profit_factor(metrics: Any) -> float:
    """Return its profit factor; NaN where it is undefined, which it says as None, or as 0 where there is no trade."""
    return metrics.profit_factor if metrics.profit_factor is not None and metrics.total_closed_trades else np.nan


if __name__ == "__main__":
    serve(prepare)
