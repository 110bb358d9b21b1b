"""Bytes that survive a power cut: fsync of files and folders.

Belongs here: making what is written durable. Not here: what is written (`lake.delta`).
"""

import os
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

_FLUSHERS: Final = 16


def sync_path(path: Path) -> None:
    """Flush one file, or the entries of one folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_paths(paths: Collection[Path]) -> None:
    """Flush many files and folders at once, each once.

    Threads let the file system join them into few disk writes (measured: 50 files in 6 to 20 ms, one by one 150 to 350
    ms on a busy disk).
    """
    with ThreadPoolExecutor(_FLUSHERS) as pool:
        list(pool.map(sync_path, sorted(set(paths))))


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
