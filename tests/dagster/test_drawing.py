"""Drawing beside the run: the same bytes, the same errors, and processes that end with the run however it ends."""

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.places import PROJECT_ROOT
from bot_core_dagster.reports import Sheet, backtest_sheet, portfolio_sheet, search_sheet
from resources import drawing
from resources.drawing import FROM_RESULTS, draw_beside
from tests.core.reports.results import PROVENANCE, backtest, optimization
from tests.core.reports.reviewed import report

MANY = FROM_RESULTS
CHILD = "tests.dagster.drawing_child"

pytestmark = pytest.mark.skipif(drawing._CORES < 2, reason="on one core a run draws by itself")


@pytest.fixture(autouse=True)
def no_processes() -> Iterator[None]:
    """Begin without processes, and leave none."""
    drawing._processes.cache_clear()
    yield
    if drawing._processes.cache_info().currsize:
        drawing._processes().shutdown()
        drawing._processes.cache_clear()


def _of_a_backtest(file: Path) -> Callable[[], Sheet]:
    made, given = backtest(2_000)
    return draw_beside(MANY, backtest_sheet, made, given, PROVENANCE, file)


def _of_a_search(file: Path) -> Callable[[], Sheet]:
    found, _ = optimization()
    return draw_beside(MANY, search_sheet, found, found.best_parameters, PROVENANCE, file)


def _of_a_review(file: Path) -> Callable[[], Sheet]:
    return draw_beside(MANY, portfolio_sheet, report(), PROVENANCE, file)


@pytest.mark.parametrize("of", [_of_a_backtest, _of_a_search, _of_a_review])
def test_what_another_process_draws_is_what_the_run_would_draw(
    of: Callable[[Path], Callable[[], Sheet]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = of(tmp_path / "beside.html")()
    assert drawing._processes.cache_info().currsize == 1
    monkeypatch.setattr(drawing, "_CORES", 1)
    alone = of(tmp_path / "alone.html")()
    assert beside.pictures == alone.pictures
    assert beside.page.read_bytes() == alone.page.read_bytes()


def test_few_results_are_drawn_by_the_run_itself_and_many_are_not() -> None:
    assert draw_beside(FROM_RESULTS - 1, os.getpid)() == os.getpid()
    assert draw_beside(FROM_RESULTS, os.getpid)() != os.getpid()
    assert draw_beside(1, os.getpid)() != os.getpid()  # the processes are there now


@pytest.mark.parametrize("n_results", [1, MANY], ids=["drawn here", "drawn beside"])
def test_an_error_comes_back_as_it_was_raised_to_who_waits(n_results: int, tmp_path: Path) -> None:
    made, given = backtest(2_000)
    drawn = draw_beside(n_results, backtest_sheet, made, given.head(100), PROVENANCE, tmp_path / "page.html")
    with pytest.raises(ShapeError, match="expected the 2000 bars of BTCUSDT"):
        drawn()
    assert draw_beside(MANY, os.getpid)() != os.getpid()


def test_what_a_killed_process_was_to_draw_is_drawn_by_the_run(caplog: pytest.LogCaptureFixture) -> None:
    process = draw_beside(MANY, os.getpid)()
    with caplog.at_level(logging.WARNING):
        drawn = draw_beside(MANY, _end_unless_in, os.getpid())
        assert drawn() == os.getpid()
    assert "ended from outside" in caplog.text
    assert draw_beside(MANY, os.getpid)() not in (process, os.getpid())


def _end_unless_in(run: int) -> int:
    if os.getpid() != run:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def test_a_run_that_is_far_ahead_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each result that waits holds its bars in memory."""
    draw_beside(MANY, os.getpid)()
    n_processes = min(drawing._MOST, drawing._CORES)
    monkeypatch.setattr(drawing, "_room", threading.BoundedSemaphore(n_processes))
    started = time.monotonic()
    for _ in range(2 * n_processes + 1):
        draw_beside(MANY, time.sleep, 0.3)
    assert time.monotonic() - started > 0.5


@pytest.mark.parametrize("is_busy", [False, True], ids=["idle", "busy"])
def test_processes_end_with_a_run_that_was_killed(is_busy: bool) -> None:
    command = [sys.executable, "-m", CHILD, str(int(is_busy))]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT)
    assert run.stdout is not None
    drawing_process = psutil.Process(int(run.stdout.readline()))
    family = [drawing_process, *psutil.Process(run.pid).children(recursive=True)]
    run.kill()
    run.wait()
    run.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def test_a_run_that_is_a_process_of_multiprocessing_ends_as_dagsters_daemon_has_it() -> None:
    """Such a process waits for its children before it ends its pools."""
    run = multiprocessing.get_context("spawn").Process(target=_draw_many)
    run.start()
    run.join(30)
    alive = psutil.Process(run.pid).children(recursive=True) if run.is_alive() else []
    for process in alive:
        process.kill()
    assert (run.exitcode, alive) == (0, [])


def _draw_many() -> None:
    for _ in range(2):
        for waiting in [draw_beside(MANY, time.sleep, 0.3) for _ in range(2 * drawing._MOST)]:
            waiting()


def test_a_process_ignores_an_interrupt_which_is_the_runs_to_answer() -> None:
    process = draw_beside(MANY, os.getpid)()
    os.kill(process, signal.SIGINT)
    assert draw_beside(MANY, os.getpid)() != os.getpid()
    assert process in {child.pid for child in multiprocessing.active_children()} | {
        child.pid for child in psutil.Process().children(recursive=True)
    }
