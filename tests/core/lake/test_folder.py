"""The lake's folder: what is a lake, a full disk, old files, checkpoints."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake import BARS, Lake, SeriesChange
from bot_core_dagster.lake.marker import FORMAT, MARKER
from tests import builders


def test_a_missing_or_empty_folder_becomes_a_lake_only_on_request(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="there is no lake"):
        Lake.open(tmp_path / "lake")
    with pytest.raises(LakeError, match="there is no lake"):
        Lake.open(tmp_path)
    assert Lake.open(tmp_path, create=True) == Lake.open(tmp_path)


def test_a_folder_with_other_things_is_no_lake_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    for create in (False, True):
        with pytest.raises(LakeError, match=r"is not a lake: it holds thesis\.txt"):
            Lake.open(tmp_path, create=create)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_no_lake(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("")
    with pytest.raises(LakeError, match="is a file"):
        Lake.open(tmp_path / "lake", create=True)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        (json.dumps({"format": FORMAT + 1}), "newer Bot Core"),
        ("{", "JSON"),
        ("[]", "JSON"),
        ('{"format": "x"}', "newer"),
    ],
    ids=["newer format", "broken", "a list", "a text"],
)
def test_a_lake_of_another_format_is_refused(lake: Lake, marker: str, message: str) -> None:
    (lake.root / MARKER).write_text(marker)
    with pytest.raises(LakeError, match=message):
        Lake.open(lake.root)


def test_a_damaged_log_is_a_clear_error(lake: Lake) -> None:
    lake.upsert_bars(builders.bars(5))
    next(lake.root.glob("bars/_delta_log/*1.json")).write_text("{nonsense")
    with pytest.raises(LakeError, match="restore"):
        lake.bars("BTCUSDT", "1h")


def test_a_missing_data_file_is_a_clear_error(lake: Lake) -> None:
    lake.upsert_bars(builders.bars(5))
    next(lake.root.rglob("*.parquet")).unlink()
    with pytest.raises(LakeError, match="restore"):
        lake.bars("BTCUSDT", "1h")


_FILL = """
import resource, sys
from pathlib import Path
from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake import Lake
from tests import builders
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
lake = Lake.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    lake.upsert_bars(builders.bars(2_000).assign(spread=1.0))
except LakeError as error:
    print(error)
    sys.exit(3)
"""


@pytest.mark.parametrize("limit", [1_000, 20_000], ids="files of at most {} bytes".format)
def test_a_disk_that_takes_no_more_is_an_error_and_nothing_stored_is_lost(lake: Lake, limit: int) -> None:
    bars = builders.bars(2_000)
    lake.upsert_bars(bars)
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(lake.root), str(limit)], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])},
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "the disk refused a file" in done.stdout
    assert_frame_equal(Lake.open(lake.root).bars("BTCUSDT", "1h"), bars)
    assert len(list(lake.root.rglob("*.parquet"))) == 1
    assert lake.upsert_bars(bars.assign(spread=1.0))["BTCUSDT"].n_changed == 2_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB; skipped where this user cannot mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_an_error_and_nothing_stored_is_lost(small_disk: Path) -> None:
    """The disk fills at whichever step needs the last bytes: data, log entry or checkpoint."""
    lake = Lake.open(small_disk / "lake", create=True)
    bars = builders.bars(300)
    known: SeriesChange = lake.upsert_bars(bars.assign(spread=0.0))["BTCUSDT"]
    spread = 0.0
    with pytest.raises(LakeError, match=r"disk|space"):  # noqa: PT012 - fills until it is refused
        for number in range(1, 200):
            known = lake.upsert_bars(bars.assign(spread=float(number)))["BTCUSDT"]
            spread = float(number)
    again = Lake.open(lake.root)
    assert_frame_equal(again.bars("BTCUSDT", "1h"), bars.assign(spread=spread))
    assert again.content_hashes(BARS, ["BTCUSDT"])["BTCUSDT"] == known.content_hash


def test_vacuum_deletes_what_no_version_needs_and_keeps_the_rest(lake: Lake) -> None:
    for number in range(4):
        lake.upsert_bars(builders.bars(50).assign(spread=float(number)))
    orphan = lake.root / "bars" / "symbol=BTCUSDT" / "timeframe=1h" / "2024.left.by-akill.parquet"
    orphan.write_bytes(b"")
    assert lake.vacuum(timedelta(hours=1)) == 0
    old = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    os.utime(orphan, (old, old))
    assert lake.vacuum(timedelta(hours=1)) == 1
    assert not orphan.exists()
    assert lake.bars("BTCUSDT", "1h", as_of=datetime.now(UTC))["spread"].tolist() == [3.0] * 50
    with pytest.raises(LakeError, match="at least"):
        lake.vacuum(timedelta(0))


def test_checkpoints_keep_the_log_short_to_read(lake: Lake) -> None:
    for number in range(25):
        lake.upsert_bars(builders.bars(3).assign(spread=float(number)))
    log = lake.root / "bars" / "_delta_log"
    assert len(list(log.glob("*.checkpoint.parquet"))) == 2
    assert lake.bars("BTCUSDT", "1h")["spread"].tolist() == [24.0] * 3
    assert lake.tables()[0].n_rows == 3


def test_a_file_that_another_tool_added_is_refused(lake: Lake) -> None:
    from deltalake import DeltaTable, write_deltalake

    lake.upsert_bars(builders.bars(5))
    table = DeltaTable(lake.root / "bars")
    write_deltalake(table, table.to_pyarrow_table(), mode="append")
    with pytest.raises(LakeError, match="not written by Bot Core"):
        lake.bars("BTCUSDT", "1h")


def test_any_delta_reader_reads_the_tables(lake: Lake) -> None:
    from deltalake import DeltaTable

    bars = builders.bars(60, symbol="BTC/USDT:USDT")
    lake.upsert_bars(bars)
    table = DeltaTable(lake.root / "bars").to_pyarrow_table(filters=[("symbol", "=", "BTC/USDT:USDT")])
    assert table.sort_by("open_time")["close"].to_pylist() == bars["close"].tolist()
