"""Writing: read what is stored, merge, commit once, and try again where another writer was faster.

Belongs here: the order of a write and its retries. Not here: the merge itself (`lake.merge`), the log (`lake.delta`).
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import pyarrow as pa
from deltalake.exceptions import CommitFailedError, DeltaError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from bot_core_dagster.errors import LakeConflictError, LakeError
from bot_core_dagster.lake import delta
from bot_core_dagster.lake.change import SeriesChange, changes_of
from bot_core_dagster.lake.chunk import Chunk, chunks_of
from bot_core_dagster.lake.keys import Series, months, series_codes
from bot_core_dagster.lake.log import DataFile, Snapshot, exists
from bot_core_dagster.lake.merge import (
    Merged,
    Tallies,
    Tally,
    close_versions,
    match_rows,
    merge_current,
    merge_versions,
    simulated_series,
    tally_given,
    tally_removed,
)
from bot_core_dagster.lake.periods import can_be_joined, period_of
from bot_core_dagster.lake.reader import read_files
from bot_core_dagster.lake.rows import TIME, rows_of_frame, time_column
from bot_core_dagster.lake.selection import Selection
from bot_core_dagster.lake.snapshots import newest_snapshot
from bot_core_dagster.lake.table import RECORDED_AT, SUPERSEDED_AT, Table

if TYPE_CHECKING:
    import pandas as pd

_PATIENCE_S: Final = 60.0
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Write:
    """One write on one table: everything that an attempt needs."""

    folder: Path
    table: Table
    frame: "pd.DataFrame"
    reached: delta.Reached

    def prepared(self) -> tuple[Snapshot, "pa.Table"]:
        """Return the table as it is now, made or widened where needed, and the frame's rows in its types."""
        if not exists(self.folder):
            rows = rows_of_frame(self.frame, self.table, None)
            delta.create(self.folder, self.table, _schema(rows, self.table))
        snapshot = newest_snapshot(self.folder, self.table.series_columns)
        rows = rows_of_frame(self.frame, self.table, snapshot.schema)
        if delta.add_columns(snapshot, rows.schema):
            snapshot = newest_snapshot(self.folder, self.table.series_columns)
        delta.checkpoint_if_due(snapshot)
        return snapshot, rows

    def commit(self, snapshot: Snapshot, chunks: Sequence[Chunk], removed: Sequence[DataFile]) -> tuple[DataFile, ...]:
        """Commit what changed, if anything did, and return the files of the table afterwards."""
        if not chunks and not removed:
            return snapshot.files
        gone = set(removed)
        added = delta.commit(snapshot, self.table, chunks, removed, self.reached)
        return (*(file for file in snapshot.files if file not in gone), *added)


def _schema(rows: "pa.Table", table: Table) -> "pa.Schema":
    fields = list(rows.schema)
    if table.point_in_time:
        fields += [pa.field(RECORDED_AT, TIME), pa.field(SUPERSEDED_AT, TIME)]
    return pa.schema(fields)


def upsert(write: Write, recorded_at: datetime | None, *, by_provenance: bool) -> dict[str, SeriesChange]:
    """Merge a frame by key, in one commit; `by_provenance` keeps simulated and real rows of a series apart."""
    return _until_committed(write.table.name, lambda: _upsert_once(write, recorded_at, by_provenance))


def replace(write: Write, selection: Selection) -> dict[str, SeriesChange]:
    """Make the frame the whole content of the selected series, in one commit."""
    return _until_committed(write.table.name, lambda: _replace_once(write, selection))


def withdraw(write: Write) -> dict[str, SeriesChange]:
    """Close the current rows whose keys the frame holds, in one commit."""
    return _until_committed(write.table.name, lambda: _withdraw_once(write))


def _until_committed(name: str, attempt: Callable[[], _Result]) -> _Result:
    retrying = Retrying(
        retry=retry_if_exception_type(CommitFailedError),
        stop=stop_after_delay(_PATIENCE_S),
        wait=wait_random_exponential(multiplier=0.02, max=1.0),
        reraise=True,
    )
    try:
        return retrying(attempt)
    except CommitFailedError as error:
        raise LakeConflictError(
            f"table {name}: other writers won the commit for {_PATIENCE_S:g} s: {error}; nothing changed; run it again"
        ) from error
    except DeltaError as error:
        raise LakeError(f"table {name}: the commit failed: {error}; check the disk and run it again") from error


