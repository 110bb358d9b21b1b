"""Trading calendars: which bars a market is expected to have, and where each begins and ends.

Belongs here: the grid of bars, expected and missing bars. Not here: the hours themselves (`market.trading_hours`), how
many missing bars are too many (`market.quality`), making longer bars (`market.resample`).

Below 4h bars start on the UTC grid. Crypto's 4h and 1d bars start at 00:00 UTC. FX and metals count trading days from
17:00 New York: Sunday's evening belongs to Monday's day. Some brokers count otherwise (Lean at 00:00 UTC, MetaTrader at
midnight in Athens): `TradingCalendar.with_grid_of` gives the calendar with the same hours and a series' own day start.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.errors import TimeError, UnknownNameError
from bot_core_dagster.market.trading_hours import (
    EARLIEST,
    FIRST_YEAR,
    LAST_YEAR,
    LATEST,
    Microseconds,
    day_starts,
    holiday_hours,
    microseconds,
    regular_hours,
)
from bot_core_dagster.timeframe import Timeframe, require_utc

CALENDARS: Final = ("crypto", "fx", "metals")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_US: Final = 3_600_000_000
_BARS_4H: Final = np.arange(6, dtype=np.int64) * (4 * _HOUR_US)
_ANCHORED: Final = (Timeframe.H4, Timeframe.D1)


class DayStart(Enum):
    """Where a trading day starts: a zone and an hour there."""

    UTC = ("UTC", 0)
    NEW_YORK = ("America/New_York", 17)
    ATHENS = ("Europe/Athens", 0)

    def __str__(self) -> str:
        """Return it as a user reads it: "17:00 America/New_York"."""
        return f"{self.value[1]:02}:00 {self.value[0]}"


@dataclass(frozen=True)
class TradingCalendar:
    """The trading hours of a kind of market and its grid of bars.

    name : "crypto" (24/7), "fx" (Sunday 17:00 to Friday 17:00 New York, holidays), "metals" (fx less 17:00 to 18:00)
    day_start : where its 4h and 1d bars are anchored

    Times are DatetimeIndex in any zone; answers are datetime64[us, UTC]. A naive index or NaT is a TimeError, as is,
    for fx and metals, a time outside the years that `market.trading_hours` knows.
    """

    name: str
    day_start: DayStart

    def is_open(self, times: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
        """Return whether every venue trades at each instant (n_times,): False in holiday hours, where venues differ."""
        us = microseconds(times)
        return np.ones(len(us), dtype=bool) if self.name == "crypto" else regular_hours(self.name).holds(us)

    def may_trade(self, times: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
        """Return whether some venue trades at each instant (n_times,): open, or in holiday hours."""
        us = microseconds(times)
        if self.name == "crypto":
            return np.ones(len(us), dtype=bool)
        return regular_hours(self.name).holds(us) | holiday_hours(self.name).holds(us)

    def may_have_bars(self, open_times: pd.DatetimeIndex, timeframe: Timeframe) -> npt.NDArray[np.bool_]:
        """Return whether any part of each bar (n_bars,) is in trading hours or in holiday hours."""
        if self.name == "crypto":
            return np.ones(len(open_times), dtype=bool)
        start = microseconds(open_times)
        end = microseconds(self.bar_close(open_times, timeframe))
        return regular_hours(self.name).overlaps(start, end) | holiday_hours(self.name).overlaps(start, end)

    def bar_open_times(self, timeframe: Timeframe, start: datetime, end: datetime) -> pd.DatetimeIndex:
        """Return the open times in [start, end) of the expected bars: wholly or partly in trading hours.

        Bars that lie in holiday hours alone are not expected.

        Raises
        ------
        TimeError
            If `start` or `end` is naive or `end` is before `start`.
        """
        start_us, end_us = (_instant(moment, name) for moment, name in ((start, "start"), (end, "end")))
        if end_us < start_us:
            raise TimeError(f"the range ends ({end}) before it starts ({start}); give the earlier time first")
        opens = self._grid(timeframe, start_us, end_us)
        if self.name != "crypto":
            opens = opens[regular_hours(self.name).overlaps(opens, self._close(opens, timeframe))]
        return _index(opens)

    def bar_open(self, times: pd.DatetimeIndex, timeframe: Timeframe) -> pd.DatetimeIndex:
        """Return the open time (n_times,) of the bar that contains each time, in trading hours or not."""
        return _index(self._open(self._known(microseconds(times)), timeframe))

    def bar_close(self, open_times: pd.DatetimeIndex, timeframe: Timeframe) -> pd.DatetimeIndex:
        """Return the close time (n_bars,) of the bars that open then: their nominal length later where off the grid."""
        return _index(self._close(self._known(microseconds(open_times)), timeframe))

    def last_closed_open(self, now: datetime, timeframe: Timeframe) -> pd.Timestamp:
        """Return the open time of the last expected bar whose close is at or before `now`."""
        now_us = _instant(now, "now")
        recent = self.bar_open_times(timeframe, _stamp(now_us) - pd.Timedelta(days=14), _stamp(now_us))
        closed = self._close(microseconds(recent), timeframe) <= now_us
        return recent[closed][-1]

    def is_on_grid(self, open_times: pd.DatetimeIndex, timeframe: Timeframe) -> npt.NDArray[np.bool_]:
        """Return whether each time (n_times,) starts a bar of the grid, open or not."""
        us = self._known(microseconds(open_times))
        return np.equal(self._open(us, timeframe), us)

    def with_grid_of(self, open_times: pd.DatetimeIndex, timeframe: Timeframe) -> "TradingCalendar":
        """Return this calendar with the day start on whose grid most of these bars lie: its own if that is no worse."""
        if timeframe not in _ANCHORED or self.name == "crypto" or self.is_on_grid(open_times, timeframe).all():
            return self
        candidates = [self, *(replace(self, day_start=other) for other in DayStart if other is not self.day_start)]
        return max(candidates, key=lambda one: np.count_nonzero(one.is_on_grid(open_times, timeframe)))

    def _known(self, us: Microseconds) -> Microseconds:
        first, beyond = (_instant(edge, "edge") for edge in (EARLIEST, LATEST))
        if self.name != "crypto" and len(us) and (us.min() < first or us.max() >= beyond):
            odd = us.min() if us.min() < first else us.max()
            raise TimeError(
                f"the {self.name} calendar knows {FIRST_YEAR} to {LAST_YEAR}, got {_stamp(odd)}; check the time unit"
            )
        return us

    def _open(self, us: Microseconds, timeframe: Timeframe) -> Microseconds:
        length = timeframe.ms * 1_000
        if timeframe not in _ANCHORED or self.day_start is DayStart.UTC:
            return us - us % length
        days = day_starts(*self.day_start.value)
        day = days[np.searchsorted(days, us, side="right") - 1]
        if timeframe is Timeframe.D1:
            return day
        return np.asarray(day + np.minimum((us - day) // length, len(_BARS_4H) - 1) * length)

    def _close(self, opens: Microseconds, timeframe: Timeframe) -> Microseconds:
        """Return where bars end: the day's last at the next day's start, which a change of the clocks may move."""
        close = opens + timeframe.ms * 1_000
        if timeframe not in _ANCHORED or self.day_start is DayStart.UTC:
            return close
        days = day_starts(*self.day_start.value)
        place = np.searchsorted(days, opens, side="right") - 1
        in_day, day_end = opens - days[place], days[place + 1]
        ends_the_day = in_day == (0 if timeframe is Timeframe.D1 else _BARS_4H[-1])
        return np.where(ends_the_day, day_end, close)

    def _grid(self, timeframe: Timeframe, start_us: int, end_us: int) -> Microseconds:
        length = timeframe.ms * 1_000
        if timeframe not in _ANCHORED or self.day_start is DayStart.UTC:
            return np.arange(-(-start_us // length) * length, end_us, length, dtype=np.int64)
        self._known(np.array([start_us, end_us - 1]))
        days = day_starts(*self.day_start.value)
        first, last = np.searchsorted(days, [start_us, end_us]) - [1, 0]
        opens = days[first:last] if timeframe is Timeframe.D1 else (days[first:last, None] + _BARS_4H).ravel()
        return opens[(opens >= start_us) & (opens < end_us)]


@cache
def calendar(name: str) -> TradingCalendar:
    """Return the calendar of that name: "crypto", "fx" or "metals".

    Raises
    ------
    UnknownNameError
        If there is none.
    """
    if name not in CALENDARS:
        raise UnknownNameError(f"unknown trading calendar {name!r}; there are {', '.join(CALENDARS)}")
    return TradingCalendar(name, DayStart.UTC if name == "crypto" else DayStart.NEW_YORK)


def expected_bars(open_times: pd.DatetimeIndex, timeframe: Timeframe, calendar: TradingCalendar) -> pd.DatetimeIndex:
    """Return the open times of the bars expected from the first to the last of `open_times`, on their own grid.

    Takes what `missing_bars` takes; a bar that is there without being expected (in holiday hours) is not among them.
    """
    if len(open_times) == 0:
        return _index(np.empty(0, dtype=np.int64))
    first, last = open_times.min(), open_times.max()
    grid = calendar.with_grid_of(open_times, timeframe)
    return grid.bar_open_times(timeframe, first, last + pd.Timedelta(microseconds=1))


def missing_bars(open_times: pd.DatetimeIndex, timeframe: Timeframe, calendar: TradingCalendar) -> pd.DatetimeIndex:
    """Return the open times of the bars expected between the first and the last of `open_times` that are not there.

    Parameters
    ----------
    open_times : DatetimeIndex of shape (n_bars,)
        In any order; on the grid of `calendar` or of another day start.
    timeframe : Timeframe
    calendar : TradingCalendar

    Returns
    -------
    DatetimeIndex of shape (n_missing,), datetime64[us, UTC], ascending.
    """
    expected = expected_bars(open_times, timeframe, calendar)
    return expected[~expected.isin(open_times)]


def follows_missing_bars(
    open_times: pd.DatetimeIndex, timeframe: Timeframe, calendar: TradingCalendar
) -> npt.NDArray[np.bool_]:
    """Return for each bar whether expected bars are missing between the one before and it.

    Parameters
    ----------
    open_times : DatetimeIndex of shape (n_bars,)
        Ascending, without duplicates.
    timeframe : Timeframe
    calendar : TradingCalendar

    Returns
    -------
    ndarray of bool, shape (n_bars,)
        False for the first bar, and after weekends, the metals' break and holiday hours: nothing was expected there.
    """
    if len(open_times) == 0:
        return np.zeros(0, dtype=bool)
    us = microseconds(open_times)
    expected = microseconds(expected_bars(open_times, timeframe, calendar))
    n_before = np.searchsorted(expected, us, side="left")
    n_through = np.searchsorted(expected, us, side="right")
    return np.concatenate([[False], n_before[1:] > n_through[:-1]])


def _instant(moment: datetime, name: str) -> int:
    return (require_utc(moment, name) - _EPOCH) // timedelta(microseconds=1)


def _index(us: Microseconds) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(us.view("M8[us]"), tz="UTC")


def _stamp(us: int) -> pd.Timestamp:
    return pd.Timestamp(int(us), unit="us", tz="UTC")
