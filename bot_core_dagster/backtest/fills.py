"""Fills: the single executions that trades are made of.

Belongs here: the fills frame. Not here: round trips and their costs (`backtest.trades`), prices of fills
(`backtest.reference` says them).
"""

from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.metrics.arrays import FloatArray1D

FILL_COLUMNS: Final = {
    "time": "When it was executed, UTC; the bar's close where that was inside of a bar",
    "side": "buy or sell",
    "qty": "Units of the base for a starting equity of 1 unit of the quote",
    "price": "Spread and slippage included, in the quote currency",
    "fee": "As a fraction of the starting equity",
    "reason": "entry, or why the position was left",
    "trade": "Row of the trades frame",
}


def fills_frame(trades: pd.DataFrame) -> pd.DataFrame:
    """Return the fills of a trades frame in the order of execution: an entry each, and an exit where it is closed.

    Parameters
    ----------
    trades : DataFrame
        Of `backtest.trades.TRADE_COLUMNS`.

    Returns
    -------
    DataFrame of shape (n_fills, 7)
        The columns of `FILL_COLUMNS`. Of one time, the exit comes before the entry of the next trade.
    """
    closed = trades[~trades["open"]]
    entries = _side(trades, "entry_time", trades["direction"], "entry_price")
    exits = _side(closed, "exit_time", -closed["direction"], "exit_price")
    entry_fee = _fee_of_entry(trades)
    entries = entries.assign(fee=entry_fee, reason="entry")
    exits = exits.assign(fee=closed["fees"] - entry_fee.loc[closed.index], reason=closed["exit_reason"])
    fills = pd.concat([exits, entries] if len(closed) else [entries])
    in_order = fills.sort_values(["time", "trade"], kind="stable", ignore_index=True)
    return in_order[list(FILL_COLUMNS)]


def _side(trades: pd.DataFrame, time: str, direction: "pd.Series[int]", price: str) -> pd.DataFrame:
    columns = {
        "time": trades[time],
        "side": np.where(direction == 1, "buy", "sell"),
        "qty": trades["qty"],
        "price": trades[price],
        "trade": trades.index,
    }
    return pd.DataFrame(columns)


def _fee_of_entry(trades: pd.DataFrame) -> "pd.Series[float]":
    """Return the entry's part of the fees: in proportion to the price; a ruin pays none."""
    has_two = ~trades["open"] & (trades["exit_reason"] != "ruin")
    both: FloatArray1D = np.where(has_two, trades["entry_price"] + trades["exit_price"], trades["entry_price"])
    return trades["fees"] * trades["entry_price"] / both