def _upsert_once(write: Write, recorded_at: datetime | None, by_provenance: bool) -> dict[str, SeriesChange]:
    snapshot, given = write.prepared()
    table = write.table
    time = time_column(table, snapshot.schema)
    touched, periods = _touched(snapshot, given, table, time)
    stored = read_files(snapshot, touched, table.series_columns)
    if not table.point_in_time:
        merged = merge_current(stored, given, table, time)
        return _commit_merged(write, snapshot, merged, touched, periods)
    voided: set[Series] = set()
    if by_provenance:
        voided = _voided(snapshot, touched, stored, given, table)
        rest = [file for file in snapshot.files if file.series in voided and file not in touched]
        stored = pa.concat_tables([stored, read_files(snapshot, rest, table.series_columns)]) if rest else stored
        touched = [*touched, *rest]
    merged = merge_versions(
        stored, given, table, time, recorded_at=recorded_at, floor=_last_recorded(snapshot, periods), voided=voided
    )
    return _commit_merged(write, snapshot, merged, touched, periods)


def _withdraw_once(write: Write) -> dict[str, SeriesChange]:
    snapshot, keys = write.prepared()
    time = time_column(write.table, snapshot.schema)
    touched, periods = _touched(snapshot, keys, write.table, time)
    stored = read_files(snapshot, touched, write.table.series_columns)
    merged = close_versions(stored, keys, write.table, time, floor=_last_recorded(snapshot, periods))
    return _commit_merged(write, snapshot, merged, touched, periods)


def _last_recorded(snapshot: Snapshot, series: Container[Series]) -> datetime | None:
    moments = [
        file.last_recorded for file in snapshot.files if file.series in series and file.last_recorded is not None
    ]
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=max(moments)) if moments else None


