"""A writer killed at any moment loses nothing that it acknowledged, and leaves no half commit."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from bot_core_dagster.lake import BARS, Lake
from tests.core.lake.upserting_child import OVERLAP, SYMBOLS, batch

_CHILD = Path(__file__).with_name("upserting_child.py")
_STEPS = ("data written", "log written", "log flushed")


def _run_until_killed(root: Path, first: int, step: str, kill_at: int, seconds: float | None) -> int:
    """Return the last acknowledged batch, or the one before `first`."""
    command = [sys.executable, str(_CHILD), str(root), str(first), step, str(kill_at)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = first - 1
        if seconds is not None:
            acknowledged = int(child.stdout.readline())
            time.sleep(seconds)
            child.kill()
        for line in child.stdout:
            acknowledged = int(line)
    assert child.returncode == -signal.SIGKILL
    return acknowledged


def _stored_batch(lake: Lake) -> int:
    """Return the last batch that is stored, the same in every symbol and whole in each."""
    stored = set()
    for bars in lake.bars_of(SYMBOLS, "1h").values():
        number = int(bars["spread"].iloc[-1])
        expected = [min(index // 2 + OVERLAP // 2, number) for index in range(2 * number + 2)]
        assert bars["spread"].tolist() == expected
        stored.add(number)
    assert len(stored) == 1
    return stored.pop()


def _assert_catches_up(lake: Lake, number: int) -> None:
    changes = lake.upsert_bars(batch(number))
    assert all(change.n_rows == 2 * number + 2 for change in changes.values())
    assert _stored_batch(lake) == number
    current = lake.sql("SELECT count(*) AS n FROM bars_history WHERE superseded_at IS NULL").to_pylist()
    assert current == [{"n": len(SYMBOLS) * (2 * number + 2)}]
    bars = lake.bars_of(SYMBOLS, "1h")
    assert {s: lake.frame_hashes(BARS, bars[s])[s] for s in SYMBOLS} == lake.content_hashes(BARS, SYMBOLS)


def _kill_at_steps(root: Path, n_kills: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    number = 0
    chooser = random.Random(7)
    for step in _STEPS:
        for _ in range(n_kills):
            kill_at = number + 1 + chooser.randrange(4)
            acknowledged = _run_until_killed(root, number, step, kill_at, None)
            assert acknowledged == kill_at - 1
            stored = _stored_batch(Lake.open(root))
            outcomes[f"{step}: batch {'kept' if stored == kill_at else 'absent'}"] += 1
            assert stored == (kill_at if step != "data written" else acknowledged)
            number = kill_at
            _assert_catches_up(Lake.open(root), number)
    return outcomes


def _kill_at_random(root: Path, n_kills: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    number = 0
    chooser = random.Random(11)
    for _ in range(n_kills):
        acknowledged = _run_until_killed(root, number, "never", -1, chooser.uniform(0.0, 0.3))
        stored = _stored_batch(Lake.open(root))
        outcomes[f"random: {stored - acknowledged} unacknowledged batch kept"] += 1
        assert stored - acknowledged in (0, 1)
        number = stored + 1
        _assert_catches_up(Lake.open(root), number)
    return outcomes


@pytest.mark.parametrize("n_kills", [3, pytest.param(20, marks=pytest.mark.slow)], ids="{} kills a step".format)
def test_a_kill_at_any_named_step_leaves_a_whole_lake(tmp_path: Path, n_kills: int) -> None:
    outcomes = _kill_at_steps(tmp_path / "lake", n_kills)
    print(dict(outcomes))
    assert outcomes.total() == n_kills * len(_STEPS)


@pytest.mark.parametrize("n_kills", [3, pytest.param(40, marks=pytest.mark.slow)], ids="{} kills".format)
def test_a_kill_at_a_random_moment_leaves_a_whole_lake(tmp_path: Path, n_kills: int) -> None:
    outcomes = _kill_at_random(tmp_path / "lake", n_kills)
    print(dict(outcomes))
    assert outcomes.total() == n_kills
