"""One RSI run by backtrader.

Belongs here: the strategy as its users write it, its curve and its profits. Not here: other peers.

backtrader sizes an order when it is given. So that all of the cash is spent at the open that fills it, the order is
given there: `cheat_on_open`, with the decision of the bar before.
"""

from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from benchmarks.peers import indicators
from benchmarks.peers.figures import of_curve, with_objectives
from benchmarks.peers.serve import Arrays, Work, serve

CASH = 1e6


def prepare(given: Arrays, options: dict[str, Any]) -> Work:
    """Return the work: indicator, simulation, statistics."""
    columns = {name: given[name] for name in ("open", "high", "low", "close", "volume")}
    frame = pd.DataFrame(columns, index=pd.DatetimeIndex(given["open_time_ns"]))
    window, enter, leave = int(given["indicator_sets"][0, 0]), given["enter"][0], given["exit"][0]

    def work() -> Arrays:
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        cerebro.adddata(bt.feeds.PandasData(dataname=frame))
        level = indicators.rsi(given["close"], window)
        cerebro.addstrategy(_Following, level=level, enter=enter, leave=leave, fee_rate=options["fee_rate"])
        cerebro.broker.setcash(CASH)
        cerebro.broker.set_checksubmit(False)  # it would check the cash against this bar's close, not its open
        cerebro.broker.setcommission(commission=options["fee_rate"])
        (run,) = cerebro.run()
        answer = of_curve(np.array(run.curve) / CASH, given["last_bar"], np.array(run.profits) / CASH)
        return with_objectives(answer, periods_per_year=options["periods_per_year"], years=options["years"])

    return work


class _Following(bt.Strategy):
    """Long from oversold to overbought."""

    params = (("level", None), ("enter", 30.0), ("leave", 70.0), ("fee_rate", 0.0))

    def __init__(self) -> None:
        self.curve: list[float] = []
        self.profits: list[float] = []

    def next_open(self) -> None:
        """Order at this open what the close before decided."""
        level = self.p.level[len(self.data) - 2] if len(self.data) > 1 else np.nan
        if level <= self.p.enter:
            if not self.position:
                # 1e-12 less than all, since at the fill it adds price and fee in another order
                self.buy(size=self.broker.getcash() / (self.data.open[0] * (1.0 + self.p.fee_rate)) * (1.0 - 1e-12))
        elif level >= self.p.leave and self.position:
            self.close()

    def next(self) -> None:
        """Mark the equity at this close."""
        self.curve.append(self.broker.getvalue())

    def notify_trade(self, trade: Any) -> None:
        """Keep the net profit of each closed trade."""
        if trade.isclosed:
            self.profits.append(trade.pnlcomm)


if __name__ == "__main__":
    serve(prepare)
