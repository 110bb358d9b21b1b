"""The lock of a folder: one holder at a time, across processes and threads.

Belongs here: holding it. Not here: what is done meanwhile (`lake.lake`). The system takes the lock from a process that
ends, however it ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; wait for it first.

    Raises
    ------
    OSError
        If the folder cannot be read, or its disk knows no locks.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
