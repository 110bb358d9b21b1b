"""Replacing and hashing some series of a symbol: those of one strategy, beside those of another."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake import BARS, MONTH, Lake, Table

EQUITY = Table(
    name="equity",
    key=("symbol", "strategy", "timeframe", "day_end"),
    partition_by=("symbol", "strategy", "timeframe", MONTH),
)
SYMBOLS = ("BTCUSDT", "O'X")
RSI = {"strategy": "rsi"}


def _equity(strategy: str, *, symbol: str = "BTCUSDT", timeframe: str = "1h", n_days: int = 70) -> pd.DataFrame:
    """Return a curve that begins late in a year: it lies in more than one file."""
    day_end = pd.date_range(datetime(2023, 12, 1, tzinfo=UTC), periods=n_days, freq="1D").as_unit("us")
    series = {"symbol": symbol, "strategy": strategy, "timeframe": timeframe}
    return pd.DataFrame(series | {"day_end": day_end, "equity": np.linspace(1.0, 2.0, n_days)})


def _stored(lake: Lake, symbols: tuple[str, ...] = SYMBOLS) -> pd.DataFrame:
    """Store two strategies of each symbol and return their rows in the order of reading."""
    parts = [_equity(strategy, symbol=symbol) for symbol in symbols for strategy in ("macd", "rsi")]
    frame = pd.concat(parts, ignore_index=True)
    lake.replace(EQUITY, frame, symbols)
    return frame


def test_a_replaced_strategy_leaves_the_symbols_other_strategies_alone(lake: Lake) -> None:
    frame = _stored(lake)
    files = set(lake.root.rglob("strategy=macd/**/*.parquet"))
    change = lake.replace(EQUITY, _equity("rsi", n_days=60), ["BTCUSDT"], within=RSI)["BTCUSDT"]
    assert (change.n_new, change.n_changed, change.n_unchanged, change.n_removed) == (0, 59, 1, 10)
    assert change.n_rows == 60
    kept = frame[(frame["symbol"] != "BTCUSDT") | (frame["strategy"] != "rsi")]
    expected = pd.concat([kept, _equity("rsi", n_days=60)]).sort_values(list(EQUITY.key), ignore_index=True)
    assert_frame_equal(lake.read(EQUITY), expected)
    assert set(lake.root.rglob("strategy=macd/**/*.parquet")) == files


def test_the_hash_within_is_that_of_these_series_alone(lake: Lake) -> None:
    first = lake.replace(EQUITY, _equity("rsi"), ["BTCUSDT"], within=RSI)["BTCUSDT"].content_hash
    assert lake.content_hashes(EQUITY, ["BTCUSDT"]) == {"BTCUSDT": first}
    lake.replace(EQUITY, _equity("macd"), ["BTCUSDT"], within={"strategy": "macd"})
    again = lake.replace(EQUITY, _equity("rsi"), ["BTCUSDT"], within=RSI)["BTCUSDT"]
    assert (again.has_changed, again.n_unchanged, again.n_rows, again.content_hash) == (False, 70, 70, first)
    assert lake.content_hashes(EQUITY, ["BTCUSDT"], within=RSI) == {"BTCUSDT": first}
    assert lake.content_hashes(EQUITY, ["BTCUSDT"], "1h", within=RSI) == {"BTCUSDT": first}
    assert lake.unchanged(EQUITY, ["BTCUSDT"], within=RSI)["BTCUSDT"].n_rows == 70
    assert lake.frame_hashes(EQUITY, _equity("rsi")) == {"BTCUSDT": first}
    nothing = lake.content_hashes(EQUITY, ["none"])["none"]
    assert lake.content_hashes(EQUITY, ["BTCUSDT"], "1d", within=RSI) == {"BTCUSDT": nothing}
    assert lake.content_hashes(EQUITY, ["BTCUSDT"])["BTCUSDT"] not in (first, nothing)


def test_no_rows_remove_the_strategy_of_the_named_symbols_only(lake: Lake) -> None:
    _stored(lake)
    changes = lake.replace(EQUITY, pd.DataFrame(), ["BTCUSDT"], within=RSI)
    assert (list(changes), changes["BTCUSDT"].n_removed, changes["BTCUSDT"].n_rows) == (["BTCUSDT"], 70, 0)
    left = lake.read(EQUITY)[["symbol", "strategy"]].drop_duplicates()
    assert list(left.itertuples(index=False, name=None)) == [("BTCUSDT", "macd"), ("O'X", "macd"), ("O'X", "rsi")]


def test_several_columns_choose_the_series_that_have_all_of_these_values(lake: Lake) -> None:
    daily = _equity("rsi", timeframe="1d")
    lake.replace(EQUITY, pd.concat([_equity("rsi"), daily, _equity("macd")]), ["BTCUSDT"])
    change = lake.replace(EQUITY, daily.head(3), ["BTCUSDT"], within=RSI | {"timeframe": "1d"})["BTCUSDT"]
    assert (change.n_rows, len(lake.read(EQUITY))) == (3, 143)
    change = lake.replace(EQUITY, daily, ["BTCUSDT"], within=RSI)["BTCUSDT"]
    assert (change.n_removed, change.n_rows, len(lake.read(EQUITY))) == (70, 70, 140)


@settings(max_examples=15, deadline=None)
@given(
    writes=st.lists(
        st.tuples(st.sampled_from(["macd", "rsi", "a=b/c"]), st.sampled_from(SYMBOLS), st.integers(0, 40)), max_size=6
    )
)
def test_any_sequence_of_replacements_leaves_the_last_of_each_series(
    writes: list[tuple[str, str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lake = Lake.open(tmp_path_factory.mktemp("within") / "lake", create=True)
    last: dict[tuple[str, str], pd.DataFrame] = {}
    for strategy, symbol, n_days in writes:
        rows = _equity(strategy, symbol=symbol, n_days=n_days)
        change = lake.replace(EQUITY, rows, [symbol], within={"strategy": strategy})[symbol]
        before = len(last.get((symbol, strategy), ()))
        assert change.n_rows == n_days == change.n_new + change.n_changed + change.n_unchanged
        assert change.n_removed == max(0, before - n_days)
        last[symbol, strategy] = rows
    filled = [rows for rows in last.values() if len(rows)]
    if filled:
        expected = pd.concat(filled).sort_values(list(EQUITY.key), ignore_index=True)
        assert_frame_equal(lake.read(EQUITY), expected)
    assert (
        not filled
        or lake.frame_hashes(EQUITY, lake.read(EQUITY)).items() <= lake.content_hashes(EQUITY, SYMBOLS).items()
    )


def test_two_strategies_of_a_symbol_replaced_at_once_both_stand(lake: Lake) -> None:
    """Writers of different series do not get in each other's way, nor undo each other."""
    strategies = ("macd", "rsi", "sma")

    def replace_again_and_again(strategy: str) -> list[int]:
        within = {"strategy": strategy}
        rows = (_equity(strategy, n_days=n_days) for n_days in (70, 60, 65))
        return [lake.replace(EQUITY, one, ["BTCUSDT"], within=within)["BTCUSDT"].n_rows for one in rows]

    with ThreadPoolExecutor(len(strategies)) as pool:
        assert list(pool.map(replace_again_and_again, strategies)) == [[70, 60, 65]] * len(strategies)
    expected = pd.concat([_equity(strategy, n_days=65) for strategy in strategies], ignore_index=True)
    assert_frame_equal(lake.read(EQUITY), expected)


