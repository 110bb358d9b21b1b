"""Trading hours: when venues trade, as sorted intervals of UTC microseconds.

Belongs here: the weekly hours, the daily break, the holidays, the starts of the trading day in each zone. Not here:
bars and their grid (`market.calendars`), what is done about missing bars (`market.quality`).

What the real files show (2007 to 2026, four brokers): all trade Sunday 17:00 to Friday 17:00 New York. Around 25
December and 1 January each closes and opens as it likes: early closes from 12:00 New York of the eve, some hours traded
in the night of the holiday, first bars between 17:00 of the day and 02:00 of the next; a holiday on a Sunday is kept on
Monday, and its early close falls on Friday. These are holiday hours: a bar in them is neither expected nor out of
place. Metals keep Good Friday so, too.
"""

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.errors import TimeError

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2099
EARLIEST: Final = pd.Timestamp(f"{FIRST_YEAR}-01-01", tz="UTC")
LATEST: Final = pd.Timestamp(f"{LAST_YEAR + 1}-01-01", tz="UTC")
"""Hours and trading days are known for times in [EARLIEST, LATEST)."""

NEW_YORK: Final = "America/New_York"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_US: Final = 3_600_000_000

Microseconds = npt.NDArray[np.int64]
WallTimes = npt.NDArray[np.datetime64]
"""Naive New York times: the clocks never change while a market is open."""


class Hours(NamedTuple):
    """Disjoint intervals [start, end), ascending, in microseconds since 1970 UTC; arrays of shape (n_intervals,)."""

    start: Microseconds
    end: Microseconds

    def holds(self, times: Microseconds) -> npt.NDArray[np.bool_]:
        """Return whether each time is inside an interval."""
        last_started = np.searchsorted(self.start, times, side="right") - 1
        return (last_started >= 0) & (times < self.end[last_started])

    def overlaps(self, start: Microseconds, end: Microseconds) -> npt.NDArray[np.bool_]:
        """Return whether each [start, end) shares time with an interval."""
        first_unfinished = np.searchsorted(self.end, start, side="right")
        next_start = np.append(self.start, np.iinfo(np.int64).max)[first_unfinished]
        return next_start < end


def microseconds(times: pd.DatetimeIndex) -> Microseconds:
    """Return times (n_times,) of any zone as microseconds since 1970 UTC.

    Raises
    ------
    TimeError
        If they have no zone, or one of them is missing.
    """
    if times.tz is None or times.hasnans:
        lack = "no zone" if times.tz is None else "NaT among them"
        raise TimeError(f"expected times in UTC, got {lack}; next: tz_localize them, quarantine rows without a time")
    return np.asarray(times.as_unit("us").values).view(np.int64)


@cache
def regular_hours(name: str) -> Hours:
    """Return the hours of the calendar "fx" or "metals" in which every venue trades: holiday hours are left out."""
    return _to_utc(*_subtract(*_weekly_wall_times(name), *_holiday_wall_times(name)))


@cache
def holiday_hours(name: str) -> Hours:
    """Return the hours of the calendar "fx" or "metals" in which some venues trade and some do not."""
    weekly = _weekly_wall_times(name)
    return _to_utc(*_subtract(*weekly, *_subtract(*weekly, *_holiday_wall_times(name))))


@cache
def day_starts(zone: str, hour: int) -> Microseconds:
    """Return the start of every day, ascending, where a day starts at `hour` o'clock of `zone`, in microseconds UTC."""
    days = np.arange(np.datetime64(f"{FIRST_YEAR - 1}-12-30"), np.datetime64(f"{LAST_YEAR + 1}-01-03"))
    return _utc(_at_hour(days, hour), zone)


def _weekly_wall_times(name: str) -> tuple[WallTimes, WallTimes]:
    """Return the starts and ends of the week ("fx") or of its five days ("metals"), without holidays."""
    sundays = np.arange(np.datetime64(f"{FIRST_YEAR - 1}-12-28"), np.datetime64(f"{LAST_YEAR + 1}-01-02"), 7)
    if name == "fx":
        return _at_hour(sundays, 17), _at_hour(sundays, 5 * 24 + 17)
    days = (sundays[:, None] + np.arange(5)).ravel()
    return _at_hour(days, 18), _at_hour(days, 24 + 17)


