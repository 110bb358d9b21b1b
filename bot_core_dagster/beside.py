"""Work that is done ahead of need, in a thread, while something else is waited for.

Belongs here: starting it and waiting for it. Not here: what is done (`models.kinds`, `strategies.volume_windows`).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def beside(*works: Callable[[], object]) -> Iterator[None]:
    """Do each work once, one after the other, beside the block; the block's end waits for the last.

    A work is something that would be done on need anyway, such as an import: where it fails, it fails again on need and
    is told there.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        for work in works:
            thread.submit(work)
        yield
