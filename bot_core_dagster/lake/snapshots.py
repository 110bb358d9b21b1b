"""Snapshots that readers and writers of one process share: a table whose log has not grown is not read again.

Belongs here: which snapshot is still the newest. Not here: reading a log (`lake.log`), commits (`lake.delta`), which
leave the snapshot that they are made on as it is.

A run reads most tables many times, with no commit in between. To open one and parse its log takes 8 ms, to see that
its last entry is still there, and none behind it, 10 us.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot_core_dagster.lake.log import Snapshot, read_snapshot

_KEPT: Final = 64
"""Tables of this process; those used last."""
_SETTLED_NS: Final = 20_000_000
"""An entry younger than this when a log is read could be of another table, made anew in the meantime."""

_Entry = tuple[int, int, int]
"""Inode, time of change and size of a log entry: no two entries have the same."""


@dataclass(frozen=True)
class _Seen:
    snapshot: Snapshot
    entry: _Entry

    def is_newest(self) -> bool:
        """Return whether the table is as it was: its last entry is the same one, and no other has come."""
        folder, version = self.snapshot.folder, self.snapshot.version
        return _entry(folder, version) == self.entry and _entry(folder, version + 1) is None


_seen: Final = OrderedDict[tuple[Path, tuple[str, ...] | None], _Seen]()
_lock: Final = threading.Lock()


def newest_snapshot(folder: Path, series_columns: Sequence[str] | None = None) -> Snapshot:
    """Return what `lake.log.read_snapshot` does; it may be another's too, and nothing may move its log."""
    key = (folder, None if series_columns is None else tuple(series_columns))
    with _lock:
        seen = _seen.get(key)
        if seen is not None:
            _seen.move_to_end(key)
    if seen is not None and seen.is_newest():
        return seen.snapshot
    began_ns = time.time_ns()
    snapshot = read_snapshot(folder, series_columns)
    entry = _entry(folder, snapshot.version)
    with _lock:
        _seen.pop(key, None)
        if entry is not None and entry[1] < began_ns - _SETTLED_NS:
            _seen[key] = _Seen(snapshot, entry)
        while len(_seen) > _KEPT:
            _seen.popitem(last=False)
    return snapshot


def _entry(folder: Path, version: int) -> _Entry | None:
    try:
        found = (folder / "_delta_log" / f"{version:020}.json").stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
