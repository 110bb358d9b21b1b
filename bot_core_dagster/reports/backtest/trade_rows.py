"""The trades of a backtest as the page's table takes them: compact rows that its script sorts and filters.

Belongs here: which columns, how many rows, and trades counted by direction and by why they ended. Not here: the trades
(`backtest.trades`), how the table works (`templates/trades.js`).
"""

from typing import Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster.reports.backtest.excerpt import EXITS, LONG
from bot_core_dagster.reports.chart import significant, time_axis
from bot_core_dagster.reports.figures import count, percentage, share, tone

MAX_ROWS: Final = 3_000
"""More would make the page larger than a mail takes; the lake's table `trades` holds all."""

_STILL_OPEN: Final = "open"


def trade_table(trades: pd.DataFrame) -> dict[str, Any]:
    """Return columns and rows of the last `MAX_ROWS` trades by entry.

    Parameters
    ----------
    trades : DataFrame
        The columns of `backtest.trades.TRADE_COLUMNS`.

    Returns
    -------
    dict
        columns: label and kind of each; rows: lists in that order, times in milliseconds, shares as fractions, null
        where undefined; n_all: how many trades there are.
    """
    shown = trades.iloc[-MAX_ROWS:]
    costs = shown["fees"] + shown["spread_cost"] + shown["slippage_cost"]
    columns: dict[tuple[str, str], list[Any]] = {
        ("No.", "count"): (shown.index.to_numpy() + 1).tolist(),
        ("Direction", "choice"): ["long" if one == LONG else "short" for one in shown["direction"]],
        ("Entered", "time"): time_axis(pd.DatetimeIndex(shown["entry_time"])),
        ("Left", "time"): _or_none(shown["exit_time"]),
        ("Why", "choice"): [EXITS.get(reason, _STILL_OPEN) for reason in shown["exit_reason"]],
        ("Bars", "count"): shown["n_bars"].tolist(),
        ("Entry price", "price"): significant(shown["entry_price"], 8),
        ("Exit price", "price"): significant(shown["exit_price"], 8),
        ("Before costs", "share"): significant(shown["gross_profit"]),
        ("Costs", "share"): significant(costs),
        ("Financing", "share"): significant(shown["financing_cost"]),
        ("Net", "share"): significant(shown["net_profit"]),
        ("Net return", "share"): significant(shown["ret"]),
    }
    return {
        "columns": [{"label": label, "kind": kind} for label, kind in columns],
        "rows": [list(row) for row in zip(*columns.values(), strict=True)],
        "n_all": len(trades),
    }


def _or_none(times: pd.Series) -> list[int | None]:
    milliseconds = time_axis(pd.DatetimeIndex(times))
    return [None if is_open else at for at, is_open in zip(milliseconds, times.isna(), strict=True)]


def breakdown(trades: pd.DataFrame) -> list[dict[str, str]]:
    """Return the closed trades by direction and by why they were left, and the open one: figures as texts."""
    closed = trades[~trades["open"]]
    parts = {"Long": closed[closed["direction"] == LONG], "Short": closed[closed["direction"] == -LONG]}
    parts |= {f"Left by {words}": closed[closed["exit_reason"] == reason] for reason, words in EXITS.items()}
    parts |= {"All closed": closed, "Still open, marked at the last close": trades[trades["open"]]}
    return [_figures(name, part) for name, part in parts.items() if len(part)]


def _figures(name: str, part: pd.DataFrame) -> dict[str, str]:
    profit = float(part["net_profit"].sum())
    return {
        "name": name,
        "n": count(len(part)),
        "won": share(float((part["net_profit"] > 0.0).mean())),
        "profit": percentage(profit),
        "tone": tone(profit),
        "mean": percentage(float(part["ret"].mean())),
        "best": percentage(float(part["ret"].max())),
        "worst": percentage(float(part["ret"].min())),
        "bars": count(float(np.mean(part["n_bars"]))),
    }
