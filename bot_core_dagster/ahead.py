"""Work that is begun ahead of need, in a thread, while something else is waited for.

Belongs here: beginning it. Not here: what is done (`models.kinds`, `models.intervals`).
"""

import threading
from collections.abc import Callable
from contextlib import suppress


def begin(*works: Callable[[], object]) -> threading.Thread:
    """Do each work once, one after the other, in a thread that the end of the process waits for.

    A work is something that would be done on need anyway, such as an import: Python lets who needs it wait for it.
    Where one fails it fails again on need, and is told there.
    """

    def do_all() -> None:
        for work in works:
            with suppress(Exception):
                work()

    thread = threading.Thread(target=do_all, name="ahead")
    thread.start()
    return thread