def _touched(
    snapshot: Snapshot, given: "pa.Table", table: Table, time: str | None
) -> tuple[list[DataFile], dict[Series, set[str]]]:
    """Return the files that may hold given keys, and the periods of the files of each given series."""
    codes, names = series_codes(given, table)
    periods: dict[Series, set[str]] = {name: set() for name in names}
    for file in snapshot.files:
        if file.series in periods:
            periods[file.series].add(file.period)
    if not table.is_monthly or time is None:
        return [file for file in snapshot.files if file.series in periods], periods
    month = months(given[time]).astype(np.int64)
    first, n_months = int(month.min()), int(np.ptp(month)) + 1
    wanted = set()
    for pair in np.unique(codes * n_months + (month - first)).tolist():
        name = names[pair // n_months]
        wanted.add((name, period_of(str(np.datetime64(pair % n_months + first, "M")), periods[name])))
    return [file for file in snapshot.files if (file.series, file.period) in wanted], periods


def _voided(
    snapshot: Snapshot, touched: Sequence[DataFile], stored: "pa.Table", given: "pa.Table", table: Table
) -> set[Series]:
    """Return the series whose simulated rows give way to real ones.

    Raises
    ------
    LakeError
        If simulated rows are given for a series that holds real ones.
    """
    incoming = simulated_series(given["source"], *series_codes(given, table))
    held = _held(touched, stored)
    unknown = incoming.keys() - held.keys()
    samples = {file.series: file for file in snapshot.files if file.series in unknown and file.n_current}
    if samples:
        read = list(samples.values())
        held |= _held(read, read_files(snapshot, read, table.series_columns, ["source", SUPERSEDED_AT]))
    refused = sorted(" ".join(name) for name, simulated in incoming.items() if simulated and held.get(name) is False)
    if refused:
        raise LakeError(
            f"{', '.join(refused)}: the lake holds real bars of it, and simulated ones are never mixed in; "
            'set source = "file" or "ccxt" for the symbol in bot_core.toml'
        )
    return {name for name, simulated in incoming.items() if not simulated and held.get(name) is True}


def _held(files: Sequence[DataFile], rows: "pa.Table") -> dict[Series, bool]:
    """Return of each series that has current rows in these files, whose rows are given, whether they are simulated."""
    names = list(dict.fromkeys(file.series for file in files))
    place = {name: at for at, name in enumerate(names)}
    series_of, n_rows = np.array([(place[file.series], file.n_rows) for file in files], dtype=np.int64).reshape(-1, 2).T
    codes = np.repeat(series_of, n_rows)
    is_current = rows[SUPERSEDED_AT].is_null()
    return simulated_series(rows["source"].filter(is_current), codes[is_current.to_numpy()], names)


def _commit_merged(
    write: Write,
    snapshot: Snapshot,
    merged: Merged,
    touched: Sequence[DataFile],
    periods: dict[Series, set[str]],
) -> dict[str, SeriesChange]:
    chunks = chunks_of(merged.rows, merged.is_dirty, write.table, periods) if merged.is_dirty.any() else []
    written = {(chunk.series, chunk.period) for chunk in chunks}
    removed = [file for file in touched if (file.series, file.period) in written]
    return changes_of(write.commit(snapshot, chunks, removed), merged.tallies)


def _replace_once(write: Write, selection: Selection) -> dict[str, SeriesChange]:
    tallies: Tallies = defaultdict(Tally, {symbol: Tally() for symbol in selection.symbols})
    if not len(write.frame) and not exists(write.folder):
        return changes_of((), tallies)
    snapshot, given = _prepared_content(write, selection)
    old = {(file.series, file.period): file for file in selection.of(snapshot.files)}
    periods: dict[Series, set[str]] = defaultdict(set)
    for series, period in old:
        periods[series].add(period)
    chunks = chunks_of(given, np.ones(len(given), dtype=np.bool_), write.table, periods)
    changed = [chunk for chunk in chunks if not _is_stored(chunk, old)]
    kept = {(chunk.series, chunk.period) for chunk in chunks} - {(chunk.series, chunk.period) for chunk in changed}
    for series, period in kept:
        tallies[series[0]].n_unchanged += old[series, period].n_current
    removed = [file for place, file in old.items() if place not in kept]
    if changed or removed:
        _tally_replaced(tallies, snapshot, changed, removed, write.table)
    return changes_of(selection.of(write.commit(snapshot, changed, removed)), tallies)


def _prepared_content(write: Write, selection: Selection) -> tuple[Snapshot, "pa.Table"]:
    if not len(write.frame):
        snapshot = newest_snapshot(write.folder, write.table.series_columns)
        delta.checkpoint_if_due(snapshot)
        return snapshot, snapshot.schema.empty_table()
    snapshot, given = write.prepared()
    selection.require(given)
    return snapshot, given


def _is_stored(chunk: Chunk, old: dict[tuple[Series, str], DataFile]) -> bool:
    file = old.get((chunk.series, chunk.period))
    return file is not None and file.content == chunk.content


def _tally_replaced(
    tallies: Tallies, snapshot: Snapshot, chunks: Iterable[Chunk], removed: Sequence[DataFile], table: Table
) -> None:
    time = time_column(table, snapshot.schema)
    stored = read_files(snapshot, removed, table.series_columns)
    given = _with_series(chunks, table, snapshot.schema)
    match = match_rows(stored, given, table, time)
    tally_given(tallies, given, match, time)
    is_removed = np.ones(len(stored), dtype=np.bool_)
    is_removed[match.position[~match.is_new]] = False
    tally_removed(tallies, stored, is_removed, time)


def _with_series(chunks: Iterable[Chunk], table: Table, schema: "pa.Schema") -> "pa.Table":
    parts = []
    for chunk in chunks:
        part = chunk.rows
        for name, text in zip(table.series_columns, chunk.series, strict=True):
            part = part.append_column(name, pa.array([text]).take(pa.array(np.zeros(len(part), dtype=np.int32))))
        parts.append(part)
    return pa.concat_tables(parts) if parts else schema.empty_table()


def compact(folder: Path, table: Table, reached: delta.Reached) -> int:
    """Join the files of finished quarters and years into one file each; return how many fewer there are."""
    return _until_committed(table.name, lambda: _compact_once(folder, table, reached))


def _compact_once(folder: Path, table: Table, reached: delta.Reached) -> int:
    snapshot = newest_snapshot(folder, table.series_columns)
    old = [file for file in snapshot.files if can_be_joined(file.period)]
    if not old:
        return 0
    rows = read_files(snapshot, old, table.series_columns)
    chunks = chunks_of(rows, np.ones(len(rows), dtype=np.bool_), table, {})
    delta.commit(snapshot, table, chunks, old, reached)
    return len(old) - len(chunks)
