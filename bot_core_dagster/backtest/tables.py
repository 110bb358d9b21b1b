"""Tables of backtests: their rows in the lake.

Belongs here: the four tables and the rows that a backtest becomes. Not here: the backtest (`backtest.engine`), how
rows are written (`lake`). Money columns are fractions of the starting equity, equities multiples of it; `simulated`
says on each row whether any bar was made by the simulated source.
"""

import json
from dataclasses import asdict
from typing import Final

import pandas as pd

from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.backtest.trades import TRADE_COLUMNS
from bot_core_dagster.lake.table import MONTH, Table

_KEY: Final = ("strategy", "symbol", "timeframe")
_SERIES: Final = ("symbol", "strategy")
_OF_ALL: Final = {
    "strategy": "What decided",
    "symbol": "Instrument",
    "timeframe": "Length of the bars",
    "simulated": "Whether any bar was made by the simulated source",
}

BACKTESTS: Final = Table(
    name="backtests",
    key=_KEY,
    partition_by=_SERIES,
    description="Figures of each strategy on each instrument: net, gross, at twice the costs, against buy and hold",
    columns=_OF_ALL
    | {
        "parameters_used": "Parameters of the strategy, JSON",
        "rules": "How the signal was traded: fraction, shorts, stops, lots; JSON, null for none",
        "financing_cost": "Swap, funding and borrow; NaN is unknown",
        "n_periods": "Days that the ratios are of",
        "periods_per_year": "Days of a year of that sampling",
    },
)

TRADES: Final = Table(
    name="trades",
    key=(*_KEY, "entry_time"),
    partition_by=_SERIES,
    description="Round trips of each strategy on each instrument, costs itemised",
    columns=_OF_ALL | TRADE_COLUMNS,
)

EQUITY: Final = Table(
    name="equity",
    key=(*_KEY, "sampling", "day_end"),
    partition_by=_SERIES,
    description="Equity of each strategy on each instrument at day ends, as a multiple of its start",
    columns=_OF_ALL
    | {
        "sampling": "utc: days end at 00:00 UTC; new_york: weekdays end at 17:00 New York",
        "day_end": "UTC",
        "equity": "Net of costs",
        "gross_equity": "Without costs",
        "double_cost_equity": "At twice the costs",
        "buy_and_hold": "Bought at the second bar's open, at cost, and held",
    },
)

BAR_EQUITY: Final = Table(
    name="bar_equity",
    key=(*_KEY, "close_time"),
    partition_by=(*_SERIES, MONTH),
    description="Equity of each strategy on each instrument at bar closes, as a multiple of its start: for drawdowns",
    columns=_OF_ALL | {"close_time": "Close of the bar, UTC", "equity": "Net of costs"},
)


def backtest_rows(backtest: Backtest) -> pd.DataFrame:
    """Return the one row of BACKTESTS."""
    figures = asdict(backtest.summary)
    figures["parameters_used"] = json.dumps(dict(backtest.parameters_used), sort_keys=True)
    rules = {name: None if value != value else value for name, value in asdict(backtest.rules).items()}
    figures["rules"] = json.dumps(rules, sort_keys=True)
    rows = _labelled(backtest, pd.DataFrame([figures]))
    for name in ("start", "end"):
        rows[name] = rows[name].dt.as_unit("us")
    return rows


def trade_rows(backtest: Backtest) -> pd.DataFrame:
    """Return the rows of TRADES, one a trade, of shape (n_trades, 20)."""
    return _labelled(backtest, backtest.trades)


def equity_rows(backtest: Backtest) -> pd.DataFrame:
    """Return the rows of EQUITY, one a day end of each sampling, of shape (n_day_ends, 10)."""
    return _labelled(backtest, backtest.daily_equity)


def bar_equity_rows(backtest: Backtest) -> pd.DataFrame:
    """Return the rows of BAR_EQUITY, one a bar, of shape (n_bars, 6)."""
    rows = _labelled(backtest, backtest.equity[["close_time", "equity"]])
    # As categories: the lake writes a million rows in two thirds of the time.
    return rows.astype({"strategy": "category", "timeframe": "category"})


def _labelled(backtest: Backtest, frame: pd.DataFrame) -> pd.DataFrame:
    rows = frame.copy()
    for place, name in enumerate(_KEY):
        rows.insert(place, name, getattr(backtest, name))
    rows["simulated"] = backtest.is_simulated
    return rows
