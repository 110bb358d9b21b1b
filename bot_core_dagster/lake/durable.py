"""Bytes that survive a power cut: fsync of files and folders.

Belongs here: making what is written durable. Not here: what is written (`lake.delta`).
"""

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

_FLUSHERS: Final = 8


def sync_path(path: Path) -> None:
    """Flush one file, or the entries of one folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Flusher:
    """Flush files and folders beside the caller's own work; leaving the block waits, and raises what went wrong.

    Many at once let the file system join them into few disk writes (measured: 50 files in 6 to 20 ms, one by one 150 to
    350 ms on a busy disk).
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_FLUSHERS)
        self._flushes: list[Future[None]] = []

    def flush(self, path: Path) -> None:
        """Begin to flush one file or folder."""
        self._flushes.append(self._pool.submit(sync_path, path))

    def __enter__(self) -> "Flusher":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown()
        if kind is None:
            for flush in self._flushes:
                flush.result()


def make_folders(folders: Iterable[Path]) -> set[Path]:
    """Make folders with their parents; return those that got a new entry, which must be flushed with their files."""
    changed: set[Path] = set()
    for folder in set(folders):
        missing = folder
        while not missing.exists():
            missing = missing.parent
            changed.add(missing)
        folder.mkdir(parents=True, exist_ok=True)
    return changed
