"""Shared snapshots: read once while nothing changes, never stale."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bot_core_dagster.lake import BARS, Lake, snapshots
from bot_core_dagster.lake.log import Snapshot, read_snapshot
from bot_core_dagster.lake.snapshots import newest_snapshot
from bot_core_dagster.lake.table import Table
from bot_core_dagster.places import PROJECT_ROOT
from tests.builders import bars


@pytest.fixture
def folder(lake: Lake) -> Path:
    lake.upsert_bars(bars(30))
    time.sleep(0.03)  # an entry has to be that old to be trusted
    return lake.root / BARS.name


def test_a_table_that_has_not_changed_is_read_once(folder: Path) -> None:
    assert newest_snapshot(folder) is newest_snapshot(folder)
    assert newest_snapshot(folder, BARS.series_columns) is newest_snapshot(folder, BARS.series_columns)


def test_a_fresh_entry_is_read_again_until_it_has_settled(lake: Lake) -> None:
    lake.upsert_bars(bars(30))
    folder = lake.root / BARS.name
    entry = folder / "_delta_log" / f"{read_snapshot(folder).version:020}.json"
    late = time.time_ns() + 10**10
    os.utime(entry, ns=(late, late))
    assert newest_snapshot(folder) is not newest_snapshot(folder)


def _here(lake: Lake) -> None:
    lake.upsert_bars(bars(31))


def _elsewhere(lake: Lake) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.builders import bars; "
        "from bot_core_dagster.lake import Lake; Lake.open(Path(sys.argv[1])).upsert_bars(bars(31))"
    )
    subprocess.run([sys.executable, "-c", code, str(lake.root)], check=True, cwd=PROJECT_ROOT)


def _vacuumed(lake: Lake) -> None:
    lake.upsert_bars(bars(31))
    lake.compact([BARS])


@pytest.mark.parametrize("commit", [_here, _elsewhere, _vacuumed])
def test_a_commit_is_seen_at_once_wherever_it_was_made(
    lake: Lake, folder: Path, commit: Callable[[Lake], None]
) -> None:
    before = newest_snapshot(folder)
    commit(lake)
    assert newest_snapshot(folder).version > before.version
    assert newest_snapshot(folder).files == read_snapshot(folder).files
    assert len(lake.bars("BTCUSDT", "1h")) == 31


def test_a_table_made_anew_with_as_many_versions_is_read_anew(lake: Lake, folder: Path) -> None:
    version = newest_snapshot(folder).version
    rmtree(folder)
    lake.upsert_bars(bars(50))
    assert newest_snapshot(folder).version == version
    assert len(lake.bars("BTCUSDT", "1h")) == 50


def test_a_log_whose_last_entry_has_expired_is_read_each_time(lake: Lake, folder: Path) -> None:
    """A checkpoint remains; whether it is the last version, only the log tells."""
    snapshot = read_snapshot(folder)
    snapshot.log.create_checkpoint()
    newest_snapshot(folder)
    (folder / "_delta_log" / f"{snapshot.version:020}.json").unlink()
    assert newest_snapshot(folder) is not newest_snapshot(folder)
    assert newest_snapshot(folder).files == snapshot.files


def test_so_many_tables_are_kept_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_KEPT", 2)
    folders = []
    for number in range(3):
        lake = Lake.open(tmp_path / f"lake {number}", create=True)
        lake.upsert_bars(bars(5))
        folders.append(lake.root / BARS.name)
    time.sleep(0.03)
    first, second = newest_snapshot(folders[0]), newest_snapshot(folders[1])
    assert newest_snapshot(folders[0]) is first
    newest_snapshot(folders[2])
    assert newest_snapshot(folders[0]) is first
    assert newest_snapshot(folders[1]) is not second


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.sampled_from(["read", "write", "correct", "wait", "anew"]), min_size=1, max_size=12))
def test_in_any_order_of_reads_and_writes_readers_see_what_the_log_says(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    lake = Lake.open(tmp_path_factory.mktemp("lakes") / "lake", create=True)
    folder, n_bars = lake.root / BARS.name, 5
    lake.upsert_bars(bars(n_bars))
    for step in steps:
        if step == "wait":
            time.sleep(0.025)
        elif step == "anew":
            rmtree(folder)
            lake.upsert_bars(bars(n_bars))
        elif step != "read":
            n_bars += step == "write"
            lake.upsert_bars(bars(n_bars).assign(spread=float(step == "correct")))
        assert newest_snapshot(folder).files == read_snapshot(folder).files
        assert len(lake.bars("BTCUSDT", "1h")) == n_bars


def test_threads_that_commit_on_one_shared_snapshot_lose_nothing(lake: Lake) -> None:
    """Of two commits on one series the later fails and is merged again; others go through side by side."""
    lake.upsert_bars(bars(40, symbol="S0"))
    time.sleep(0.03)

    def write(number: int) -> None:
        for hour in range(4):
            lake.upsert_bars(bars(60, symbol=f"S{number % 4}").iloc[10 * hour + number : 10 * hour + number + 8])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    for number in range(4):
        starts = [10 * hour + place for place in (number, number + 4) for hour in range(4)]
        expected = {place for start in starts for place in range(start, start + 8)}
        expected |= set(range(40)) if number == 0 else set()
        whole = bars(60, symbol=f"S{number}")
        assert_frame_equal(lake.bars(f"S{number}", "1h"), whole.iloc[sorted(expected)].reset_index(drop=True))


def test_a_widened_table_leaves_the_shared_snapshot_as_it_was(lake: Lake) -> None:
    narrow = Table("notes", key=("symbol",), partition_by=("symbol",), description="notes", columns={"symbol": "s"})
    frame = pd.DataFrame({"symbol": ["A"], "one": [1.0]})
    lake.upsert(narrow, frame)
    time.sleep(0.03)
    before = newest_snapshot(lake.root / "notes")
    lake.upsert(narrow, frame.assign(two=2.0))
    assert (before.version, "two" in _names(before)) == (1, False)
    assert "two" in newest_snapshot(lake.root / "notes").schema.names


def _names(snapshot: Snapshot) -> list[str]:
    return [field.name for field in snapshot.log.schema().fields]
