"""Parquet files of the lake: how they are laid out, and that files laid out otherwise read the same."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from bot_core_dagster.lake import BARS, Lake
from bot_core_dagster.lake.durable import sync_paths
from tests import builders


def _only_file(lake: Lake) -> Path:
    (file,) = lake.root.rglob("*.parquet")
    return file


def test_times_are_kept_as_differences_and_floats_as_they_are(lake: Lake) -> None:
    """What the layout is chosen for: a time of a regular series takes under a byte, and floats cost no packing."""
    lake.upsert_bars(builders.bars(5_000, timeframe="1h"))
    metadata = pq.read_metadata(_only_file(lake)).row_group(0)
    columns = {metadata.column(place).path_in_schema: metadata.column(place) for place in range(metadata.num_columns)}
    assert set(columns["open_time"].encodings) == {"DELTA_BINARY_PACKED", "RLE"}
    assert columns["open_time"].total_compressed_size < 5_000
    assert columns["close"].compression == "UNCOMPRESSED"
    assert "RLE_DICTIONARY" in columns["source"].encodings
    assert columns["source"].total_compressed_size < 500


@pytest.mark.parametrize(
    "layout",
    [{}, {"compression": "zstd", "use_dictionary": False}, {"compression": "none", "data_page_version": "2.0"}],
    ids=["defaults of pyarrow", "zstd", "second page version"],
)
def test_files_of_another_layout_read_the_same(lake: Lake, layout: dict[str, str | bool]) -> None:
    bars = builders.bars(300).assign(volume=np.where(np.arange(300) % 7, 1.5, np.nan))
    first = lake.upsert_bars(bars)["BTCUSDT"]
    file = _only_file(lake)
    pq.write_table(pq.read_table(file, partitioning=None), file, **layout)
    assert_frame_equal(lake.bars("BTCUSDT", "1h"), bars, check_exact=True)
    again = lake.upsert_bars(bars.tail(40))["BTCUSDT"]
    assert (again.has_changed, again.n_unchanged, again.content_hash) == (False, 40, first.content_hash)
    corrected = bars.tail(1).assign(close=1.0)
    assert lake.upsert_bars(corrected)["BTCUSDT"].n_changed == 1
    counts = lake.sql("SELECT count(*) AS n, count(volume) AS known FROM bars_history").to_pylist()
    assert counts == [{"n": 301, "known": int(bars["volume"].count() + corrected["volume"].count())}]


def test_rows_in_any_order_make_the_same_file(lake: Lake, tmp_path: Path) -> None:
    bars = pd.concat([builders.bars(300), builders.bars(300, symbol="ETHUSDT", seed=1)], ignore_index=True)
    lake.upsert_bars(bars)
    other = Lake.open(tmp_path / "other", create=True)
    other.upsert_bars(bars.sample(frac=1, random_state=3))
    sorted_by_name = [sorted(one.root.rglob("*.parquet")) for one in (lake, other)]
    for file, twin in zip(*sorted_by_name, strict=True):
        assert file.name.rpartition("-")[0] == twin.name.rpartition("-")[0]
        kept = [pq.read_table(one, partitioning=None).drop_columns(["recorded_at"]) for one in (file, twin)]
        assert kept[0].equals(kept[1])
    assert lake.content_hashes(BARS, ["BTCUSDT", "ETHUSDT"]) == other.content_hashes(BARS, ["BTCUSDT", "ETHUSDT"])


def test_what_cannot_be_flushed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"x")
    sync_paths([tmp_path / "there", tmp_path])
    with pytest.raises(FileNotFoundError):
        sync_paths([tmp_path / "there", *(tmp_path / f"absent {index}" for index in range(20)), tmp_path])
