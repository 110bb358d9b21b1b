"""The lake: Delta tables on disk, and SQL over them. The only room that knows a path.

Belongs here: storage, point-in-time reads, content hashes, SQL; for notebooks, `bars` and `sql` of the default lake.
Not here: what is stored (each table stands next to its noun).
"""

from typing import TYPE_CHECKING

from bot_core_dagster.lake.change import SeriesChange
from bot_core_dagster.lake.lake import Lake
from bot_core_dagster.lake.summary import TableSummary
from bot_core_dagster.lake.table import MONTH, Table
from bot_core_dagster.lake.tables import BAR_QUALITY, BARS, QUARANTINE
from bot_core_dagster.lake.times import Moment

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
    """Return bars of the default lake; see `Lake.bars`."""
    return default_lake().bars(symbol, timeframe, start, end, as_of)


def sql(query: str, max_rows: int | None = None) -> "pd.DataFrame":
    """Run one SELECT over the default lake and return its rows; see `Lake.sql`."""
    frame: pd.DataFrame = default_lake().sql(query, max_rows).to_pandas()
    return frame
