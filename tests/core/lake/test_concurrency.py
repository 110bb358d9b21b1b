"""Many writers and readers at once: nothing is lost, and nobody sees half a batch."""

import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from deltalake.exceptions import CommitFailedError
from pandas.testing import assert_frame_equal

from bot_core_dagster.errors import LakeConflictError
from bot_core_dagster.lake import BARS, Lake, writer
from tests import builders
from tests.core.lake.racing_child import batch

_CHILD = Path(__file__).with_name("racing_child.py")
_WRITERS = 8


@pytest.mark.parametrize("n_rounds", [2, pytest.param(40, marks=pytest.mark.slow)], ids="{} rounds".format)
def test_eight_processes_on_the_same_and_on_other_symbols_lose_nothing(tmp_path: Path, n_rounds: int) -> None:
    root = tmp_path / "lake"
    command = [sys.executable, str(_CHILD), str(root)]
    children = [subprocess.Popen([*command, str(index), str(n_rounds)]) for index in range(_WRITERS)]
    assert [child.wait() for child in children] == [0] * _WRITERS
    given = pd.concat([batch(index, n_rounds, number) for index in range(_WRITERS) for number in range(n_rounds)])
    lake = Lake.open(root)
    for symbol, expected in given.groupby("symbol"):
        expected = expected.sort_values("open_time").reset_index(drop=True)
        assert_frame_equal(lake.bars(str(symbol), "1h"), expected)
    assert lake.sql("SELECT count(*) AS n FROM bars_history").to_pylist() == [{"n": len(given)}]
    assert lake.frame_hashes(BARS, given) == lake.content_hashes(BARS, list(given["symbol"].unique()))


def test_readers_see_whole_batches_while_a_writer_corrects_them(lake: Lake) -> None:
    """Each batch sets one spread in all symbols: a reader that sees two spreads has seen half a batch."""
    symbols = [f"S{index}" for index in range(6)]
    template = pd.concat([builders.bars(40, symbol=symbol) for symbol in symbols])
    lake.upsert_bars(template.assign(spread=0.0))
    is_done = threading.Event()
    seen: list[set[float]] = []

    def read() -> None:
        while not is_done.is_set():
            frames = lake.bars_of(symbols, "1h")
            seen.append({spread for frame in frames.values() for spread in frame["spread"]})
            rows = lake.sql("SELECT DISTINCT spread, count(*) OVER () AS n FROM bars").to_pydict()
            seen.append(set(rows["spread"]))
            assert rows["n"] == [len(template)]

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 15):
        lake.upsert_bars(template.assign(spread=float(number)))
    is_done.set()
    for reader in readers:
        reader.join()
    assert len(seen) > 4
    assert all(len(spreads) == 1 for spreads in seen)


def test_a_commit_that_lost_is_merged_again(lake: Lake) -> None:
    """Another writer commits to the same series between this one's data and its log entry."""
    lake.upsert_bars(builders.bars(10))
    interrupted: list[str] = []

    def interrupt(step: str) -> None:
        if step == "data written" and not interrupted:
            interrupted.append(step)
            Lake.open(lake.root).upsert_bars(builders.bars(12))

    change = Lake.open(lake.root, reached=interrupt).upsert_bars(builders.bars(11).assign(spread=3.0))["BTCUSDT"]
    assert (change.n_new, change.n_changed, change.n_rows) == (0, 11, 12)
    assert lake.bars("BTCUSDT", "1h")["spread"].isna().sum() == 1
    data_files = len(list(lake.root.rglob("symbol=*/**/*.parquet")))
    assert data_files == 3


def test_a_writer_that_keeps_losing_says_so_and_changes_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_PATIENCE_S", 0.2)
    lake.upsert_bars(builders.bars(3))
    n_wins = 0

    def always_faster(step: str) -> None:
        nonlocal n_wins
        if step == "data written":
            n_wins += 1
            Lake.open(lake.root).upsert_bars(builders.bars(3).assign(spread=float(n_wins)))

    with pytest.raises(LakeConflictError, match="run it again") as raised:
        Lake.open(lake.root, reached=always_faster).upsert_bars(builders.bars(5))
    assert isinstance(raised.value.__cause__, CommitFailedError)
    assert n_wins > 1
    assert len(lake.bars("BTCUSDT", "1h")) == 3
