"""A grid by vectorbt: one column a combination, through `IndicatorFactory` and `Portfolio.from_signals`.

Belongs here: from closes to every statistic, as its users would and no slower. Not here: the order of events with stops
(`benchmarks.peers.vectorbt_trades`).
"""

from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt

from benchmarks.peers import indicators
from benchmarks.peers.figures import with_objectives
from benchmarks.peers.serve import Arrays, Work, serve

CASH = 1e6

_INDICATORS = {
    "rsi": (indicators.rsi, ("close",), ("window",)),
    "bollinger": (indicators.deviations, ("close",), ("window",)),
    "macd": (indicators.macd, ("high", "low", "close"), ("fast", "slow", "signal")),
}


def prepare(given: Arrays, options: dict[str, Any]) -> Work:
    """Return the work: indicators, signals, simulation, statistics of all combinations."""
    function, inputs, names = _INDICATORS[options["strategy"]]
    factory = vbt.IndicatorFactory(input_names=inputs, param_names=names, output_names=["level"])
    indicator = factory.from_apply_func(function, to_2d=False)
    series = {name: pd.Series(given[name]) for name in ("open", "high", "low", "close")}
    sets = {name: values.tolist() for name, values in zip(names, given["indicator_sets"].T, strict=True)}

    def work() -> Arrays:
        level = indicator.run(*(series[name] for name in inputs), **sets).level.to_numpy()
        level = level.reshape(len(given["close"]), -1)[:, given["row"]]
        enters = level <= given["enter"]
        portfolio = vbt.Portfolio.from_signals(
            series["close"],
            entries=_next_bar(enters),
            exits=_next_bar((level >= given["exit"]) & ~enters),
            price=given["open"][:, None],
            fees=options["fee_rate"],
            slippage=options["slippage_rate"],
            direction="longonly",
            init_cash=CASH,
            freq=options["freq"],
        )
        answer = _statistics(portfolio, given["last_bar"], level.shape[1])
        return with_objectives(answer, periods_per_year=options["periods_per_year"], years=options["years"])

    return work


def _next_bar(decided: np.ndarray) -> np.ndarray:
    acted_on = np.zeros_like(decided)
    acted_on[1:] = decided[:-1]
    return acted_on


def _statistics(portfolio: Any, last_bar: np.ndarray, n_combos: int) -> Arrays:
    value = portfolio.value().to_numpy().reshape(-1, n_combos) / CASH
    trades, orders = portfolio.trades.records_arr, portfolio.orders.records_arr
    closed = trades[trades["status"] == 1]
    profit = closed["pnl"] / CASH

    def per_combo(column: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(column, weights=weights, minlength=n_combos)

    leaves = np.where(trades["status"] == 1, trades["exit_idx"], len(value))
    return {
        "daily_equity": np.where(last_bar[:, None] < 0, 1.0, value[last_bar]).T.copy(),
        "final_equity": value[-1],
        # its own max_drawdown(), which records every drawdown, takes four times as long
        "max_drawdown": (value / np.maximum.accumulate(value, axis=0) - 1.0).min(axis=0),
        "n_trades": per_combo(closed["col"]),
        "n_winning": per_combo(closed["col"], (profit > 0.0).astype(float)),
        "gains": per_combo(closed["col"], np.maximum(profit, 0.0)),
        "losses": per_combo(closed["col"], np.minimum(profit, 0.0)),
        "bars_held": per_combo(trades["col"], (leaves - trades["entry_idx"]).astype(float)),
        "traded_notional": per_combo(orders["col"], orders["size"] * orders["price"] / CASH),
    }


if __name__ == "__main__":
    serve(prepare)
