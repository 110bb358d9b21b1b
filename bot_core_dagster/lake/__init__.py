"""The lake: Delta tables on disk, and SQL over them. The only room that knows a path.

Belongs here: storage, point-in-time reads, content hashes, SQL; for notebooks, `bars` and `sql` of the default lake.
Not here: what is stored (each table stands next to its noun).
"""

from typing import TYPE_CHECKING

from bot_core_dagster.lake.change import SeriesChange
from bot_core_dagster.lake.lake import Lake, StoredSeries
from bot_core_dagster.lake.longer import longer_bars, shorter_timeframe
from bot_core_dagster.lake.summary import TableSummary
from bot_core_dagster.lake.table import MONTH, Table
from bot_core_dagster.lake.tables import BAR_QUALITY, BARS, QUARANTINE
from bot_core_dagster.lake.times import Moment
from bot_core_dagster.timeframe import Timeframe

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BARS",
    "BAR_QUALITY",
    "MONTH",
    "QUARANTINE",
    "Lake",
    "SeriesChange",
    "StoredSeries",
    "Table",
    "TableSummary",
    "bars",
    "default_lake",
    "sql",
]


def default_lake(create: bool = False) -> Lake:
    """Return the lake of this installation: the folder `lake` in $BOT_CORE_HOME, else in .bot_core of the checkout.

    Raises
    ------
    LakeError
        If there is none and `create` is False.
    """
    from bot_core_dagster.places import state_home

    return Lake.open(state_home() / "lake", create=create)


def bars(
    symbol: str,
    timeframe: str,
    start: Moment | None = None,
    end: Moment | None = None,
    as_of: Moment | None = None,
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
