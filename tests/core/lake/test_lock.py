"""The lock of a lake: what one reads and then writes, nobody else changes meanwhile."""

import shutil
import threading
import time
from pathlib import Path

import pytest

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake import Lake
from tests import builders

N_THREADS, N_ROUNDS = 6, 5


def test_nobody_else_holds_the_lake_between_a_read_and_its_write(lake: Lake, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")

    def count() -> None:
        own = Lake.open(lake.root)
        for _ in range(N_ROUNDS):
            with own.locked():
                n_before = int(counter.read_text())
                time.sleep(0.002)
                counter.write_text(str(n_before + 1))

    threads = [threading.Thread(target=count) for _ in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert int(counter.read_text()) == N_THREADS * N_ROUNDS


def test_the_lake_is_free_again_after_an_error(lake: Lake) -> None:
    with pytest.raises(LakeError, match="expected a bar frame"), lake.locked():
        lake.upsert_bars(builders.bars(2).drop(columns="close"))
    with lake.locked():
        lake.upsert_bars(builders.bars(2))
    assert len(lake.bars("BTCUSDT", "1h")) == 2


def test_a_lake_that_is_gone_cannot_be_locked(lake: Lake) -> None:
    shutil.rmtree(lake.root)
    with pytest.raises(LakeError, match="cannot be locked"), lake.locked():
        raise AssertionError("held a lock of nothing")
