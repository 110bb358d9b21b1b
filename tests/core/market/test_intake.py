"""Intake: rows become bars, quarantined rows or counted duplicates."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from bot_core_dagster.errors import QualityError
from bot_core_dagster.market.bar import BAR_COLUMNS, PRICE_COLUMNS, QUARANTINE_COLUMNS, empty_bars
from bot_core_dagster.market.calendars import DayStart, TradingCalendar, calendar
from bot_core_dagster.market.intake import CONFLICT, GLITCH, Admission, admit
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import Timeframe
from tests.builders import bars, instrument
from tests.core.market.damage import damaged, faults
from tests.core.market.real_files import CRYPTO, FX


def admitted(rows: pd.DataFrame, of: Instrument = CRYPTO) -> Admission:
    """Admit, and hold on to what is true of every admission."""
    before = rows.copy(deep=True)
    result = admit(Fetched(rows), of)
    pd.testing.assert_frame_equal(rows, before)
    assert result.n_read == len(result.bars) + len(result.quarantined) + result.n_duplicates
    assert tuple(result.bars.columns) == BAR_COLUMNS
    assert tuple(result.quarantined.columns) == QUARANTINE_COLUMNS
    assert result.bars["open_time"].is_monotonic_increasing
    assert result.bars["open_time"].is_unique
    again = admit(Fetched(result.bars), of)
    pd.testing.assert_frame_equal(again.bars, result.bars)
    assert (len(again.quarantined), again.n_duplicates) == (0, 0)
    return result


def phrases(result: Admission) -> Counter[str]:
    return Counter(reason.split(" (")[0] for reason in result.quarantined["reason"])


def test_good_bars_pass_as_they_came() -> None:
    rows = bars(50)
    result = admitted(rows)
    pd.testing.assert_frame_equal(result.bars, rows)
    assert result.notes == ()


def test_no_rows_are_no_bars() -> None:
    result = admitted(empty_bars())
    assert (result.n_read, len(result.bars)) == (0, 0)
    pd.testing.assert_frame_equal(result.bars, empty_bars())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"high": 1.0}, "high below low (high 1, low 99)"),
        ({"high": 100.5, "close": 101.0}, "high below open or close (open 100, high 100.5, close 101)"),
        ({"low": 100.5, "high": 102.0, "open": 101.0}, "low above open or close (open 101, low 100.5, close 100)"),
        ({"close": np.nan}, "price not finite (open 100, high 101, low 99, close nan)"),
        ({"high": np.inf}, "price not finite (open 100, high inf, low 99, close 100)"),
        ({"low": 0.0}, "price not above zero (open 100, high 101, low 0, close 100)"),
        ({"low": -1.0}, "price not above zero (open 100, high 101, low -1, close 100)"),
        ({"volume": -3.0}, "volume negative or infinite (volume -3)"),
        ({"open_time": pd.NaT}, "no open_time"),
        ({"open_time": pd.Timestamp("1969-12-31", tz="UTC")}, "open_time outside 1970 to 2099"),
        ({"open_time": pd.Timestamp("2024-01-01T05:07:00", tz="UTC")}, "open_time off the 1h grid (05:07:00.000000)"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_an_impossible_row_is_quarantined_with_its_reason_and_line(changed: dict[str, Any], reason: str) -> None:
    rows = bars(20)
    rows[list(PRICE_COLUMNS)] = [100.0, 101.0, 99.0, 100.0]
    for column, value in changed.items():
        rows.loc[5, column] = value
    result = admitted(rows.assign(line=np.arange(2, 22)))
    assert len(result.bars) == 19
    row = result.quarantined.iloc[0]
    assert (row["reason"], row["line"], row["origin"]) == (reason, 7.0, "file:test")


def test_unknown_volume_is_no_fault() -> None:
    assert len(admitted(bars(20).assign(volume=np.nan)).bars) == 20


def test_equal_rows_are_kept_once_and_counted() -> None:
    rows = bars(30)
    result = admitted(pd.concat([rows, rows.iloc[[3, 3, 8]]]))
    pd.testing.assert_frame_equal(result.bars, rows)
    assert (result.n_duplicates, result.n_conflicts, len(result.quarantined)) == (3, 0, 0)


def test_rows_that_contradict_each_other_are_all_quarantined() -> None:
    rows = bars(30)
    other = rows.iloc[[3]].assign(volume=1.0)
    result = admitted(pd.concat([rows, other, other]))
    assert (len(result.bars), result.n_duplicates, result.n_conflicts) == (29, 1, 1)
    assert result.quarantined["reason"].tolist() == [CONFLICT, CONFLICT]


def test_an_impossible_row_does_not_condemn_the_possible_one_of_the_same_time() -> None:
    rows = bars(30)
    result = admitted(pd.concat([rows, rows.iloc[[3]].assign(high=0.5)]))
    pd.testing.assert_frame_equal(result.bars, rows)
    assert (len(result.quarantined), result.n_conflicts) == (1, 0)


def test_time_going_backwards_is_sorted_and_noted() -> None:
    rows = bars(30)
    shuffled = pd.concat([rows.iloc[10:], rows.iloc[:10]]).assign(line=np.arange(2, 32))
    result = admitted(shuffled)
    pd.testing.assert_frame_equal(result.bars, rows)
    assert result.notes == ("time goes backwards 1 times, first at line 22: sorted",)


@pytest.mark.parametrize("factor", [1e-3, 1e-2, 0.1, 10.0, 100.0, 1e3])
@pytest.mark.parametrize("columns", [["high"], ["low"], list(PRICE_COLUMNS)], ids=["high", "low", "all four"])
@pytest.mark.parametrize("run", [1, 2, 3])
def test_a_price_glitch_that_reverses_is_quarantined(factor: float, columns: list[str], run: int) -> None:
    rows = bars(40)
    rows.loc[20 : 19 + run, columns] *= factor
    result = admitted(rows)
    assert len(result.bars) == 40 - run
    assert set(result.quarantined["open_time"]) == set(rows.loc[20 : 19 + run, "open_time"])
    if (columns == ["high"]) == (factor > 1) or len(columns) == 4:
        assert phrases(result) == {GLITCH: run}


@pytest.mark.parametrize(
    ("first", "last", "factor"),
    [(20, 39, 10.0), (0, 0, 10.0), (39, 39, 0.1), (20, 20, 0.5), (20, 20, 4.0), (20, 26, 10.0)],
    ids=["split", "first bar", "last bar", "crash by half", "spike by 4", "a week at another level"],
)
def test_a_move_that_is_no_slip_of_the_decimal_point_is_kept(first: int, last: int, factor: float) -> None:
    rows = bars(40)
    rows.loc[first:last, list(PRICE_COLUMNS)] *= factor
    pd.testing.assert_frame_equal(admitted(rows).bars, rows)


def test_bars_outside_trading_hours_are_kept_and_noted() -> None:
    rows = bars(24 * 7, symbol="EURUSD").assign(price_side="bid")
    result = admitted(rows, FX)
    assert len(result.bars) == 24 * 7
    assert result.notes == ("48 of 168 bars lie outside fx trading hours, first 2024-01-05 22:00: kept",)


@pytest.mark.parametrize(
    ("timeframe", "day_start"),
    [("1d", DayStart.UTC), ("4h", DayStart.ATHENS)],
    ids=["days of Lean", "4h of MetaTrader"],
)
def test_bars_of_another_day_start_keep_it_and_say_so(timeframe: str, day_start: DayStart) -> None:
    other = TradingCalendar("fx", day_start)
    length = Timeframe(timeframe)
    opens = other.bar_open_times(length, pd.Timestamp("2024-02-01", tz="UTC"), pd.Timestamp("2024-04-15", tz="UTC"))
    rows = bars(len(opens), symbol="EURUSD", timeframe=timeframe).assign(open_time=opens, price_side="bid")
    result = admitted(rows, FX)
    assert len(result.bars) == len(opens)
    assert pd.DatetimeIndex(result.bars["close_time"]).equals(other.bar_close(opens, length))
    assert result.notes[0].startswith(f"{timeframe} bars start at {day_start}")


def test_the_close_time_is_the_calendars() -> None:
    rows = bars(10)
    a_millisecond_early = (rows["close_time"] - pd.Timedelta(milliseconds=1)).dt.as_unit("us")
    result = admitted(rows.assign(close_time=a_millisecond_early))
    pd.testing.assert_frame_equal(result.bars, rows)


def test_a_file_of_another_timeframe_is_refused_as_a_whole() -> None:
    minutes = bars(300, timeframe="1m").assign(timeframe="1h")
    with pytest.raises(QualityError, match=r"295 of 300 open off every grid.*check the timeframe and the zone"):
        admit(Fetched(minutes), CRYPTO)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.drop(columns="high"), "no bar frame: .*high"),
        (lambda rows: rows.assign(open="dear"), "no bar frame: open"),
        (lambda rows: rows.assign(open_time=rows["open_time"].dt.tz_localize(None)), "no bar frame: open_time"),
        (lambda rows: rows.assign(symbol="ETHUSDT"), "expected rows of BTCUSDT, got ETHUSDT"),
        (lambda rows: rows.assign(timeframe=["1h", "1m"] * 5), "expected rows of one timeframe, got 1h, 1m"),
        (lambda rows: rows.assign(price_side="last"), "no bar frame: price_side"),
    ],
    ids=["column missing", "text for a price", "naive time", "another symbol", "two timeframes", "unknown price side"],
)
def test_what_is_no_series_of_bars_is_refused(spoil: Callable[[pd.DataFrame], pd.DataFrame], message: str) -> None:
    with pytest.raises(QualityError, match=message):
        admit(Fetched(spoil(bars(10))), CRYPTO)


def test_what_the_source_could_not_read_comes_first_and_is_counted() -> None:
    nothing = dict.fromkeys(QUARANTINE_COLUMNS)
    unread = pd.DataFrame([nothing | {"symbol": "BTCUSDT", "reason": "not a number", "line": 3, "origin": "a.csv"}])
    rows = bars(10)
    rows.loc[4, "high"] = 0.1
    result = admit(Fetched(rows, unread, ("format: csv",)), CRYPTO)
    assert result.quarantined["reason"].str.split(" (", regex=False).str[0].tolist() == [
        "not a number",
        "high below low",
    ]
    assert (result.n_read, len(result.bars), result.notes) == (11, 9, ("format: csv",))
    assert str(result.quarantined["open_time"].dtype) == "datetime64[us, UTC]"


def test_another_price_side_than_the_watchlists_is_noted() -> None:
    assert admitted(bars(10).assign(price_side="ask")).notes == ("prices are ask, the watchlist says trade",)


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "A%B", "O'X"])
def test_odd_symbols_are_only_names(symbol: str) -> None:
    assert len(admitted(bars(10, symbol=symbol), instrument(symbol=symbol)).bars) == 10


@settings(max_examples=60, deadline=None)
@given(faults)
def test_every_row_is_accounted_for_and_admission_is_idempotent(faults: list[tuple[str, int]]) -> None:
    """What is admitted is untouched: each bar equals an undamaged row but for the glitches at the ends."""
    clean = bars(60)
    result = admitted(damaged(clean, faults))
    if not any(fault in ("conflict", "x1000") for fault, _ in faults):
        merged = result.bars.merge(clean, how="left", indicator=True)
        assert (merged["_merge"] == "both").all()


def test_the_grid_of_the_calendar_is_that_of_the_admitted_bars() -> None:
    opens = pd.DatetimeIndex(admitted(bars(100, timeframe="4h")).bars["open_time"])
    assert calendar("crypto").is_on_grid(opens, Timeframe.H4).all()
