"""Weekly hours: how well bars, read in some zone, fit the weekly open and close of their trading calendar.

Belongs here: the evidence, week by week. Not here: what follows from it (`clock`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.market.calendars import TradingCalendar
from bot_core_dagster.timeframe import Timeframe

_MIDWEEKEND: Final = np.datetime64("1970-01-03T12:00", "us")
"""A Saturday noon: no clock here is so far from New York's that a trading week crosses it."""
_WEEK: Final = np.timedelta64(7, "D")
_TOLERANCE: Final = pd.Timedelta(minutes=15)
"""The first and last minutes of a week may have no bar for want of quotes."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class WeeklyFit:
    """How the bars of each week fit; arrays of shape (n_weeks,), weeks ascending.

    week : int64, number of the week by the file's wall clock
    is_contradicted : a bar lies wholly in closed hours
    opens_exactly, closes_exactly : the first bar begins at the weekly open, the last ends at the weekly close
    starts_on_monday : the first bar is Monday 00:00 of the wall clock, and the file has no Sunday: its server drops
        what falls on one, which explains a late open
    """

    week: npt.NDArray[np.int64]
    is_contradicted: Flags
    opens_exactly: Flags
    closes_exactly: Flags
    starts_on_monday: Flags

    @property
    def is_misfit(self) -> Flags:
        """Weeks that this reading does not explain; the open of the first week and the close of the last are free."""
        opens = self.opens_exactly | self.starts_on_monday
        closes = self.closes_exactly.copy()
        opens[:1] = True
        closes[-1:] = True
        return self.is_contradicted | ~opens | ~closes

    @property
    def opens_late(self) -> Flags:
        """Weeks that fit only because their server drops Sundays."""
        return ~self.is_misfit & ~self.opens_exactly & self.starts_on_monday


def week_numbers(wall: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    """Return the number of the week, from Saturday noon to Saturday noon, of each wall-clock time (n_times,)."""
    return np.asarray((wall - _MIDWEEKEND) // _WEEK)


def weekly_fit(
    wall: npt.NDArray[np.datetime64],
    open_time: npt.NDArray[np.datetime64],
    timeframe: Timeframe,
    calendar: TradingCalendar,
) -> WeeklyFit:
    """Return how bars fit the calendar.

    Parameters
    ----------
    wall : datetime64[us] of shape (n_bars,)
        Open times by the file's wall clock, ascending.
    open_time : datetime64[us] of shape (n_bars,)
        The same in UTC, as read in the zone that is tried.
    timeframe : Timeframe
    calendar : TradingCalendar
    """
    number = week_numbers(wall)
    week, first = np.unique(number, return_index=True)
    last = np.append(first[1:], len(number)) - 1
    opens = pd.DatetimeIndex(open_time).tz_localize("UTC")
    closed = ~calendar.may_have_bars(opens, timeframe)
    begin, end = opens[first], opens[last] + timeframe.delta
    has_sundays = bool(np.any((wall.astype("M8[D]").astype("int64") + 4) % 7 == 0))
    wall_day = wall[first].astype("M8[D]")
    is_monday_midnight = ((wall_day.astype("int64") + 4) % 7 == 1) & (wall[first] == wall_day)
    return WeeklyFit(
        week,
        np.logical_or.reduceat(closed, first),
        calendar.may_trade(begin) & ~calendar.may_trade(begin - _TOLERANCE - pd.Timedelta(microseconds=1)),
        calendar.may_trade(end - pd.Timedelta(microseconds=1)) & ~calendar.may_trade(end + _TOLERANCE),
        is_monday_midnight & (not has_sundays),
    )
