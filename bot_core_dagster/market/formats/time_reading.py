"""Readings: a file's times as read in one zone with one label.

Belongs here: the times that follow and how they fit the calendar. Not here: which reading is believed (`clock`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot_core_dagster.market.calendars import TradingCalendar
from bot_core_dagster.market.formats.raw_bars import RawBars
from bot_core_dagster.market.formats.weekly_hours import WeeklyFit, weekly_fit
from bot_core_dagster.market.formats.zones import Zone
from bot_core_dagster.timeframe import Timeframe


@dataclass(frozen=True)
class Reading:
    """One way to read the times of a file: a zone and a label.

    wall, open_time : datetime64[us] of shape (n_rows,); open times by the wall clock and in UTC, NaT where there is
        none
    fit : how it fits the calendar, None for crypto
    """

    zone: Zone
    label: str
    wall: npt.NDArray[np.datetime64]
    open_time: npt.NDArray[np.datetime64]
    fit: WeeklyFit | None

    @property
    def n_misfits(self) -> int:
        """Weeks that it does not explain."""
        return 0 if self.fit is None else int(self.fit.is_misfit.sum())


def reading_of(raw: RawBars, zone: Zone, label: str, timeframe: Timeframe, calendar: TradingCalendar) -> Reading:
    """Return the times of `raw` as read in `zone` with `label` ("open" or "close")."""
    length = np.timedelta64(timeframe.ms, "ms")
    wall = raw.time if label == "open" else raw.time - length
    open_time = zone.to_utc(raw.time)
    open_time = open_time if label == "open" else open_time - length
    if calendar.name == "crypto":
        return Reading(zone, label, wall, open_time, None)
    known = np.flatnonzero(~np.isnat(open_time))
    known = known[np.argsort(wall[known], kind="stable")]
    return Reading(zone, label, wall, open_time, weekly_fit(wall[known], open_time[known], timeframe, calendar))
