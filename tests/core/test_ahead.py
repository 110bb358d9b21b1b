"""Work begun ahead of need: done once, in order, and its failures left to whoever needs it."""

import subprocess
import sys

from bot_core_dagster.ahead import begin
from bot_core_dagster.places import PROJECT_ROOT


def test_each_work_is_done_in_order_though_one_fails() -> None:
    done: list[str] = []

    def fails() -> None:
        raise ImportError("no such library")

    begin(lambda: done.append("first"), fails, lambda: done.append("last")).join()
    assert done == ["first", "last"]


def test_the_loop_of_intervals_that_was_loaded_ahead_is_the_one_that_is_used() -> None:
    """Under another signature it would be loaded a second time, on need."""
    code = (
        "import numpy as np; from bot_core_dagster.models import intervals, interval_loop; "
        "from bot_core_dagster.models.predictions import Predictions; from tests.core.models.worlds import known; "
        "intervals.load_loop(); rows = np.arange(100, 160); "
        "said = Predictions(np.full((60, 24), 0.5), np.zeros((60, 24, 5))); "
        "intervals.adaptive_intervals(said, known(30).labels, rows); print(len(interval_loop.pass_rows.signatures))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
