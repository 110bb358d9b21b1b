"""Trades and equity of one signal by vectorbt, at this project's order of events.

Belongs here: how vectorbt is told our rules. Not here: grids and their time (`benchmarks.peers.vectorbt_grid`).

vectorbt fills one order a row and looks at stops before signals. So each bar is given as four rows: signal exits at its
open, entries at its open, stops and targets at its open, and its range. The first two rows have no close, which is
where vectorbt looks at no stops; the third has neither high nor low, so that a trailing stop follows only earlier bars.
"""

from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt

from benchmarks.peers.serve import Arrays, Work, serve

ROWS = 4
CASH = 1e6
"""vectorbt takes sizes below 1e-9 or so for none: money is given in millionths."""


def prepare(given: Arrays, options: dict[str, Any]) -> Work:
    """Return the work: one simulation, its trades and its equity at each bar's close."""
    arrays = _rows(given, allow_short=options["allow_short"])
    stop, trailing = options["stop"], options["trailing_stop"]

    def work() -> Arrays:
        portfolio = vbt.Portfolio.from_signals(
            **arrays,
            size=options["fraction"],
            size_type="percent",
            fees=options["fee_rate"],
            slippage=np.where(np.arange(len(arrays["price"])) % ROWS < 2, 0.0, options["slippage_rate"]),
            sl_stop=np.nan if stop is None and trailing is None else stop or trailing,
            sl_trail=trailing is not None,
            tp_stop=np.nan if options["target"] is None else options["target"],
            stop_entry_price="fillprice",
            stop_exit_price="stopmarket",
            upon_opposite_entry="ignore",
            init_cash=CASH,
            freq="1h",
        )
        return _answer(portfolio)

    return work


def _rows(given: Arrays, *, allow_short: bool) -> dict[str, Any]:
    """Return what `from_signals` reads, ROWS rows a bar; `given` has the prices bought and sold at, at each open."""
    n_bars = len(given["open"])
    decided = np.concatenate([[np.nan], given["signal"][:-1]])
    exits, enters, opens, ranges = range(ROWS)
    flags = {
        name: np.zeros((n_bars, ROWS), dtype=bool) for name in ("entries", "exits", "short_entries", "short_exits")
    }
    flags["exits"][:, exits] = (decided == -1) | (decided == 0)
    flags["short_exits"][:, exits] = (decided == 1) | (decided == 0)
    flags["entries"][:, enters] = (decided == 1) & given["may_enter"]
    flags["short_entries"][:, enters] = (decided == -1) & given["may_enter"] & allow_short
    fill = np.where(decided == 1, given["buy"], given["sell"])
    price = np.column_stack([fill, fill, given["open"], given["open"]])
    at_open = {"open": given["stop_open"], "high": -np.inf, "low": np.inf, "close": given["close"]}
    seen = {name: np.full((n_bars, ROWS), np.nan) for name in at_open}
    for name, values in seen.items():
        values[:, opens] = at_open[name]
        values[:, ranges] = given["close"] if name == "close" else given[f"stop_{name}"]
    frame = {name: pd.Series(values.ravel()) for name, values in {**seen, **flags}.items()}
    return {**frame, "price": price.ravel()}


def _answer(portfolio: Any) -> Arrays:
    trades = portfolio.trades.records_arr
    is_open = trades["status"] == 0
    return {
        "direction": np.where(trades["direction"] == 0, 1, -1),
        "entry_bar": trades["entry_idx"] // ROWS,
        "exit_bar": np.where(is_open, -1, trades["exit_idx"] // ROWS),
        "is_inside": ~is_open & (trades["exit_idx"] % ROWS == ROWS - 1),
        "entry_price": trades["entry_price"],
        "exit_price": np.where(is_open, np.nan, trades["exit_price"]),
        "qty": trades["size"] / CASH,
        "equity": portfolio.value().to_numpy()[ROWS - 1 :: ROWS] / CASH,
    }


if __name__ == "__main__":
    serve(prepare)
