"""One RSI run by backtesting.py, with its own statistics.

Belongs here: the strategy as its users write it. Not here: trades one by one
(`benchmarks.peers.backtesting_trades`).
"""

from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

from benchmarks.peers import indicators
from benchmarks.peers.figures import of_curve, with_objectives
from benchmarks.peers.serve import Arrays, Work, serve

UNITS = 1e12
"""It trades whole units; with so many, what rounding leaves is nothing."""


def prepare(given: Arrays, options: dict[str, Any]) -> Work:
    """Return the work: indicator, simulation, statistics."""
    columns = {name.capitalize(): given[name] for name in ("open", "high", "low", "close")}
    frame = pd.DataFrame(columns, index=pd.DatetimeIndex(given["open_time_ns"]))
    cash = UNITS * given["open"][0]
    chosen = {"window": int(given["indicator_sets"][0, 0]), "enter": given["enter"][0], "leave": given["exit"][0]}

    def work() -> Arrays:
        stats = Backtest(frame, _Rsi, cash=cash, commission=options["fee_rate"]).run(**chosen)
        profits = stats["_trades"]["PnL"].to_numpy() / cash
        answer = of_curve(stats["_equity_curve"]["Equity"].to_numpy() / cash, given["last_bar"], profits)
        return with_objectives(answer, periods_per_year=options["periods_per_year"], years=options["years"])

    return work


class _Rsi(Strategy):
    """Long from oversold to overbought."""

    window = 14
    enter = 30.0
    leave = 70.0

    def init(self) -> None:
        """Compute the indicator over all bars."""
        self.level = self.I(indicators.rsi, np.asarray(self.data.Close), self.window)

    def next(self) -> None:
        """Decide at the close of this bar."""
        if self.level[-1] <= self.enter:
            if not self.position:
                self.buy()
        elif self.level[-1] >= self.leave and self.position:
            self.position.close()


if __name__ == "__main__":
    serve(prepare)
