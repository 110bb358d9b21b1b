"""The lake: Delta tables on disk, and SQL over them. The only room that knows a path.

Belongs here: storage, point-in-time reads, content hashes, SQL; of the default lake `bars` and `sql` for notebooks,
`ask` for the terminal. Not here: what is stored (each table stands next to its noun).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pandas as pd

    from bot_core_dagster.lake.change import SeriesChange
    from bot_core_dagster.lake.lake import Lake
    from bot_core_dagster.lake.readable import StoredSeries
    from bot_core_dagster.lake.session import Answer
    from bot_core_dagster.lake.summary import TableSummary
    from bot_core_dagster.lake.table import MONTH, Table
    from bot_core_dagster.lake.tables import BAR_QUALITY, BARS, QUARANTINE
    from bot_core_dagster.lake.times import Moment

__all__ = [
    "BARS",
    "BAR_QUALITY",
    "MONTH",
    "QUARANTINE",
    "Answer",
    "Lake",
    "SeriesChange",
    "StoredSeries",
    "Table",
    "TableSummary",
    "ask",
    "bars",
    "default_lake",
    "sql",
]

_HOMES: Final = {
    "BARS": "tables",
    "BAR_QUALITY": "tables",
    "MONTH": "table",
    "QUARANTINE": "tables",
    "Answer": "session",
    "Lake": "lake",
    "SeriesChange": "change",
    "StoredSeries": "readable",
    "Table": "table",
    "TableSummary": "summary",
}
"""Where the names that are exported live: each is imported when it is first asked for, since a query needs few."""


if not TYPE_CHECKING:  # the type checker knows the names above, and no others

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def default_lake(create: bool = False) -> "Lake":
    """Return the lake of this installation: the folder `lake` in $BOT_CORE_HOME, else in .bot_core of the checkout.

    Raises
    ------
    LakeError
        If there is none and `create` is False.
    """
    from bot_core_dagster.lake.lake import Lake

    return Lake.open(_default_folder(), create=create)


def ask(query: str) -> "AbstractContextManager[Answer]":
    """Run one SELECT over the default lake and give its rows as Python objects: what starts fastest.

    Raises
    ------
    LakeError
        If there is no lake.
    QueryError
        If the query is wrong, or tries what the session does not allow; see `lake.session`.
    """
    from bot_core_dagster.lake.marker import open_root
    from bot_core_dagster.lake.session import answer

    return answer(open_root(_default_folder(), create=False), query)


def _default_folder() -> "Path":
    from bot_core_dagster.places import state_home

    return state_home() / "lake"


def bars(
    symbol: str,
    timeframe: str,
    start: "Moment | None" = None,
    end: "Moment | None" = None,
    as_of: "Moment | None" = None,
) -> "pd.DataFrame":
    """Return bars of the default lake, as `Lake.bars` does, and longer ones than it holds.

    Where that timeframe is not stored, the bars are made of the longest stored one that is shorter, on the grid of the
    symbol's calendar on the watchlist, as of `as_of`; see `lake.longer.longer_bars`.

    Raises
    ------
    UnknownNameError
        If no such or shorter bars of the symbol are stored, or bars would have to be made and it is not on the
        watchlist.
    LakeError
        If there is no lake.
    TimeError
        If a time is naive, or the range ends before it starts.
    """
    from bot_core_dagster.lake.longer import longer_bars, shorter_timeframe
    from bot_core_dagster.timeframe import Timeframe

    own = default_lake()
    there = own.timeframes(symbol)
    shorter = None if timeframe in there else shorter_timeframe(there, timeframe)
    if shorter is None:
        return own.bars(symbol, timeframe, start, end, as_of)
    from bot_core_dagster.settings import load_settings

    grid = load_settings().instrument(symbol).calendar
    return longer_bars(own, symbol, (shorter, Timeframe(timeframe)), grid, start, end, as_of)


def sql(query: str, max_rows: int | None = None) -> "pd.DataFrame":
    """Run one SELECT over the default lake and return its rows; see `Lake.sql`."""
    frame: pd.DataFrame = default_lake().sql(query, max_rows).to_pandas()
    return frame
