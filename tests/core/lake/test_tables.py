"""Derived tables: replaced by symbol, merged by key, widened by new columns."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bot_core_dagster.errors import LakeError, TimeError
from bot_core_dagster.lake import BARS, MONTH, QUARANTINE, Lake, Table
from bot_core_dagster.lake.merge import SIMULATED
from bot_core_dagster.market import bar
from tests import builders

FEATURES = Table("features", ("symbol", "timeframe", "open_time"), ("symbol", "timeframe", MONTH))
BACKTESTS = Table("backtests", ("strategy", "symbol"), ("symbol",))


def _features(n_rows: int = 1_500, symbol: str = "BTCUSDT") -> pd.DataFrame:
    bars = builders.bars(n_rows, symbol=symbol, start=datetime(2023, 12, 1, tzinfo=UTC))
    return bars[["symbol", "timeframe", "open_time", "close"]].rename(columns={"close": "rsi"})


def test_replaced_content_reads_back_as_given(lake: Lake) -> None:
    frame = pd.concat([_features(), _features(symbol="O'X")]).reset_index(drop=True)
    changes = lake.replace(FEATURES, frame.sample(frac=1, random_state=1), ["BTCUSDT", "O'X"])
    assert {symbol: change.n_new for symbol, change in changes.items()} == {"BTCUSDT": 1_500, "O'X": 1_500}
    assert_frame_equal(lake.read(FEATURES), frame)
    assert_frame_equal(lake.read(FEATURES, ["O'X"]), frame.tail(1_500).reset_index(drop=True))
    assert lake.tables()[0].version == 1


def test_the_same_content_again_makes_no_commit(lake: Lake) -> None:
    first = lake.replace(FEATURES, _features(), ["BTCUSDT"])["BTCUSDT"]
    again = lake.replace(FEATURES, _features(), ["BTCUSDT"])["BTCUSDT"]
    assert (again.n_unchanged, again.n_rows, again.content_hash) == (1_500, 1_500, first.content_hash)
    assert not again.has_changed
    assert lake.tables()[0].version == 1


def test_a_replacement_writes_only_the_files_that_differ(lake: Lake) -> None:
    lake.replace(FEATURES, _features(), ["BTCUSDT"])
    before = set(lake.root.rglob("*.parquet"))
    frame = _features(1_510)
    frame.loc[1_400, "rsi"] = np.nan
    change = lake.replace(FEATURES, frame, ["BTCUSDT"])["BTCUSDT"]
    assert (change.n_new, change.n_changed, change.n_unchanged, change.n_removed) == (10, 1, 1_499, 0)
    assert change.earliest_change == frame["open_time"][1_400]
    assert len(set(lake.root.rglob("*.parquet")) - before) == 1
    assert_frame_equal(lake.read(FEATURES), frame)


def test_rows_that_are_not_given_again_are_removed_and_other_symbols_stay(lake: Lake) -> None:
    lake.replace(FEATURES, pd.concat([_features(), _features(symbol="ETH")]), ["BTCUSDT", "ETH"])
    change = lake.replace(FEATURES, _features(100), ["BTCUSDT"])["BTCUSDT"]
    assert (change.n_removed, change.n_unchanged, change.n_rows) == (1_400, 100, 100)
    change = lake.replace(FEATURES, _features(1).head(0), ["BTCUSDT"])["BTCUSDT"]
    assert (change.n_removed, change.n_rows) == (100, 0)
    assert lake.symbols(FEATURES) == ("ETH",)
    assert change.content_hash == lake.content_hashes(FEATURES, ["none"])["none"]


def test_replacing_nothing_by_nothing_needs_no_table(lake: Lake) -> None:
    assert lake.replace(FEATURES, pd.DataFrame(), ["BTCUSDT"])["BTCUSDT"].n_rows == 0
    assert lake.tables() == ()


def test_a_new_column_widens_the_table_and_old_rows_lack_it(lake: Lake) -> None:
    lake.replace(FEATURES, _features(), ["BTCUSDT"])
    wider = _features(1_400, symbol="ETH").assign(macd=2.0, is_open=True)
    lake.replace(FEATURES, wider, ["ETH"])
    read = lake.read(FEATURES)
    assert read.loc[read["symbol"] == "BTCUSDT", "macd"].isna().all()
    assert (read.loc[read["symbol"] == "ETH", "macd"] == 2.0).all()
    counts = lake.sql("SELECT symbol, count(macd) AS n, count(*) AS rows FROM features GROUP BY symbol ORDER BY symbol")
    assert counts.to_pydict() == {"symbol": ["BTCUSDT", "ETH"], "n": [0, 1_400], "rows": [1_500, 1_400]}
    change = lake.replace(FEATURES, _features().assign(macd=1.0), ["BTCUSDT"])["BTCUSDT"]
    assert change.n_changed == 1_500


def test_a_column_that_is_empty_in_a_month_does_not_count_as_content(lake: Lake) -> None:
    first = lake.replace(FEATURES, _features(), ["BTCUSDT"])["BTCUSDT"]
    again = lake.replace(FEATURES, _features().assign(macd=np.nan), ["BTCUSDT"])["BTCUSDT"]
    assert again.content_hash == first.content_hash


def test_many_columns_keep_their_ranges_and_counts(lake: Lake) -> None:
    wide = _features().assign(**{f"f{index:02d}": 1.0 * index for index in range(60)})
    lake.replace(FEATURES, wide, ["BTCUSDT"])
    cut = lake.read(FEATURES, start="2024-01-15T00:00:00Z", end="2024-01-16T00:00:00Z")
    assert len(cut) == 24
    assert lake.tables()[0].n_rows == 1_500


def test_an_upsert_merges_by_key(lake: Lake) -> None:
    frame = pd.DataFrame(
        {"strategy": ["rsi", "rsi"], "symbol": ["A", "B"], "n_trades": [3, 4], "day": [date(2024, 1, 1)] * 2}
    )
    lake.upsert(BACKTESTS, frame)
    more = frame.assign(strategy=["rsi", "macd"], n_trades=[5, 6])
    changes = lake.upsert(BACKTESTS, more)
    assert (changes["A"].n_changed, changes["B"].n_new, changes["B"].n_rows) == (1, 1, 2)
    assert list(lake.read(BACKTESTS)["n_trades"]) == [6, 5, 4]
    assert lake.upsert(BACKTESTS, more)["A"].n_unchanged == 1
    assert lake.tables()[0].version == 2
    assert lake.frame_hashes(BACKTESTS, lake.read(BACKTESTS)) == lake.content_hashes(BACKTESTS, ["A", "B"])


def test_the_same_refusal_is_kept_once_and_null_equals_null(lake: Lake) -> None:
    refused = builders.bars(2).assign(reason="high < low", line=np.nan, origin="a.csv")
    refused["open_time"] = [refused["open_time"][0], pd.NaT]
    refused["high"] = [np.nan, 1.0]
    lake.upsert(QUARANTINE, refused)
    change = lake.upsert(QUARANTINE, pd.concat([refused, refused.assign(line=7.0)]))["BTCUSDT"]
    assert (change.n_new, change.n_unchanged, change.n_rows) == (2, 2, 4)


def test_tables_that_were_never_written_read_as_empty(lake: Lake) -> None:
    assert list(lake.read(QUARANTINE).columns) == list(bar.QUARANTINE_COLUMNS)
    assert lake.symbols(FEATURES) == ()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (_features(3).drop(columns=["open_time"]), "missing open_time"),
        (_features(3).assign(symbol=["a", "", "a"]), "empty value"),
        (_features(3).assign(symbol=pd.Series(["a", None, "a"], dtype="object")), "empty value"),
        (_features(3).assign(rsi=[1, "x", 2.0]), "one type a column"),
        (_features(3).assign(rsi=pd.Series([[1], [2], [3]], dtype="object")), "expected text, numbers"),
        (_features(3).assign(open_time=pd.Timestamp("2024-01-01", tz="UTC")), "one row a key"),
    ],
    ids=["no key column", "empty symbol", "null symbol", "mixed types", "lists", "two rows a key"],
)
def test_frames_that_are_no_rows_of_the_table_are_refused(lake: Lake, frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(LakeError, match=message):
        lake.upsert(FEATURES, frame)


def test_a_column_keeps_its_type(lake: Lake) -> None:
    lake.upsert(FEATURES, _features(3))
    with pytest.raises(LakeError, match="stored type"):
        lake.upsert(FEATURES, _features(3).assign(rsi="text"))
    lake.upsert(FEATURES, _features(3).assign(rsi=[1, 2, 3]))
    assert lake.read(FEATURES)["rsi"].dtype == np.float64


def test_naive_times_are_refused(lake: Lake) -> None:
    with pytest.raises(TimeError, match="naive"):
        lake.upsert(FEATURES, _features(3).assign(open_time=pd.date_range("2024", periods=3)))


def test_only_the_named_symbols_can_be_replaced(lake: Lake) -> None:
    with pytest.raises(LakeError, match="name them too"):
        lake.replace(FEATURES, _features(3), ["ETH"])
    with pytest.raises(LakeError, match="keeps every version"):
        lake.replace(BARS, builders.bars(3), ["BTCUSDT"])


@pytest.mark.parametrize(
    ("name", "key", "partition_by"),
    [
        ("Bars", ("symbol",), ("symbol",)),
        ("../x", ("symbol",), ("symbol",)),
        ("bars_history", ("symbol",), ("symbol",)),
        ("latest_bars", ("symbol",), ("symbol",)),
        ("ideas", ("id", "symbol"), ("id",)),
        ("ideas", ("symbol",), ("symbol", "other")),
    ],
)
def test_a_table_that_cannot_be_kept_is_refused(name: str, key: tuple[str, ...], partition_by: tuple[str, ...]) -> None:
    with pytest.raises(LakeError):
        Table(name, key, partition_by)


def test_the_tables_describe_the_columns_of_market_bar() -> None:
    assert tuple(BARS.columns) == (*bar.BAR_COLUMNS, "recorded_at", "superseded_at")
    assert QUARANTINE.key == tuple(QUARANTINE.columns) == bar.QUARANTINE_COLUMNS
    assert SIMULATED == bar.SIMULATED
