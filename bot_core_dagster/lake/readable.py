"""The lake as its readers see it: bars, rows, hashes and SQL.

Belongs here: the public methods that change nothing, and their promises. Not here: those that write (`lake.lake`), how
files become rows (`lake.reader`), which queries may run (`lake.session`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.lake import session
from bot_core_dagster.lake.change import SeriesChange, changes_of
from bot_core_dagster.lake.identity import frame_content, symbol_content
from bot_core_dagster.lake.keys import is_ascending, ranked, row_numbers
from bot_core_dagster.lake.log import DataFile, Snapshot, exists
from bot_core_dagster.lake.longer import shorter_timeframe
from bot_core_dagster.lake.merge import Tally
from bot_core_dagster.lake.reader import files_within, read_files, rows_known, rows_within
from bot_core_dagster.lake.rows import time_column
from bot_core_dagster.lake.selection import Selection
from bot_core_dagster.lake.snapshots import newest_snapshot
from bot_core_dagster.lake.summary import TableSummary, summary_of
from bot_core_dagster.lake.table import BOOKKEEPING, SUPERSEDED_AT, Table
from bot_core_dagster.lake.tables import BARS
from bot_core_dagster.lake.times import Moment, utc, utc_range

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BAR_ORDER: Final = tuple(name for name in BARS.columns if name not in BOOKKEEPING)
"""Columns of a bar frame, in the order of `market.bar.BAR_COLUMNS`."""


@dataclass(frozen=True)
class StoredSeries:
    """Bars of one symbol and timeframe, and the content hash of the series that they were read from."""

    bars: "pd.DataFrame"
    content_hash: str


@dataclass(frozen=True)
class ReadableLake:
    """What a lake holds, in the folder `root`; a reader sees the commits before it began. `Lake` can also write."""

    root: Path

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
        within = sorted(files_within(chosen, first, last), key=lambda file: (file.series, file.first or 0))
        rows = read_files(snapshot, within, BARS.series_columns)
        rows = rows_known(rows_within(rows, "open_time", first, last), known).select(list(BAR_ORDER))
        frames = _by_symbol(rows)
        of_symbol: dict[str, list[DataFile]] = defaultdict(list)
        for file in chosen:
            of_symbol[file.series[0]].append(file)
        return {
            symbol: StoredSeries(frames.get(symbol, frames[""]), symbol_content(of_symbol[symbol]))
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
        rows = read_files(snapshot, files_within(files, first, last) if time else files, table.series_columns)
        rows = rows_known(rows_within(rows, time, first, last), None)
        rows = rows.drop_columns([name for name in BOOKKEEPING if name in rows.column_names])
        frame: pd.DataFrame = rows.sort_by([(name, "ascending") for name in table.key]).to_pandas()
        return frame

    def content_hashes(
        self,
        table: Table,
        symbols: Sequence[str],
        timeframe: str | None = None,
        *,
        within: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Return the sha256 of each symbol's current content, whatever files hold it and in whatever order.

        Equal content has an equal hash: it is the symbol's data version. Reads the log only. `within`
        restricts it to some series, as in `replace`; `timeframe` is short for one within {"timeframe": timeframe}.

        Raises
        ------
        LakeError
            If the table is not partitioned by what it is restricted to.
        """
        changes = self.unchanged(table, symbols, timeframe, within=within)
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
            files = files_within([file for file in snapshot.of([symbol]) if file.series[1] == timeframe], first, None)
            rows = read_files(snapshot, files, BARS.series_columns, ("open_time", SUPERSEDED_AT))
            rows = rows_known(rows_within(rows, "open_time", first, None), None)
            found[symbol] = pd.DatetimeIndex(rows["open_time"].to_pandas(), name=None)
        return found

    def timeframes(self, symbol: str) -> tuple[str, ...]:
        """Return the timeframes of which the lake holds, or held, bars of a symbol, sorted as text."""
        snapshot = self._snapshot(BARS)
        return tuple(sorted({file.series[1] for file in snapshot.of([symbol])})) if snapshot else ()

    def unchanged(
        self,
        table: Table,
        symbols: Sequence[str],
        timeframe: str | None = None,
        *,
        within: Mapping[str, str] | None = None,
    ) -> dict[str, SeriesChange]:
        """Return what a write that changes nothing would: rows and content hash of each symbol, from the log alone.

        Restricted and refused as in `content_hashes`.
        """
        named = dict(within or {}) | ({} if timeframe is None else {"timeframe": timeframe})
        selection = Selection(table, tuple(symbols), named)
        snapshot = self._snapshot(table)
        files = selection.of(snapshot.files) if snapshot else ()
        return changes_of(files, {symbol: Tally() for symbol in symbols})

    def tables(self) -> tuple[TableSummary, ...]:
        """Return what is stored, a summary a table, sorted by name."""
        return tuple(summary_of(newest_snapshot(folder)) for folder in session.table_folders(self.root))

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

    def _snapshot(self, table: Table) -> Snapshot | None:
        folder = self._folder(table)
        return newest_snapshot(folder, table.series_columns) if exists(folder) else None


def _by_symbol(rows: "pa.Table") -> "dict[str, pd.DataFrame]":
    """Return the bars of each symbol by time, and none under ""; files read in order are sorted only where they mix."""
    codes, symbols = ranked(rows["symbol"])
    numbers = row_numbers([codes, rows["open_time"]])
    if not is_ascending(numbers):
        order = np.argsort(numbers, kind="stable")
        rows, codes = rows.take(order), codes[order]
    frame = rows.to_pandas()
    starts = np.searchsorted(codes, np.arange(len(symbols) + 1))
    parts = {name: slice(*bounds) for name, bounds in zip(symbols.to_pylist(), pairwise(starts.tolist()), strict=True)}
    return {name: frame.iloc[part].reset_index(drop=True) for name, part in ({"": slice(0, 0)} | parts).items()}


def _require_known(
    symbols: Sequence[str], timeframe: str, chosen: Sequence[DataFile], snapshot: Snapshot | None
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
