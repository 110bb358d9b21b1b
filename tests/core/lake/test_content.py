"""The content hash is of the content: not of its files, its order, or the history that led to it."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.lake import BARS, MONTH, Lake, Table, periods
from tests import builders

_START = datetime(2023, 11, 1, tzinfo=UTC)


def _hash(lake: Lake) -> str:
    return lake.content_hashes(BARS, ["BTCUSDT"])["BTCUSDT"]


@pytest.fixture(scope="module")
def bars() -> pd.DataFrame:
    return builders.bars(2_500, start=_START)


@pytest.fixture(scope="module")
def expected(bars: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    lake = Lake.open(tmp_path_factory.mktemp("reference") / "lake", create=True)
    return lake.upsert_bars(bars)["BTCUSDT"].content_hash


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(1, 2_499), max_size=6, unique=True), seed=st.integers(0, 9))
def test_any_split_and_order_of_upserts_gives_the_same_hash(
    cuts: list[int], seed: int, bars: pd.DataFrame, expected: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lake = Lake.open(tmp_path_factory.mktemp("split") / "lake", create=True)
    shuffled = bars.sample(frac=1, random_state=seed)
    bounds = [0, *sorted(cuts), len(bars)]
    for first, last in pairwise(bounds):
        lake.upsert_bars(shuffled.iloc[first:last])
    assert _hash(lake) == expected
    assert lake.frame_hashes(BARS, lake.bars("BTCUSDT", "1h"))["BTCUSDT"] == expected


def test_a_detour_over_other_values_gives_the_same_hash(lake: Lake, bars: pd.DataFrame, expected: str) -> None:
    lake.upsert_bars(bars.assign(close=1.0))
    assert _hash(lake) != expected
    assert lake.upsert_bars(bars)["BTCUSDT"].content_hash == expected


def test_compacted_files_have_the_same_hash(
    lake: Lake, bars: pd.DataFrame, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_monthly_files(lake, bars, monkeypatch)
    assert lake.tables()[0].n_files == 4
    assert _hash(lake) == expected
    assert lake.compact([BARS]) == 2
    assert lake.tables()[0].n_files == 2
    assert _hash(lake) == expected
    assert lake.upsert_bars(bars)["BTCUSDT"].n_unchanged == len(bars)
    assert lake.compact([BARS]) == 0


def _write_monthly_files(lake: Lake, bars: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write bars as they came in hour by hour: in the years that they are of, when these were the current ones."""
    with monkeypatch.context() as patched:
        patched.setattr(periods, "current_month", lambda: "2023-11")
        lake.upsert_bars(bars)


@pytest.mark.parametrize("column", ["close_time", "open", "volume", "spread", "price_side", "source"])
def test_one_cell_changes_the_hash(lake: Lake, bars: pd.DataFrame, expected: str, column: str) -> None:
    changed = bars.copy()
    new = {
        "close_time": changed["close_time"][9] + pd.Timedelta(seconds=1),
        "price_side": "bid",
        "source": "file:other",
    }
    changed.loc[9, column] = new.get(column, 7.0)
    assert lake.upsert_bars(changed)["BTCUSDT"].content_hash != expected


def test_one_bar_less_changes_the_hash_and_another_symbol_does_not(
    lake: Lake, bars: pd.DataFrame, expected: str
) -> None:
    lake.upsert_bars(bars.drop(index=1_000))
    lake.upsert_bars(builders.bars(50, symbol="ETHUSDT"))
    assert _hash(lake) != expected
    assert lake.upsert_bars(bars.loc[[1_000]])["BTCUSDT"].content_hash == expected


def test_negative_zero_and_any_nan_are_canonical(lake: Lake, tmp_path: Path) -> None:
    other = Lake.open(tmp_path / "other", create=True)
    strange_nan = np.frombuffer(b"\x01\x00\x00\x00\x00\x00\xf8\xff", dtype="<f8")[0]
    lake.upsert_bars(builders.bars(3).assign(volume=[-0.0, np.nan, 1.0]))
    other.upsert_bars(builders.bars(3).assign(volume=[0.0, strange_nan, 1.0]))
    assert _hash(lake) == _hash(other)


def test_a_timeframe_has_a_hash_of_its_own_and_a_symbol_that_of_all(lake: Lake) -> None:
    lake.upsert_bars(builders.bars(30))
    hourly = _hash(lake)
    lake.upsert_bars(builders.bars(30, timeframe="1d"))
    assert lake.content_hashes(BARS, ["BTCUSDT"], "1h") == {"BTCUSDT": hourly}
    assert _hash(lake) not in {hourly, lake.content_hashes(BARS, ["BTCUSDT"], "1d")["BTCUSDT"]}


def test_a_symbol_without_rows_has_the_hash_of_nothing(lake: Lake) -> None:
    assert lake.content_hashes(BARS, ["none"]) == lake.content_hashes(BARS, ["none"], "1h")
    assert len(lake.content_hashes(BARS, ["none"])["none"]) == 64


def test_the_order_of_key_columns_does_not_break_months_apart(lake: Lake) -> None:
    """A table whose time is not the first of its key: the months of a year's file are hashed whole all the same."""
    table = Table("equity", ("strategy", "symbol", "day_end"), ("symbol", MONTH))
    bars = builders.bars(400, timeframe="1d", start=datetime(2022, 1, 1, tzinfo=UTC))
    parts = [bars.assign(strategy=name, day_end=bars["open_time"]) for name in ("rsi", "macd")]
    frame = pd.concat(parts, ignore_index=True)[["strategy", "symbol", "day_end", "close"]]
    lake.replace(table, frame, ["BTCUSDT"])
    read = lake.read(table)
    assert len(read) == 800
    assert lake.frame_hashes(table, read) == lake.content_hashes(table, ["BTCUSDT"])
    for row in (5, 795):
        changed = frame.copy()
        changed.loc[row, "close"] = 1.0
        before = lake.content_hashes(table, ["BTCUSDT"])
        assert lake.replace(table, changed, ["BTCUSDT"])["BTCUSDT"].n_changed in (1, 2)
        assert lake.content_hashes(table, ["BTCUSDT"]) != before
