"""Longer bars than are stored are made of shorter ones: the same whatever range of them is asked for."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bot_core_dagster import lake as notebook
from bot_core_dagster.errors import TimeError, UnknownNameError
from bot_core_dagster.lake import Lake
from bot_core_dagster.lake.longer import longer_bars, shorter_timeframe
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.market.resample import resample
from bot_core_dagster.timeframe import Timeframe
from tests import builders

H1, H4, D1 = Timeframe.H1, Timeframe.H4, Timeframe.D1
NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)


def _hours(name: str, start: str, end: str, symbol: str = "BTCUSDT") -> pd.DataFrame:
    opens = calendar(name).bar_open_times(H1, pd.Timestamp(start, tz="UTC"), pd.Timestamp(end, tz="UTC"))
    return builders.bars(len(opens), symbol=symbol).assign(open_time=opens, close_time=opens + timedelta(hours=1))


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Lake:
    """The default lake, with BTCUSDT and EURUSD on the watchlist."""
    fx = {"symbol": "EURUSD", "base": "EUR", "quote": "USD", "calendar": "fx", "price_side": "bid"}
    watchlist = [builders.instrument(), builders.instrument(**fx)]
    monkeypatch.setenv("BOT_CORE_WATCHLIST", json.dumps([one.model_dump(mode="json") for one in watchlist]))
    return notebook.default_lake(create=True)


@pytest.mark.parametrize(
    ("stored", "wanted", "found"),
    [
        (["1h", "5m", "1d"], "4h", "1h"),
        (["5m", "1m"], "1h", "5m"),
        (["1h"], "1h", None),
        (["1d"], "4h", None),
        ([], "4h", None),
        (["1h"], "2h", None),
        (["tick", "1m"], "1h", "1m"),
    ],
)
def test_bars_are_made_of_the_longest_shorter_ones(stored: list[str], wanted: str, found: str | None) -> None:
    assert shorter_timeframe(stored, wanted) == found


@pytest.mark.parametrize(("symbol", "name"), [("BTCUSDT", "crypto"), ("EURUSD", "fx")])
@pytest.mark.parametrize("to", [H4, D1])
def test_a_notebook_gets_longer_bars_on_the_grid_of_the_symbols_calendar(
    own: Lake, symbol: str, name: str, to: Timeframe
) -> None:
    hours = _hours(name, "2024-03-01", "2024-04-12", symbol)
    own.upsert_bars(hours)
    made = notebook.bars(symbol, to)
    assert_frame_equal(made, resample(hours, to, name), check_exact=True)
    assert set(made["source"]) == {"file:test"}
    if name == "fx":
        local = made["open_time"].dt.tz_convert("America/New_York")
        assert set(local.dt.hour) == ({17} if to is D1 else {17, 21, 1, 5, 9, 13})


def test_a_stored_series_answers_for_itself(own: Lake) -> None:
    stored = builders.bars(10, timeframe="4h", seed=3)
    own.upsert_bars(pd.concat([builders.bars(100), stored]))
    assert_frame_equal(notebook.bars("BTCUSDT", "4h"), stored, check_exact=True)


def test_simulated_bars_make_simulated_bars(own: Lake) -> None:
    own.upsert_bars(builders.bars(50, source="simulated"))
    assert set(notebook.bars("BTCUSDT", "1d")["source"]) == {"simulated"}


def test_longer_bars_are_those_that_were_known_then(own: Lake) -> None:
    hours = builders.bars(100)
    own.upsert_bars(hours.head(50), recorded_at=NOON)
    own.upsert_bars(hours.assign(high=hours["high"] * 2), recorded_at=NOON + timedelta(hours=1))
    assert notebook.bars("BTCUSDT", "4h", as_of=NOON - timedelta(seconds=1)).empty
    assert_frame_equal(notebook.bars("BTCUSDT", "4h", as_of=NOON), resample(hours.head(50), H4, "crypto"))
    assert_frame_equal(
        notebook.bars("BTCUSDT", "4h", end="2024-01-02T23:00:00Z", as_of=NOON), resample(hours.head(48), H4, "crypto")
    )
    assert len(notebook.bars("BTCUSDT", "4h")) == 25


@pytest.fixture(scope="module", params=["crypto", "fx", "metals"])
def holed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, str, pd.DataFrame]:
    """Hours over Christmas or the change of the clocks, a fifth of them missing, whole days among these."""
    name: str = request.param
    start, end = ("2024-12-15", "2025-01-15") if name == "metals" else ("2024-02-20", "2024-03-20")
    hours = _hours(name, start, end)
    kept = hours.drop(index=range(100, 155)).sample(frac=0.85, random_state=1).sort_index()
    lake = Lake.open(tmp_path_factory.mktemp("holed") / "lake", create=True)
    lake.upsert_bars(kept)
    return lake, name, kept.reset_index(drop=True)


@given(st.integers(-50, 800 * 60), st.integers(0, 200 * 60), st.sampled_from([H4, D1]), st.sampled_from([1, 60]))
@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_range_of_longer_bars_is_that_part_of_all_of_them(
    holed: tuple[Lake, str, pd.DataFrame], first: int, length: int, to: Timeframe, minutes: int
) -> None:
    """Wherever it begins and ends, in a bar, at its edge, in a stretch of missing bars or in a weekend."""
    lake, name, hours = holed
    origin = hours["open_time"].iloc[0].floor("h")
    start = origin + timedelta(minutes=first // minutes * minutes)
    end = start + timedelta(minutes=length // minutes * minutes)
    whole = resample(hours, to, name)
    expected = whole[(whole["open_time"] >= start) & (whole["open_time"] < end)].reset_index(drop=True)
    assert_frame_equal(longer_bars(lake, "BTCUSDT", (H1, to), name, start, end), expected, check_exact=True)
    after = whole[whole["open_time"] >= start].reset_index(drop=True)
    assert_frame_equal(longer_bars(lake, "BTCUSDT", (H1, to), name, start), after, check_exact=True)


def test_a_range_reads_the_bars_that_it_needs(own: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    own.upsert_bars(_hours("fx", "2024-01-01", "2024-12-01", "EURUSD"))
    asked: list[int] = []
    read = Lake.bars

    def counted(lake: Lake, *how: object) -> pd.DataFrame:
        frame = read(lake, *how)  # type: ignore[arg-type]
        asked.append(len(frame))
        return frame

    monkeypatch.setattr(Lake, "bars", counted)
    week = notebook.bars("EURUSD", "1d", start="2024-05-04T00:00:00Z", end="2024-05-11T12:00:00Z")
    assert (len(week), asked) == (5, [5 * 24])


@pytest.mark.parametrize(
    ("symbol", "timeframe", "message"),
    [
        ("BTCUSDT", "1m", r"no 1m bars of BTCUSDT; the lake holds BTCUSDT 1h, OTHER 1h; next: bot-core run"),
        ("BTCUSDT", "2h", "no 2h bars of BTCUSDT"),
        ("ABSENT", "4h", "no 4h bars of ABSENT"),
        ("OTHER", "4h", "OTHER is not on the watchlist"),
    ],
)
def test_bars_that_cannot_be_made_are_an_error_with_the_next_step(
    own: Lake, symbol: str, timeframe: str, message: str
) -> None:
    own.upsert_bars(pd.concat([builders.bars(50), builders.bars(50, symbol="OTHER")]))
    with pytest.raises(UnknownNameError, match=message):
        notebook.bars(symbol, timeframe)
    assert len(notebook.bars("OTHER", "1h")) == 50


def test_a_lake_gives_what_is_stored_and_names_what_makes_the_rest(own: Lake) -> None:
    own.upsert_bars(builders.bars(50))
    with pytest.raises(UnknownNameError, match=r"next: bot_core_dagster\.lake\.bars makes them of 1h"):
        own.bars("BTCUSDT", "4h")


def test_times_of_longer_bars_need_a_zone_and_an_order(own: Lake) -> None:
    own.upsert_bars(builders.bars(50))
    with pytest.raises(TimeError, match="zone"):
        notebook.bars("BTCUSDT", "4h", start="2024-01-01T00:00:00")
    with pytest.raises(TimeError, match="swap them"):
        notebook.bars("BTCUSDT", "4h", start="2024-01-02T00:00:00Z", end="2024-01-01T00:00:00Z")


def test_the_timeframes_of_a_symbol_are_those_that_are_stored(tmp_path: Path) -> None:
    lake = Lake.open(tmp_path / "lake", create=True)
    assert lake.timeframes("BTCUSDT") == ()
    lake.upsert_bars(pd.concat([builders.bars(5), builders.bars(5, timeframe="1d"), builders.bars(5, symbol="X")]))
    assert (lake.timeframes("BTCUSDT"), lake.timeframes("X"), lake.timeframes("Y")) == (("1d", "1h"), ("1h",), ())
