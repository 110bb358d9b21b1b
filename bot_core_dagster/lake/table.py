"""The description of a table: its name, its key, how it is cut into series and files.

Belongs here: what a table is, as data. Not here: the tables of market nouns (`lake.tables`), those of other rooms (next
to their noun, as `features.table`), how rows are stored (`lake.delta`, `lake.data_file`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot_core_dagster.errors import LakeError

MONTH: Final = "month"
"""In `partition_by`: files hold the UTC calendar months (finished years: the years) of the key's time column."""

RECORDED_AT: Final = "recorded_at"
SUPERSEDED_AT: Final = "superseded_at"
BOOKKEEPING: Final = (RECORDED_AT, SUPERSEDED_AT)
"""Columns that a point-in-time table has beside its frame's: known from, and known until (null while current)."""

_RESERVED: Final = ("latest_bars",)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Table:
    """A table of the lake.

    Parameters
    ----------
    name : str
        Lower-case identifier; the name of its folder and of its SQL view.
    key : tuple of str
        Columns that identify a row among the current ones; `symbol` is one of them. Null equals null.
    partition_by : tuple of str
        `symbol`, other key columns of type str, and `MONTH` where the table grows with time.
    point_in_time : bool
        Whether a changed row is kept, closed by `superseded_at`, beside its correction.
    description : str
        One sentence for people.
    columns : mapping of str to str
        What each column means, with its unit.

    Raises
    ------
    LakeError
        If the name is no identifier or the partitions are not made of key columns, symbol first.
    """

    name: str
    key: tuple[str, ...]
    partition_by: tuple[str, ...]
    point_in_time: bool = False
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name.endswith("_history") or self.name in _RESERVED:
            raise LakeError(f"table name {self.name!r}: expected a lower-case identifier that is no view of the lake")
        outside = [name for name in self.series_columns if name not in self.key]
        if self.partition_by[:1] != ("symbol",) or outside:
            raise LakeError(
                f"table {self.name}: expected partition_by of 'symbol' and other key columns, got {self.partition_by}"
            )

    @property
    def series_columns(self) -> tuple[str, ...]:
        """Columns whose values name a series: a folder of files, committed and hashed as one."""
        return tuple(name for name in self.partition_by if name != MONTH)

    @property
    def is_monthly(self) -> bool:
        """Whether a series is cut into files by time."""
        return MONTH in self.partition_by

    @property
    def row_key(self) -> tuple[str, ...]:
        """Key columns that tell the rows of one series apart."""
        return tuple(name for name in self.key if name not in self.series_columns)
