"""The lake: the only object through which the project reads and writes what it keeps.

Belongs here: the public methods and their promises. Not here: how they are kept (`lake.writer`, `lake.reader`,
`lake.session`). No path leaves it, except `root` for messages.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot_core_dagster.errors import LakeError, UnknownNameError
from bot_core_dagster.lake import delta, session, writer
from bot_core_dagster.lake.change import SeriesChange
from bot_core_dagster.lake.chunk import DataFile
from bot_core_dagster.lake.identity import frame_content, symbol_content
from bot_core_dagster.lake.longer import shorter_timeframe
from bot_core_dagster.lake.marker import open_root
from bot_core_dagster.lake.reader import read_files, rows_known, rows_within, within
from bot_core_dagster.lake.rows import time_column
from bot_core_dagster.lake.summary import TableSummary, summary_of
from bot_core_dagster.lake.table import BOOKKEEPING, SUPERSEDED_AT, Table
from bot_core_dagster.lake.tables import BARS
from bot_core_dagster.lake.times import Moment, utc, utc_range

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_BAR_ORDER = tuple(name for name in BARS.columns if name not in BOOKKEEPING)
_MIN_VACUUM_AGE = timedelta(hours=1)


@dataclass(frozen=True)
class StoredSeries:
    """Bars of one symbol and timeframe, and the content hash of the series that they were read from."""

    bars: "pd.DataFrame"
    content_hash: str


@dataclass(frozen=True)
class Lake:
    """Tables of bars and of everything computed from them, safe for many processes at once.

    A write is all or nothing, durable once it returns, and idempotent; a reader sees the commits before it began.
    Make one with `Lake.open`. It holds no connection: it can be pickled and shared between threads.
    """

    root: Path
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
        missing = [name for name in _BAR_ORDER if name not in bars.columns]
        if missing:
            raise LakeError(f"expected a bar frame; missing {', '.join(missing)}; build it as market.bar.BAR_COLUMNS")
        return self._upsert(BARS, bars[list(_BAR_ORDER)], recorded_at)

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
        if not len(keys) or not delta.exists(self._folder(BARS)):
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

    def replace(self, table: Table, frame: "pd.DataFrame", symbols: Sequence[str]) -> dict[str, SeriesChange]:
        """Make `frame` the whole content of these symbols, in one commit that writes only the files that differ.

        Parameters
        ----------
        frame : DataFrame
            The table's key columns and any others; no rows to remove the symbols' content.
        symbols : sequence of str
            Symbols whose content it is, also those without a row in it.

        Raises
        ------
        LakeError
            If the table keeps history (`point_in_time`), or the frame holds another symbol; and those of `upsert_bars`.
        """
        if table.point_in_time:
            raise LakeError(f"table {table.name} keeps every version and cannot be replaced; use upsert or upsert_bars")
        return writer.replace(writer.Write(self._folder(table), table, frame, self.reached), list(symbols))

    def bars(
        self,
        symbol: str,
        timeframe: str,
        start: Moment | None = None,
        end: Moment | None = None,
        as_of: Moment | None = None,
    ) -> "pd.DataFrame":
        """Return the bars of one series with start <= open_time < end, sorted by open_time.

        Parameters
        ----------
        start, end : datetime or ISO 8601 text, with a zone
            None is open.
        as_of : the same
            The bars as they were known then; None is now.

        Returns
        -------
        DataFrame
            A bar frame (`market.bar.BAR_COLUMNS`, RangeIndex).

        Raises
        ------
        UnknownNameError
            If there are no bars of that symbol and timeframe; the message names what there is. Longer bars than are
            stored are made by the module's function `lake.bars`.
        TimeError
            If a time is naive, or the range ends before it starts.
        """
        return self.bars_of([symbol], timeframe, start, end, as_of)[symbol]

    def bars_of(
        self,
        symbols: Sequence[str],
        timeframe: str,
        start: Moment | None = None,
        end: Moment | None = None,
        as_of: Moment | None = None,
    ) -> "dict[str, pd.DataFrame]":
        """Return the bars of several symbols, of one and the same version of the lake; otherwise as `bars`."""
        return {symbol: one.bars for symbol, one in self.series_of(symbols, timeframe, start, end, as_of).items()}

    def series_of(
        self,
        symbols: Sequence[str],
        timeframe: str,
        start: Moment | None = None,
        end: Moment | None = None,
        as_of: Moment | None = None,
    ) -> "dict[str, StoredSeries]":
        """Return what `bars_of` does, each with the content hash of its whole series in that version of the lake."""
        first, last = utc_range(start, end)
        known = utc(as_of, "as_of")
        snapshot = self._snapshot(BARS)
        files = snapshot.of(symbols) if snapshot else []
        chosen = [file for file in files if file.series[1] == timeframe]
        _require_known(symbols, timeframe, chosen, snapshot)
        assert snapshot is not None
        rows = read_files(snapshot, within(chosen, first, last), BARS.series_columns)
        rows = rows_known(rows_within(rows, "open_time", first, last), known).select(list(_BAR_ORDER))
        frame = rows.sort_by([("symbol", "ascending"), ("open_time", "ascending")]).to_pandas()
        groups = dict(iter(frame.groupby("symbol", sort=False)))
        return {
            symbol: StoredSeries(
                bars=groups.get(symbol, frame.head(0)).reset_index(drop=True),
                content_hash=symbol_content(file for file in chosen if file.series[0] == symbol),
            )
            for symbol in symbols
        }

    def read(
        self, table: Table, symbols: Sequence[str] | None = None, start: Moment | None = None, end: Moment | None = None
    ) -> "pd.DataFrame":
        """Return the current rows of a table, sorted by its key, in the order series, key, other columns.

        Parameters
        ----------
        symbols : sequence of str, optional
            All by default; a symbol without rows gives none.
        start, end : datetime or ISO 8601 text, with a zone
            Range of the key's time column; end exclusive.

        Returns
        -------
        DataFrame
            No rows where nothing was stored; the columns are then those that the table declares.
        """
        import pandas as pd

        first, last = utc_range(start, end)
        snapshot = self._snapshot(table)
        if snapshot is None:
            return pd.DataFrame(columns=list(dict.fromkeys([*table.key, *table.columns])))
        time = time_column(table, snapshot.schema)
        files = snapshot.files if symbols is None else snapshot.of(symbols)
        rows = read_files(snapshot, within(files, first, last) if time else files, table.series_columns)
        rows = rows_known(rows_within(rows, time, first, last), None)
        rows = rows.drop_columns([name for name in BOOKKEEPING if name in rows.column_names])
        frame: pd.DataFrame = rows.sort_by([(name, "ascending") for name in table.key]).to_pandas()
        return frame

    def content_hashes(self, table: Table, symbols: Sequence[str], timeframe: str | None = None) -> dict[str, str]:
        """Return the sha256 of each symbol's current content, whatever files hold it and in whatever order.

        Equal content has an equal hash: it is the symbol's data version. Reads the log only. A `timeframe` restricts it
        to the series of that timeframe (tables that are partitioned by it).
        """
        changes = self.unchanged(table, symbols, timeframe)
        return {symbol: change.content_hash for symbol, change in changes.items()}

    def frame_hashes(self, table: Table, frame: "pd.DataFrame") -> dict[str, str]:
        """Return the content hash of each symbol in rows in hand, e.g. bars read as of a past time.

        Equal to what `content_hashes` gave when these rows were the symbol's current content.
        """
        snapshot = self._snapshot(table)
        return frame_content(frame, table, None if snapshot is None else snapshot.schema)

    def symbols(self, table: Table, timeframe: str | None = None) -> tuple[str, ...]:
        """Return the symbols that have current rows in a table, sorted; of one timeframe where it is given."""
        snapshot = self._snapshot(table)
        files = [file for file in snapshot.files if file.n_current] if snapshot else []
        return tuple(sorted({file.series[0] for file in files if timeframe is None or timeframe in file.series[1:]}))

    def open_times(self, symbols: Sequence[str], timeframe: str, start: Moment) -> "dict[str, pd.DatetimeIndex]":
        """Return the open times of each symbol's current bars from `start` on, in any order; none where none are."""
        import pandas as pd

        first, snapshot = utc(start, "start"), self._snapshot(BARS)
        if snapshot is None:
            return {symbol: pd.DatetimeIndex([], dtype="datetime64[us, UTC]") for symbol in symbols}
        found = {}
        for symbol in symbols:
            files = within([file for file in snapshot.of([symbol]) if file.series[1] == timeframe], first, None)
            rows = read_files(snapshot, files, BARS.series_columns, ("open_time", SUPERSEDED_AT))
            rows = rows_known(rows_within(rows, "open_time", first, None), None)
            found[symbol] = pd.DatetimeIndex(rows["open_time"].to_pandas(), name=None)
        return found

    def timeframes(self, symbol: str) -> tuple[str, ...]:
        """Return the timeframes of which the lake holds, or held, bars of a symbol, sorted as text."""
        snapshot = self._snapshot(BARS)
        return tuple(sorted({file.series[1] for file in snapshot.of([symbol])})) if snapshot else ()

    def unchanged(self, table: Table, symbols: Sequence[str], timeframe: str | None = None) -> dict[str, SeriesChange]:
        """Return what a write that changes nothing would: rows and content hash of each symbol, from the log alone.

        A `timeframe` restricts both to the series of that timeframe.
        """
        snapshot = self._snapshot(table)
        unchanged = {}
        for symbol in symbols:
            files = [
                file
                for file in (snapshot.of([symbol]) if snapshot else ())
                if timeframe is None or timeframe in file.series[1:]
            ]
            n_rows = sum(file.n_current for file in files)
            unchanged[symbol] = SeriesChange(symbol, 0, 0, 0, 0, n_rows, None, symbol_content(files))
        return unchanged

    def tables(self) -> tuple[TableSummary, ...]:
        """Return what is stored, a summary a table, sorted by name."""
        return tuple(summary_of(delta.read_snapshot(folder)) for folder in session.table_folders(self.root))

    def compact(self, tables: Collection[Table]) -> int:
        """Join the files of finished quarters and years, where a table has them; return how many fewer there are."""
        monthly = [table for table in tables if table.is_monthly and delta.exists(self._folder(table))]
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

    def sql(self, query: str, max_rows: int | None = None) -> "pa.Table":
        """Run one SELECT over the views of the lake (see `lake.session`); nothing else can be read, nothing written.

        Raises
        ------
        QueryError
            If the query is wrong, or tries what the session does not allow.
        """
        return session.run(self.root, query, max_rows)

    def _folder(self, table: Table) -> Path:
        return self.root / table.name

    def _snapshot(self, table: Table) -> delta.Snapshot | None:
        folder = self._folder(table)
        return delta.read_snapshot(folder, table.series_columns) if delta.exists(folder) else None


def _require_known(
    symbols: Sequence[str], timeframe: str, chosen: Sequence[DataFile], snapshot: delta.Snapshot | None
) -> None:
    found = {file.series[0] for file in chosen}
    unknown = [symbol for symbol in symbols if symbol not in found]
    if unknown or snapshot is None:
        files = snapshot.files if snapshot else ()
        there = sorted({" ".join(file.series) for file in files})
        shorter = shorter_timeframe((file.series[1] for file in files if file.series[0] in unknown), timeframe)
        step = f"bot_core_dagster.lake.bars makes them of {shorter}" if shorter else "bot-core run"
        raise UnknownNameError(
            f"no {timeframe} bars of {', '.join(unknown)}; the lake holds {', '.join(there) or 'none'}; "
            f"next: {step}, or bot-core import FILE"
        )
