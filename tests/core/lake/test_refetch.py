"""Series with missing bars are found for many instruments at once."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from bot_core_dagster.errors import TimeError
from bot_core_dagster.lake import Lake
from bot_core_dagster.lake.refetch import stored_times
from bot_core_dagster.settings import Instrument
from tests import builders

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=60)


def missing_since(lake: Lake, instruments: list[Instrument], now: datetime) -> dict[str, datetime]:
    """Return the symbols that are to be asked again, and from when on."""
    times = stored_times(lake, instruments, now)
    return {symbol: one.missing_since for symbol, one in times.items() if one.missing_since is not None}


def _series(symbol: str, missing: list[int], timeframe: str = "1h") -> pd.DataFrame:
    n_bars = timedelta(days=60) // pd.Timedelta(timeframe)
    return builders.bars(n_bars, symbol=symbol, timeframe=timeframe).drop(index=missing)


def test_each_instrument_is_asked_again_where_its_own_bars_are_missing(lake: Lake) -> None:
    series = [
        _series("WHOLE", []),
        _series("HOLED", [1_000, 1_001]),
        _series("OLD", [500]),
        _series("A/B:C", [200], "4h"),
        _series("FILE", [1_000]),
    ]
    lake.upsert_bars(pd.concat(series))
    watched = [
        *(builders.instrument(symbol=symbol, source="ccxt") for symbol in ("WHOLE", "HOLED", "OLD", "ABSENT")),
        builders.instrument(symbol="A/B:C", source="ccxt", timeframe="4h"),
        builders.instrument(symbol="FILE", source="file"),
    ]
    assert missing_since(lake, watched, NOW) == {
        "HOLED": START + timedelta(hours=1_000),
        "A/B:C": START + timedelta(hours=800),
    }


def test_a_bar_that_was_withdrawn_is_missing(lake: Lake) -> None:
    series = _series("BTCUSDT", [])
    lake.upsert_bars(series)
    lake.withdraw_bars(series.iloc[[1_200]])
    watched = [builders.instrument(source="ccxt")]
    assert missing_since(lake, watched, NOW) == {"BTCUSDT": START + timedelta(hours=1_200)}


def test_an_empty_lake_has_nothing_missing_and_a_naive_now_is_refused(lake: Lake) -> None:
    watched = [builders.instrument(source="ccxt")]
    assert missing_since(lake, watched, NOW) == {}
    lake.upsert_bars(_series("BTCUSDT", []))
    with pytest.raises(TimeError, match="zone"):
        missing_since(lake, watched, NOW.replace(tzinfo=None))


def test_open_times_are_those_of_the_current_bars(lake: Lake) -> None:
    series = _series("BTCUSDT", [7])
    lake.upsert_bars(series)
    lake.upsert_bars(series.assign(spread=1.0).iloc[1_000:1_010])
    found = lake.open_times(["BTCUSDT", "ABSENT"], "1h", START + timedelta(days=20))
    expected = series.loc[series["open_time"] >= START + timedelta(days=20), "open_time"]
    assert found["BTCUSDT"].sort_values().tolist() == expected.tolist()
    assert str(found["BTCUSDT"].dtype) == str(found["ABSENT"].dtype) == "datetime64[us, UTC]"
    assert len(found["ABSENT"]) == 0


def test_the_newest_bar_is_known_however_old_it_is(lake: Lake) -> None:
    lake.upsert_bars(pd.concat([_series("NEW", []), _series("OLD", []).head(100)]))
    watched = [builders.instrument(symbol=symbol, source="ccxt") for symbol in ("NEW", "OLD", "ABSENT")]
    found = {symbol: one.last for symbol, one in stored_times(lake, watched, NOW).items()}
    assert found == {"NEW": NOW - timedelta(hours=1), "OLD": START + timedelta(hours=99), "ABSENT": None}
