"""One Delta table on disk: commits that are all or nothing.

Belongs here: creating, committing, checkpoints, vacuum. Not here: reading the log (`lake.log`), what the rows mean
(`lake.merge`), file contents (`lake.data_file`).

A commit takes four steps: data files written and flushed, their folders flushed, the log entry written (the commit),
the entry flushed. Bot Core writes its Parquet files itself and hands delta-rs the log entry alone: so a log entry never
names bytes that a power cut could still lose. Each commit names the series that it read and wrote as Delta
transactions: of two commits that touch one series the later fails and is merged again, while other series do not get in
each other's way.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.schema import Schema
from deltalake.transaction import AddAction, RemoveAction

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake.chunk import Chunk
from bot_core_dagster.lake.data_file import folder_of, statistics, write_chunk
from bot_core_dagster.lake.durable import make_folders, sync_path, sync_paths
from bot_core_dagster.lake.keys import Series
from bot_core_dagster.lake.log import DataFile, Snapshot, exists, read_snapshot
from bot_core_dagster.lake.rows import time_column
from bot_core_dagster.lake.table import Table

Step = Literal["data written", "log written", "log flushed"]
"""Where a commit stands: data files are durable; the log names them; the log is durable."""

Reached = Callable[[Step], None]
"""Told of each step that a commit has reached."""

_COMMITS_PER_CHECKPOINT: Final = 10
_WRITERS: Final = 2
_HOOKS: Final = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)


def ignore_step(step: Step) -> None:
    """Do nothing: nobody watches the steps of a commit."""


def create(folder: Path, table: Table, schema: "pa.Schema") -> None:
    """Create the table, unless another writer just did.

    Raises
    ------
    LakeError
        If the disk refuses.
    """
    try:
        DeltaTable.create(
            str(folder),
            Schema.from_arrow(schema),
            mode="ignore",
            partition_by=list(table.series_columns),
            name=table.name,
            description=table.description,
        )
        sync_path(folder / "_delta_log" / f"{0:020}.json")
        for path in (folder / "_delta_log", folder, folder.parent):
            sync_path(path)
    except (DeltaError, OSError) as error:
        if not exists(folder):
            raise LakeError(f"table {table.name} cannot be created: {error}; check {folder} and the disk") from error


def add_columns(snapshot: Snapshot, schema: "pa.Schema") -> bool:
    """Add the columns of `schema` that the table does not have; return whether there were any."""
    new = [field for field in schema if field.name not in snapshot.schema.names]
    if new:
        mine = DeltaTable(str(snapshot.folder))  # this commit, unlike one of files, moves the log that it is made on
        mine.alter.add_columns(Schema.from_arrow(pa.schema(new)).fields, post_commithook_properties=_HOOKS)
    return bool(new)


def commit(
    snapshot: Snapshot, table: Table, chunks: Sequence[Chunk], removed: Sequence[DataFile], reached: Reached
) -> list[DataFile]:
    """Add the chunks and remove the files in one commit; return the files that were added.

    Raises
    ------
    CommitFailedError
        If another writer has committed to one of the series since the snapshot; nothing has changed then.
    LakeError
        If the disk refuses; nothing has changed then.
    """
    added = write_files(snapshot, table, chunks)
    reached("data written")
    series = {file.series for file in (*added, *removed)}
    before = snapshot.version
    actions = _actions(added, removed, table, time_column(table, snapshot.schema))
    locks = CommitProperties(app_transactions=[_lock(name, before + 1) for name in sorted(series)])
    try:
        snapshot.log.create_write_transaction(
            actions,
            "append",
            snapshot.log.schema(),
            list(table.series_columns),
            commit_properties=locks,
            post_commithook_properties=_HOOKS,
        )
    except CommitFailedError:
        discard(snapshot.folder, added)
        raise
    reached("log written")
    _flush_log(snapshot.folder, before)
    reached("log flushed")
    return added


def _actions(
    added: Iterable[DataFile], removed: Iterable[DataFile], table: Table, clock: str | None
) -> list[AddAction | RemoveAction]:
    now = int(time.time() * 1000)
    gone = [RemoveAction(file.path, True, now, file.size_bytes, _partition(file, table)) for file in removed]
    come = [
        AddAction(file.path, file.size_bytes, _partition(file, table), now, True, statistics(file, table, clock))
        for file in added
    ]
    return [*gone, *come]


def write_files(snapshot: Snapshot, table: Table, chunks: Sequence[Chunk]) -> list[DataFile]:
    """Write each chunk to a file and flush files and folders; all or, where the disk refuses, none.

    Raises
    ------
    LakeError
        If the disk refuses.
    """
    written: list[DataFile] = []

    def write(share: Sequence[Chunk]) -> None:
        for chunk in share:
            file = write_chunk(snapshot.folder, chunk, table)
            written.append(file)

    try:
        homes = {snapshot.folder / folder_of(chunk.series, table) for chunk in chunks}
        changed = make_folders(homes)
        with ThreadPoolExecutor(_WRITERS) as pool:
            tasks = [pool.submit(write, chunks[first::_WRITERS]) for first in range(_WRITERS)]
        for task in tasks:
            task.result()
        sync_paths({snapshot.folder / file.path for file in written} | homes | changed)
    except OSError as error:
        discard(snapshot.folder, written)
        raise LakeError(
            f"table {table.name}: the disk refused a file: {error}; nothing has changed; free space and run it again"
        ) from error
    return written


def discard(folder: Path, files: Iterable[DataFile]) -> None:
    """Delete files that no log names."""
    for file in files:
        (folder / file.path).unlink(missing_ok=True)


def _partition(file: DataFile, table: Table) -> dict[str, str | None]:
    return dict(zip(table.series_columns, file.series, strict=True))


def _lock(series: Series, version: int) -> Transaction:
    return Transaction(json.dumps(series, ensure_ascii=False), version)


def _flush_log(folder: Path, before: int) -> None:
    log = folder / "_delta_log"
    version = before + 1
    while (entry := log / f"{version:020}.json").exists():
        sync_path(entry)
        version += 1
    sync_path(log)


def checkpoint_if_due(snapshot: Snapshot) -> None:
    """Write a checkpoint where many commits have come since the last, so that opening stays fast.

    It comes before a commit, not after it: a full disk then stops the write before anything has changed.

    Raises
    ------
    LakeError
        If the disk refuses.
    """
    log = snapshot.folder / "_delta_log"
    last = log / "_last_checkpoint"
    try:
        at = int(json.loads(last.read_text(encoding="utf-8"))["version"]) if last.exists() else 0
        if snapshot.version - at < _COMMITS_PER_CHECKPOINT:
            return
        snapshot.log.create_checkpoint()
        for path in (*log.glob(f"{snapshot.version:020}.checkpoint*.parquet"), last, log):
            sync_path(path)
    except (DeltaError, OSError, ValueError) as error:
        raise LakeError(
            f"table {snapshot.folder.name}: no checkpoint could be written: {error}; nothing has changed; free space"
        ) from error


def vacuum(folder: Path, older_than: timedelta) -> int:
    """Delete files that no version of the last `older_than` names, and expired log entries; return how many."""
    snapshot = read_snapshot(folder)
    hours = ceil(older_than / timedelta(hours=1))
    try:
        deleted = snapshot.log.vacuum(
            retention_hours=hours,
            dry_run=False,
            enforce_retention_duration=False,
            full=True,
            post_commithook_properties=_HOOKS,
        )
        DeltaTable(str(folder)).cleanup_metadata()
    except (DeltaError, OSError) as error:
        raise LakeError(f"table {folder.name} cannot be vacuumed: {error}; check the disk and run it again") from error
    return len(deleted)