def _at_hour(days: npt.NDArray[np.datetime64], hour: int) -> WallTimes:
    return np.asarray(days.astype("M8[h]") + hour, dtype="M8[us]")


def _holiday_wall_times(name: str) -> tuple[WallTimes, WallTimes]:
    spans = [
        _closed_around(holiday)
        for year in range(FIRST_YEAR, LAST_YEAR + 1)
        for holiday in (date(year, 12, 25), date(year + 1, 1, 1))
    ]
    if name == "metals":
        easter = pd.date_range(EARLIEST, LATEST, freq=pd.offsets.Easter())
        spans += [
            (f"{day - timedelta(days=3):%Y-%m-%d}T17", f"{day - timedelta(days=2):%Y-%m-%d}T17") for day in easter
        ]
    start, end = np.array(spans, dtype="M8[us]").T
    return start, end


def _closed_around(holiday: date) -> tuple[str, str]:
    """Return from 12:00 of the eve (Friday's, if that is a Saturday) to 02:00 after the day it is kept on."""
    saturday, sunday = 5, 6
    eve = holiday - timedelta(days=1)
    if eve.weekday() == saturday:
        eve -= timedelta(days=1)
    kept = holiday + timedelta(days=1) if holiday.weekday() == sunday else holiday
    return f"{eve}T12", f"{kept + timedelta(days=1)}T02"


def _subtract(
    start: WallTimes,
    end: WallTimes,
    hole_start: WallTimes,
    hole_end: WallTimes,
) -> tuple[WallTimes, WallTimes]:
    """Return the intervals less the holes, by sweeping over all the instants at which either begins or ends."""
    instants = np.unique(np.concatenate([start, end, hole_start, hole_end]))
    first_of = [np.searchsorted(instants, edge) for edge in (start, end, hole_start, hole_end)]
    depth = np.zeros((2, len(instants)), dtype=np.int64)
    for row, (opens, closes) in enumerate((first_of[:2], first_of[2:])):
        np.add.at(depth[row], opens, 1)
        np.add.at(depth[row], closes, -1)
    inside = (np.cumsum(depth[0]) > 0) & (np.cumsum(depth[1]) == 0)
    edges = np.diff(np.concatenate([[False], inside]).astype(np.int8))
    return instants[edges == 1], instants[edges == -1]


def _to_utc(start: WallTimes, end: WallTimes) -> Hours:
    return Hours(_utc(start, NEW_YORK), _utc(end, NEW_YORK))


def _utc(wall: WallTimes, zone: str) -> Microseconds:
    """Return wall times as UTC: the first of two that a clock shows, and one that it leaps over as if it had not.

    Pandas' own conversion asks zoneinfo for each time, which took half a second at the start of every command.
    """
    instants, offsets = _clock_changes(zone)
    local = np.maximum(offsets[1:], offsets[:-1]) + instants
    us = wall.astype(np.int64)
    return np.asarray(us - offsets[np.searchsorted(local, us, side="right")])


@cache
def _clock_changes(zone: str) -> tuple[Microseconds, Microseconds]:
    """Return when the clocks of a zone change (n_changes,), and its offsets from UTC before, between and after them."""
    clock = ZoneInfo(zone)
    samples = range(_hours_since_1970(EARLIEST) - 7 * 24, _hours_since_1970(LATEST) + 14 * 24, 14 * 24)
    offsets = [_offset_us(clock, samples[0])]
    instants = []
    for before, after in pairwise(samples):
        if _offset_us(clock, after) != offsets[-1]:
            changed = bisect_left(range(before, after), True, key=lambda hour: _offset_us(clock, hour) != offsets[-1])
            instants.append((before + changed) * _HOUR_US)
            offsets.append(_offset_us(clock, after))
    return np.array(instants, dtype=np.int64), np.array(offsets, dtype=np.int64)


def _hours_since_1970(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(hours=1)


def _offset_us(clock: ZoneInfo, hour: int) -> int:
    """Return the offset from UTC that a clock has an hour count after 1970 began; changes fall on full hours UTC."""
    offset = (_EPOCH + timedelta(hours=hour)).astimezone(clock).utcoffset()
    return 0 if offset is None else offset // timedelta(microseconds=1)
