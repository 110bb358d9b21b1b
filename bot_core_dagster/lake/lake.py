"""The lake: the only object through which the project reads and writes what it keeps.

Belongs here: the public methods that write, and their promises. Not here: those that read (`lake.readable`), how rows
are kept (`lake.writer`). No path leaves it, except `root` for messages.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake import delta, session, writer
from bot_core_dagster.lake.change import SeriesChange
from bot_core_dagster.lake.lock import held
from bot_core_dagster.lake.log import exists
from bot_core_dagster.lake.marker import open_root
from bot_core_dagster.lake.readable import BAR_ORDER, ReadableLake
from bot_core_dagster.lake.selection import Selection
from bot_core_dagster.lake.table import Table
from bot_core_dagster.lake.tables import BARS
from bot_core_dagster.lake.times import utc

if TYPE_CHECKING:
    import pandas as pd

_MIN_VACUUM_AGE: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Lake(ReadableLake):
    """Tables of bars and of everything computed from them, safe for many processes at once.

    A write is all or nothing, durable once it returns, and idempotent; a reader sees the commits before it began.
    Make one with `Lake.open`. It holds no connection: it can be pickled and shared between threads.
    """

    reached: delta.Reached = field(default=delta.ignore_step, repr=False, compare=False)

    @classmethod
    def open(cls, root: Path, create: bool = False, reached: delta.Reached = delta.ignore_step) -> "Lake":
        """Open the lake in the folder `root`.

        Parameters
        ----------
        root : Path
            Folder of the lake.
        create : bool
            Whether an empty or missing folder becomes a lake.
        reached : callable
            Told of each step of each commit; kill tests stop there.

        Raises
        ------
        LakeError
            If there is no lake, the folder holds other things, or a newer Bot Core wrote it.
        """
        return cls(open_root(root, create=create), reached)

    def upsert_bars(self, bars: "pd.DataFrame", recorded_at: datetime | None = None) -> dict[str, SeriesChange]:
        """Merge bars of any number of symbols and timeframes by key, in one commit.

        Every version is kept: a bar whose values differ from the current ones closes those and is added. Bars that are
        stored as they are change nothing; where none differs there is no commit. Real bars given for a series of
        simulated ones close all of these in the same commit.

        Parameters
        ----------
        bars : bar frame
            `market.bar.BAR_COLUMNS`; at most one row a key (rows equal in all columns count once).
        recorded_at : datetime with a zone, optional
            When these bars became known; now by default. Where the clock is behind what the touched series have
            recorded, one microsecond after that. A given time is never moved: one before what the touched series have
            recorded, or not after the version that it corrects, is refused, since `bars(as_of=...)` of the past must
            not change.

        Returns
        -------
        dict of str to SeriesChange
            One for each given symbol.

        Raises
        ------
        LakeError
            If simulated bars are given for a series of real ones, `recorded_at` goes backwards, two different rows
            share a key, or the disk refuses. Nothing has changed then.
        LakeConflictError
            If other writers kept winning; nothing has changed then.
        TimeError
            If a time has no zone.
        """
        missing = [name for name in BAR_ORDER if name not in bars.columns]
        if missing:
            raise LakeError(f"expected a bar frame; missing {', '.join(missing)}; build it as market.bar.BAR_COLUMNS")
        return self._upsert(BARS, bars[list(BAR_ORDER)], recorded_at)

    def withdraw_bars(self, keys: "pd.DataFrame") -> dict[str, SeriesChange]:
        """Close the current versions of these bars without a correction, in one commit: they proved to be impossible.

        Parameters
        ----------
        keys : DataFrame
            symbol, timeframe, open_time; keys without a current bar change nothing.

        Returns
        -------
        dict of str to SeriesChange
            One for each symbol that lost a bar. `bars(as_of=...)` of the past still shows it.
        """
        if not len(keys) or not exists(self._folder(BARS)):
            return {}
        return writer.withdraw(writer.Write(self._folder(BARS), BARS, keys[list(BARS.key)], self.reached))

    def upsert(self, table: Table, frame: "pd.DataFrame") -> dict[str, SeriesChange]:
        """Merge a frame into a table by the table's key, in one commit; its columns may be new to the table.

        Raises the errors of `upsert_bars`.
        """
        return self._upsert(table, frame, None)

    def _upsert(self, table: Table, frame: "pd.DataFrame", recorded_at: datetime | None) -> dict[str, SeriesChange]:
        if not len(frame):
            return {}
        write = writer.Write(self._folder(table), table, frame, self.reached)
        return writer.upsert(write, utc(recorded_at, "recorded_at"), by_provenance=table == BARS)

    def replace(
        self, table: Table, frame: "pd.DataFrame", symbols: Sequence[str], *, within: Mapping[str, str] | None = None
    ) -> dict[str, SeriesChange]:
        """Make `frame` the whole content of these symbols, in one commit that writes only the files that differ.

        Parameters
        ----------
        frame : DataFrame
            The table's key columns and any others; no rows to remove the symbols' content.
        symbols : sequence of str
            Symbols whose content it is, also those without a row in it.
        within : mapping of str to str, optional
            Other series columns of the table and the value that they have in the series that are replaced, e.g.
            {"strategy": "rsi"}; the symbols' other series stay as they are. All of their series by default.

        Returns
        -------
        dict of str to SeriesChange
            One for each of `symbols`; counts and hash are of the replaced series only.

        Raises
        ------
        LakeError
            If the table keeps history (`point_in_time`), the frame holds another symbol or contradicts `within`, or
            `within` names what is no other series column; and those of `upsert_bars`.
        """
        if table.point_in_time:
            raise LakeError(f"table {table.name} keeps every version and cannot be replaced; use upsert or upsert_bars")
        selection = Selection(table, tuple(symbols), within or {})
        return writer.replace(writer.Write(self._folder(table), table, frame, self.reached), selection)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lake from a read to the write that follows from it; who else asks for it waits. Not to be nested.

        Plain writes do not ask: they are all or nothing without it.

        Raises
        ------
        LakeError
            If the folder is gone, or its disk knows no locks.
        """
        with ExitStack() as lock:
            try:
                lock.enter_context(held(self.root))
            except OSError as error:
                raise LakeError(f"lake {self.root}: cannot be locked: {error}; check its owner and the disk") from error
            yield

    def compact(self, tables: Collection[Table]) -> int:
        """Join the files of finished quarters and years, where a table has them; return how many fewer there are."""
        monthly = [table for table in tables if table.is_monthly and exists(self._folder(table))]
        return sum(writer.compact(self._folder(table), table, self.reached) for table in monthly)

    def vacuum(self, older_than: timedelta) -> int:
        """Delete files that no version of the last `older_than` names; return how many.

        Raises
        ------
        LakeError
            If `older_than` is under an hour: a running write or read could lose its files.
        """
        if older_than < _MIN_VACUUM_AGE:
            raise LakeError(f"vacuum of files older than {older_than}: expected at least {_MIN_VACUUM_AGE}; keep more")
        return sum(delta.vacuum(folder, older_than) for folder in session.table_folders(self.root))
