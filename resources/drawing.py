"""Drawing beside the run: processes that make pictures and pages while the run computes on.

Belongs here: the processes, their start and their end. Not here: what is drawn (`bot_core_dagster.reports`), who waits
for it (`assets.each_symbol`).

The pictures and the page of a backtest take ten times as long as the backtest of three years of hours, all of it Python
that holds one core. The processes come from a server that has loaded what draws, once for all of them, and knows
nothing of Dagster or the lake. They end with the process that asked, however that ends.
"""

import gc
import logging
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing import connection
from types import ModuleType
from typing import Any, Final, ParamSpec, TypeVar

from bot_core_dagster.errors import BotCoreError

Asked = ParamSpec("Asked")
Drawn = TypeVar("Drawn")

FROM_RESULTS: Final = 3
"""With fewer, the processes would start for as long as the run itself takes to draw."""
_CORES: Final = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
_MOST: Final = 4
"""Processes; one draws as fast as two runs compute."""
_LOADED: Final = "bot_core_dagster.reports.loaded"
_METHOD: Final = "forkserver" if sys.platform == "linux" else "spawn"

_FIRST: Final = 100
"""Of what multiprocessing does at the end of a process."""
_AHEAD: Final = 16
"""Results that wait to be drawn; the run waits for them before it makes more, since each holds its bars."""

_room: Final = threading.BoundedSemaphore(_AHEAD)
_log: Final = logging.getLogger(__name__)


def draw_beside(
    n_results: int, draw: Callable[Asked, Drawn], *args: Asked.args, **kwargs: Asked.kwargs
) -> Callable[[], Drawn]:
    """Have `draw` called with what follows, in another process where it pays; return what waits for the drawing.

    Parameters
    ----------
    n_results : int
        How many the run will have drawn: below `FROM_RESULTS` it draws them itself where the processes would have to be
        started for it, as it does on one core.
    draw : callable
        A module's function; it, its arguments and what it returns can be pickled.

    Returns
    -------
    callable
        Gives what `draw` returned, or raises what it raised.
    """
    if _CORES < 2 or (n_results < FROM_RESULTS and _processes.cache_info().currsize == 0):
        return _drawn_here(draw, *args, **kwargs)
    _room.acquire()
    try:
        waiting = _processes().submit(draw, *args, **kwargs)
    except (BrokenProcessPool, EOFError, OSError):
        _room.release()
        return _drawn_instead(draw, *args, **kwargs)
    waiting.add_done_callback(lambda _: _room.release())

    def wait() -> Drawn:
        try:
            return waiting.result()
        except BrokenProcessPool:
            return _drawn_instead(draw, *args, **kwargs)()

    return wait


def _drawn_instead(draw: Callable[Asked, Drawn], *args: Asked.args, **kwargs: Asked.kwargs) -> Callable[[], Drawn]:
    """Draw in this process what another was to draw; the next drawing starts new ones."""
    _log.warning("a process that draws was ended from outside, for want of memory perhaps: drawn here instead")
    _processes.cache_clear()
    return _drawn_here(draw, *args, **kwargs)


def _drawn_here(draw: Callable[Asked, Drawn], *args: Asked.args, **kwargs: Asked.kwargs) -> Callable[[], Drawn]:
    """Draw now, so that what it is drawn of need not be kept; an expected error is told to who waits, as elsewhere."""
    done: Future[Drawn] = Future()
    try:
        done.set_result(draw(*args, **kwargs))
    except BotCoreError as error:
        done.set_exception(error)
    return done.result


def load_what_draws() -> None:
    """Begin to load what draws, in a process of its own, and return at once: for whoever will soon have much drawn."""
    if _CORES > 1:
        _processes()


@cache
def _processes() -> ProcessPoolExecutor:
    if _METHOD == "forkserver":
        from multiprocessing import forkserver

        multiprocessing.set_forkserver_preload([_LOADED])
        forkserver.ensure_running()
    pool = ProcessPoolExecutor(min(_MOST, _CORES), mp_context=_Context(), initializer=_begin)
    # The daemon's runs are processes of multiprocessing's, which wait for their children before they end their pools.
    multiprocessing.util.Finalize(None, pool.shutdown, exitpriority=_FIRST)
    return pool


class _Process(multiprocessing.get_context(_METHOD).Process):  # type: ignore[misc]
    """A process that does not import the program that it is started from: Dagster's takes a second, a user's runs."""

    @staticmethod
    def _Popen(process: Any) -> Any:  # noqa: N802 - multiprocessing's name
        program = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return multiprocessing.get_context(_METHOD).Process._Popen(process)  # type: ignore[attr-defined]
        finally:
            sys.modules["__main__"] = program


class _Context(type(multiprocessing.get_context(_METHOD))):  # type: ignore[misc]
    Process = _Process


def _begin() -> None:
    """Leave an interrupt to the run, and end with it even where it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    run = multiprocessing.parent_process()
    assert run is not None
    threading.Thread(target=_end_with, args=(run.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
