"""Trading calendars: hours, the grid of bars, expected and missing bars."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import TimeError, UnknownNameError
from bot_core_dagster.market.calendars import (
    CALENDARS,
    DayStart,
    TradingCalendar,
    calendar,
    expected_bars,
    follows_missing_bars,
    missing_bars,
)
from bot_core_dagster.market.trading_hours import day_starts
from bot_core_dagster.timeframe import Timeframe

NEW_YORK = ZoneInfo("America/New_York")
names = st.sampled_from(CALENDARS)
GOOD_FRIDAYS = [datetime(*day, tzinfo=NEW_YORK) for day in ((2023, 4, 7), (2024, 3, 29), (2025, 4, 18))]
timeframes = st.sampled_from(Timeframe)
instants = st.integers(157_766_400, 3_944_678_400).map(lambda second: datetime.fromtimestamp(second, tz=UTC))
"""Seconds of 1975 to 2094."""


def utc(*texts: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([pd.Timestamp(text, tz="UTC") for text in texts])


def bars_between(name: str, timeframe: str, start: str, end: str) -> list[str]:
    opens = calendar(name).bar_open_times(Timeframe(timeframe), *utc(start, end))
    return [f"{moment:%m-%d %H:%M}" for moment in opens]


def is_open_by_the_clock(name: str, moment: datetime) -> bool:
    """The readable twin of the regular hours of fx and metals, for one instant; Good Fridays are listed by hand."""
    local = moment.astimezone(NEW_YORK)
    for year, month, day in ((local.year, 1, 1), (local.year, 12, 25), (local.year + 1, 1, 1)):
        holiday = datetime(year, month, day, tzinfo=NEW_YORK)
        is_sunday = holiday.weekday() == 6
        eve, kept = holiday - timedelta(days=1 + is_sunday), holiday + timedelta(days=is_sunday)
        if eve + timedelta(hours=12) <= local < kept + timedelta(days=1, hours=2):
            return False
    hour_of_week = (local.weekday() + 1) % 7 * 24 + local.hour
    if name == "metals":
        good_friday = any(day - timedelta(hours=7) <= local < day + timedelta(hours=17) for day in GOOD_FRIDAYS)
        return 18 <= hour_of_week < 5 * 24 + 17 and local.hour != 17 and not good_friday
    return 17 <= hour_of_week < 5 * 24 + 17


@pytest.mark.parametrize("name", ["fx", "metals"])
def test_trading_hours_are_those_that_a_clock_in_new_york_tells(name: str) -> None:
    half_hours = pd.date_range("2022-12-15", "2026-01-15", freq="30min", tz="UTC")
    told = [is_open_by_the_clock(name, moment) for moment in half_hours.to_pydatetime()]
    np.testing.assert_array_equal(calendar(name).is_open(half_hours), told)


def test_crypto_never_closes() -> None:
    week = pd.date_range("2024-12-22", "2024-12-29", freq="7min", tz="UTC")
    assert calendar("crypto").is_open(week).all()
    assert calendar("crypto").may_trade(week).all()


@pytest.mark.parametrize(
    ("start", "end", "first", "last", "n_bars"),
    [
        ("2024-01-13", "2024-01-20", "01-14 22:00", "01-19 21:00", 120),
        ("2024-07-13", "2024-07-20", "07-14 21:00", "07-19 20:00", 120),
        ("2024-03-09", "2024-03-16", "03-10 21:00", "03-15 20:00", 120),
        ("2024-03-02", "2024-03-09", "03-03 22:00", "03-08 21:00", 120),
        ("2024-11-02", "2024-11-09", "11-03 22:00", "11-08 21:00", 120),
    ],
    ids=["winter", "summer", "week after the clocks go forward", "week before", "week after the clocks go back"],
)
def test_an_fx_week_is_120_hours_from_sunday_to_friday_17_new_york(
    start: str, end: str, first: str, last: str, n_bars: int
) -> None:
    opens = bars_between("fx", "1h", start, end)
    assert (opens[0], opens[-1], len(opens)) == (first, last, n_bars)


@pytest.mark.parametrize(
    ("name", "timeframe", "expected"),
    [
        ("fx", "1d", ["03-07 22:00", "03-10 21:00", "03-11 21:00"]),
        ("fx", "4h", ["03-08 18:00", "03-10 21:00", "03-11 01:00", "03-11 05:00", "03-11 09:00", "03-11 13:00"]),
        ("metals", "4h", ["03-08 18:00", "03-10 21:00", "03-11 01:00", "03-11 05:00", "03-11 09:00", "03-11 13:00"]),
        ("crypto", "1d", ["03-08 00:00", "03-09 00:00", "03-10 00:00", "03-11 00:00"]),
    ],
)
def test_long_bars_are_anchored_where_the_trading_day_starts(name: str, timeframe: str, expected: list[str]) -> None:
    start = "2024-03-08 15:00" if timeframe == "4h" else "2024-03-07 12:00"
    end = "2024-03-11 14:00" if timeframe == "4h" else "2024-03-12 00:00"
    assert bars_between(name, timeframe, start, end) == expected


def test_metals_rest_from_17_to_18_new_york() -> None:
    opens = bars_between("metals", "1h", "2024-07-15 18:00", "2024-07-16 00:00")
    assert opens == ["07-15 18:00", "07-15 19:00", "07-15 20:00", "07-15 22:00", "07-15 23:00"]
    assert bars_between("metals", "1h", "2024-07-14", "2024-07-15")[0] == "07-14 22:00"


def test_metals_keep_good_friday() -> None:
    assert bars_between("metals", "1d", "2024-03-26", "2024-04-02") == [
        "03-26 21:00",
        "03-27 21:00",
        "03-31 21:00",
        "04-01 21:00",
    ]
    assert len(bars_between("fx", "1d", "2024-03-26", "2024-04-02")) == 5


@pytest.mark.parametrize(
    ("start", "end", "last_before", "first_after"),
    [
        ("2024-12-23", "2024-12-27", "12-24 16:00", "12-26 07:00"),
        ("2024-12-30", "2025-01-03", "12-31 16:00", "01-02 07:00"),
        ("2022-12-22", "2022-12-28", "12-23 16:00", "12-27 07:00"),
        ("2021-12-23", "2021-12-28", "12-24 16:00", "12-26 22:00"),
        ("2017-12-21", "2017-12-27", "12-22 21:00", "12-26 07:00"),
    ],
    ids=["Wednesday", "New Year", "Sunday is kept on Monday", "Saturday", "Monday"],
)
def test_no_bar_is_expected_around_a_holiday(start: str, end: str, last_before: str, first_after: str) -> None:
    opens = bars_between("fx", "1h", start, end)
    at = opens.index(last_before)
    assert opens[at + 1] == first_after


def test_a_bar_in_holiday_hours_is_neither_expected_nor_out_of_place() -> None:
    night = utc("2024-12-24 18:00", "2024-12-25 23:00", "2024-12-28 12:00")
    fx = calendar("fx")
    assert not fx.is_open(night).any()
    assert fx.may_trade(night).tolist() == [True, True, False]
    assert fx.may_have_bars(night, Timeframe.H1).tolist() == [True, True, False]


@settings(deadline=None)
@given(names, st.sampled_from(DayStart), timeframes, instants)
def test_every_instant_is_in_exactly_one_bar(
    name: str, day_start: DayStart, timeframe: Timeframe, moment: datetime
) -> None:
    """The bar that contains an instant ends where the next one starts, wherever days start."""
    market = TradingCalendar(name, day_start)
    opens = market.bar_open(pd.DatetimeIndex([moment]), timeframe)
    closes = market.bar_close(opens, timeframe)
    assert opens[0] <= pd.Timestamp(moment) < closes[0]
    assert market.bar_open(closes - pd.Timedelta(microseconds=1), timeframe)[0] == opens[0]
    assert market.bar_open(closes, timeframe)[0] == closes[0]


@settings(deadline=None)
@given(names, timeframes, instants, st.integers(1, 20 * 24))
def test_every_open_instant_is_in_an_expected_bar_and_every_expected_bar_is_open_sometime(
    name: str, timeframe: Timeframe, start: datetime, n_hours: int
) -> None:
    market = calendar(name)
    minutes = pd.date_range(start, periods=n_hours * 4, freq="15min").floor("1min")
    wanted = market.bar_open_times(timeframe, minutes[0], minutes[-1] + pd.Timedelta(minutes=1))
    open_in = market.bar_open(minutes[market.is_open(minutes)], timeframe).unique()
    assert set(open_in[open_in >= minutes[0]]) <= set(wanted)
    assert market.may_have_bars(wanted, timeframe).all()
    assert wanted.is_monotonic_increasing
    assert market.is_on_grid(wanted, timeframe).all()


@settings(deadline=None)
@given(names, timeframes, instants, st.integers(0, 900), st.integers(0, 900))
def test_two_ranges_that_meet_hold_the_bars_of_the_whole(
    name: str, timeframe: Timeframe, start: datetime, n_left: int, n_right: int
) -> None:
    middle, end = start + timedelta(hours=n_left), start + timedelta(hours=n_left + n_right)
    market = calendar(name)
    halves = market.bar_open_times(timeframe, start, middle).append(market.bar_open_times(timeframe, middle, end))
    pd.testing.assert_index_equal(halves, market.bar_open_times(timeframe, start, end))


@settings(deadline=None)
@given(names, timeframes, instants)
def test_the_last_closed_bar_is_closed_and_the_next_is_not(name: str, timeframe: Timeframe, now: datetime) -> None:
    market = calendar(name)
    last = market.last_closed_open(now, timeframe)
    later = market.bar_open_times(timeframe, last, now + timedelta(days=9))
    assert later[0] == last
    assert (market.bar_close(later, timeframe) <= pd.Timestamp(now)).tolist() == [True, *[False] * (len(later) - 1)]


def test_fx_trading_days_last_24_hours_and_the_closed_ones_take_the_change_of_the_clocks() -> None:
    fx = calendar("fx")
    saturdays = utc("2024-03-09 22:00", "2024-11-02 21:00")
    lengths = fx.bar_close(saturdays, Timeframe.D1) - saturdays
    assert (lengths / pd.Timedelta(hours=1)).tolist() == [23.0, 25.0]
    traded = fx.bar_open_times(Timeframe.D1, *utc("2015-01-01", "2025-01-01"))
    assert ((fx.bar_close(traded, Timeframe.D1) - traded) == pd.Timedelta(days=1)).all()


@pytest.mark.parametrize("day_start", DayStart, ids=str)
def test_days_start_when_the_clock_of_their_zone_says_so_in_every_year(day_start: DayStart) -> None:
    zone, hour = day_start.value  # until 1982 clocks in Athens changed at midnight
    starts = pd.DatetimeIndex(day_starts(zone, hour).view("M8[us]"), tz="UTC").tz_convert(ZoneInfo(zone))
    local = starts[starts.year >= 1983].tz_localize(None)
    assert set(local.hour) == {hour}
    assert set(np.diff(local.normalize()) / np.timedelta64(1, "D")) == {1.0}


def test_a_series_keeps_the_day_start_that_its_bars_have() -> None:
    fx = calendar("fx")
    for day_start, timeframe in ((DayStart.UTC, Timeframe.D1), (DayStart.ATHENS, Timeframe.H4)):
        other = TradingCalendar("fx", day_start)
        opens = other.bar_open_times(timeframe, *utc("2024-02-01", "2024-04-15"))
        assert fx.with_grid_of(opens, timeframe) == other
        assert len(missing_bars(opens, timeframe, fx)) == 0
        assert missing_bars(opens.delete(7), timeframe, fx).tolist() == [opens[7]]
    assert fx.with_grid_of(fx.bar_open_times(Timeframe.D1, *utc("2024-02-01", "2024-04-15")), Timeframe.D1) is fx


def test_weekends_breaks_and_holidays_are_not_missing() -> None:
    for name in CALENDARS:
        for timeframe in Timeframe:
            opens = calendar(name).bar_open_times(timeframe, *utc("2024-12-01", "2025-01-15"))
            assert len(missing_bars(opens, timeframe, calendar(name))) == 0
            assert not follows_missing_bars(opens, timeframe, calendar(name)).any()


@settings(deadline=None)
@given(names, st.sets(st.integers(1, 398), max_size=30))
def test_what_is_taken_out_is_missing_and_the_bar_after_it_follows_missing_bars(name: str, taken: set[int]) -> None:
    market = calendar(name)
    opens = market.bar_open_times(Timeframe.H1, *utc("2024-12-10", "2025-01-20"))[:400]
    kept = np.setdiff1d(np.arange(len(opens)), sorted(taken))
    rest = opens[kept]
    pd.testing.assert_index_equal(missing_bars(rest, Timeframe.H1, market), opens[sorted(taken)])
    expected = np.concatenate([[False], np.diff(kept) > 1])
    np.testing.assert_array_equal(follows_missing_bars(rest, Timeframe.H1, market), expected)


def test_no_bars_have_none_missing() -> None:
    nothing = pd.DatetimeIndex([], tz="UTC")
    assert len(expected_bars(nothing, Timeframe.H1, calendar("fx"))) == 0
    assert len(missing_bars(nothing, Timeframe.H1, calendar("fx"))) == 0
    assert follows_missing_bars(nothing, Timeframe.H1, calendar("fx")).shape == (0,)


def test_times_in_any_zone_and_unit_mean_the_same_instant() -> None:
    here = utc("2024-03-10 20:59", "2024-03-10 21:00")
    there = here.tz_convert("Asia/Tokyo").as_unit("ns")
    assert calendar("fx").is_open(there).tolist() == calendar("fx").is_open(here).tolist() == [False, True]


@pytest.mark.parametrize(
    ("times", "lack"),
    [(["2024-01-01"], "no zone"), ([pd.NaT], "no zone"), ([pd.Timestamp(0, tz="UTC"), pd.NaT], "NaT")],
)
def test_times_without_zone_or_value_are_refused(times: list[pd.Timestamp], lack: str) -> None:
    with pytest.raises(TimeError, match=lack):
        calendar("fx").is_open(pd.DatetimeIndex(times))


def test_a_time_in_the_wrong_unit_is_refused() -> None:
    with pytest.raises(TimeError, match="check the time unit"):
        calendar("fx").bar_open(utc("1969-12-31 23:59"), Timeframe.D1)


def test_a_naive_or_inverted_range_is_refused() -> None:
    start, end = utc("2024-01-01", "2024-01-02")
    with pytest.raises(TimeError, match="before it starts"):
        calendar("fx").bar_open_times(Timeframe.H1, end, start)
    with pytest.raises(TimeError, match="no time zone"):
        calendar("fx").bar_open_times(Timeframe.H1, datetime(2024, 1, 1), end)  # noqa: DTZ001 naive on purpose


def test_an_unknown_calendar_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match="crypto, fx, metals"):
        calendar("forex")


def test_three_years_of_hours_take_milliseconds_and_a_year_of_minutes_less_than_a_tenth_of_a_second() -> None:
    def best_ms(name: str, timeframe: Timeframe, *span: str) -> float:
        runs = []
        for _ in range(5):
            began = time.perf_counter()
            calendar(name).bar_open_times(timeframe, *utc(*span))
            runs.append(1_000 * (time.perf_counter() - began))
        return min(runs)

    for name in CALENDARS:
        assert best_ms(name, Timeframe.H1, "2022-01-01", "2025-01-01") < 10
        assert best_ms(name, Timeframe.M1, "2024-01-01", "2025-01-01") < 100
