"""What the steps of a run read: the same bars once, each its own copy, never bars that have changed."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from assets import reading
from assets.reading import stored_bars
from bot_core_dagster.lake import BARS, Lake
from tests.builders import bars, instrument

NAMED = [instrument(symbol="BTCUSDT"), instrument(symbol="ETHUSDT")]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    made = Lake.open(tmp_path / "lake", create=True)
    made.upsert_bars(pd.concat([bars(50, symbol=one.symbol) for one in NAMED]))
    reading._kept.clear()
    yield made
    reading._kept.clear()


def _count_reads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    asked: list[object] = []
    read = Lake.series_of

    def counted(*given: object, **how: object) -> object:
        asked.append(given)
        return read(*given, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "series_of", counted)
    return asked


def test_bars_that_have_not_changed_are_read_once_and_each_reader_gets_its_own(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _count_reads(monkeypatch)
    first = stored_bars(lake, NAMED)
    first["BTCUSDT"].content["close"] = -1.0
    second = stored_bars(lake, NAMED)
    assert len(asked) == 1
    assert_frame_equal(second["BTCUSDT"].content, lake.bars("BTCUSDT", "1h"))
    assert second["BTCUSDT"].versions == {"bars": lake.content_hashes(BARS, ["BTCUSDT"])["BTCUSDT"]}
    stored_bars(lake, NAMED[1:])
    assert len(asked) == 2  # that of `lake.bars`


@pytest.mark.parametrize("changed", ["a new bar", "a correction", "another lake"])
def test_bars_that_have_changed_are_read_again(lake: Lake, tmp_path: Path, changed: str) -> None:
    stored_bars(lake, NAMED)
    now = bars(51) if changed == "a new bar" else bars(50).assign(spread=2.0)
    if changed == "another lake":
        lake = Lake.open(tmp_path / "other", create=True)
        lake.upsert_bars(bars(50, symbol="ETHUSDT"))
    lake.upsert_bars(now)
    read = stored_bars(lake, NAMED)["BTCUSDT"]
    assert_frame_equal(read.content, lake.bars("BTCUSDT", "1h"))
    assert len(read.content) == len(now)
    assert read.versions["bars"] == lake.content_hashes(BARS, ["BTCUSDT"])["BTCUSDT"]


def test_more_bars_than_may_be_kept_are_not(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "KEPT_BARS", 99)
    asked = _count_reads(monkeypatch)
    for _ in range(2):
        assert len(stored_bars(lake, NAMED)) == 2
    assert len(asked) == 2
    stored_bars(lake, NAMED[:1])
    stored_bars(lake, NAMED[:1])
    assert len(asked) == 3
