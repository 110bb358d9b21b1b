"""Trades and equity of one signal by backtesting.py, at this project's order of events.

Belongs here: how backtesting.py is told our rules. Not here: its time (`benchmarks.peers.backtesting_run`).

backtesting.py trades whole units: the cash buys 1e20 of them, so that rounding to whole ones is no more than that of
floats, even after losing nearly all. It looks at stops before the orders of a signal, so a signal's exit withdraws stop
and target first; and before targets even where the open is past the target (once in the tested bars: EURUSD on
2015-06-28), so the stop is withdrawn for such an open. It takes stops as prices when the order is given, so they are
reckoned from the next open, which is where it will fill.
"""

import math
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

from benchmarks.peers.serve import Arrays, Work, serve

UNITS = 1e20


def prepare(given: Arrays, options: dict[str, Any]) -> Work:
    """Return the work: one simulation, its trades and its equity at each bar's close."""
    columns = ("open", "high", "low", "close")
    frame = pd.DataFrame({name.capitalize(): given[name] for name in columns})
    cash = UNITS * given["open"][0]

    def work() -> Arrays:
        backtest = Backtest(
            frame, _Following, cash=cash, commission=options["fee_rate"], spread=options["spread_rate"], margin=1.0
        )
        return _answer(backtest.run(given=given, options=options), given, cash)

    return work


class _Following(Strategy):
    """Follows a signal; at the close of each bar it orders for the next open."""

    given: ClassVar[Arrays] = {}
    options: ClassVar[dict[str, Any]] = {}

    def init(self) -> None:
        """Take the options as attributes."""
        # its own full equity: it takes 1.0 for one unit
        self.fraction = min(self.options["fraction"], 1.0 - np.finfo(float).eps)
        self.stop = self.options["stop"] or self.options["trailing_stop"]
        self.target, self.trailing = self.options["target"], self.options["trailing_stop"]

    def next(self) -> None:
        """Decide at the close of this bar."""
        bar = len(self.data) - 1
        if bar + 1 == len(self.given["open"]):
            return
        decided = self.given["signal"][bar]
        held = 0 if not self.trades else 1 if self.trades[0].is_long else -1
        if held and decided in (0.0, -held):
            self._leave()
            held = 0
        elif held and self.target and held * self.given["open"][bar + 1] >= held * self.trades[0].tp:
            self.trades[0].sl = None
        elif held and self.trailing:
            self._trail(held, bar)
        is_wanted = decided == 1.0 or (decided == -1.0 and self.options["allow_short"])
        if not held and is_wanted and self.given["may_enter"][bar + 1]:
            self._enter(int(decided), self.given["open"][bar + 1])

    def _leave(self) -> None:
        trade = self.trades[0]
        trade.sl = trade.tp = None
        trade.close()

    def _enter(self, direction: int, open_: float) -> None:
        fill = open_ * (1.0 + direction * self.options["spread_rate"])
        stop = None if self.stop is None else fill * (1.0 - direction * self.stop)
        target = None if self.target is None else fill * (1.0 + direction * self.target)
        order = (self.buy if direction == 1 else self.sell)(size=self.fraction)
        order._replace(sl_price=stop, tp_price=target)  # given with the order they would be checked against this close

    def _trail(self, held: int, bar: int) -> None:
        trade = self.trades[0]
        best = self.given["high"][bar] if held == 1 else self.given["low"][bar]
        level = best * (1.0 - held * self.trailing)
        if held * level > held * trade.sl:
            trade.sl = level


def _answer(stats: Any, given: Arrays, cash: float) -> Arrays:
    trades = [*stats["_trades"].itertuples(index=False)]
    still = [trade for trade in stats["_strategy"].trades if trade.exit_price is None]
    size = np.array([trade.Size for trade in trades] + [trade.size for trade in still], dtype=float)
    exit_bar = np.array([trade.ExitBar for trade in trades] + [-1] * len(still), dtype=np.int64)
    exit_price = np.array([trade.ExitPrice for trade in trades] + [math.nan] * len(still), dtype=float)
    entry_bar = [trade.EntryBar for trade in trades] + [trade.entry_bar for trade in still]
    entry_price = [trade.EntryPrice for trade in trades] + [trade.entry_price for trade in still]
    return {
        "direction": np.sign(size).astype(np.int64),
        "entry_bar": np.array(entry_bar, dtype=np.int64),
        "exit_bar": exit_bar,
        "is_inside": (exit_bar >= 0) & (exit_price != given["open"][exit_bar]),
        "entry_price": np.array(entry_price, dtype=float),
        "exit_price": exit_price,
        "qty": np.abs(size) / cash,
        "equity": stats["_equity_curve"]["Equity"].to_numpy() / cash,
    }


if __name__ == "__main__":
    serve(prepare)