@pytest.mark.parametrize(
    "within",
    [{"colour": "red"}, {"symbol": "BTCUSDT"}, {"day_end": "2024-01-01"}, RSI | {"equity": "1.0"}],
    ids=["no column", "the symbol", "a key column", "one of two"],
)
def test_only_other_series_columns_choose_series(lake: Lake, within: Mapping[str, str]) -> None:
    with pytest.raises(LakeError, match="expected series columns other than symbol: strategy, timeframe"):
        lake.replace(EQUITY, _equity("rsi"), ["BTCUSDT"], within=within)
    with pytest.raises(LakeError, match="expected series columns"):
        lake.content_hashes(EQUITY, ["BTCUSDT"], within=within)
    assert lake.tables() == ()


def test_a_timeframe_is_refused_where_the_table_is_not_cut_by_it(lake: Lake) -> None:
    table = Table("verdicts", ("symbol", "timeframe"), ("symbol",))
    with pytest.raises(LakeError, match=r"within names timeframe, .* none"):
        lake.content_hashes(table, ["BTCUSDT"], "1h")


def test_rows_that_contradict_within_change_nothing(lake: Lake) -> None:
    frame = _stored(lake)
    with pytest.raises(LakeError, match="rows of strategy macd, expected only rsi"):
        lake.replace(EQUITY, frame[frame["symbol"] == "BTCUSDT"], ["BTCUSDT"], within=RSI)
    with pytest.raises(LakeError, match="name them too"):
        lake.replace(EQUITY, _equity("rsi"), ["O'X"], within=RSI)
    with pytest.raises(LakeError, match="keeps every version"):
        lake.replace(BARS, pd.DataFrame(), ["BTCUSDT"], within={"timeframe": "1h"})
    assert_frame_equal(lake.read(EQUITY), frame)
