"""Bytes that survive a power cut: fsync of files and folders.

Belongs here: making what is written durable. Not here: what is written (`lake.delta`).
"""

import os
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
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


def sync_paths(paths: Collection[Path]) -> None:
    """Flush files and folders, several at once, and return when all are on the disk.

    Many at once let the file system join them into few disk writes (measured: 50 files in 9 ms, one by one in 16 to 21;
    on a busy disk 20 ms against 350). `syncfs` would take 3 ms, and on a shared disk as long as all that others have
    written there takes too.

    Raises
    ------
    OSError
        If one of them cannot be flushed.
    """
    each = list(paths)
    with ThreadPoolExecutor(_FLUSHERS) as pool:
        shares = [pool.submit(_sync_share, each[first::_FLUSHERS]) for first in range(min(_FLUSHERS, len(each)))]
    for share in shares:
        share.result()


def _sync_share(paths: Iterable[Path]) -> None:
    for path in paths:
        sync_path(path)


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
