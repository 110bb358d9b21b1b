"""Days: where equity is sampled before it is measured.

Belongs here: day ends and the equity at them. Not here: when a venue trades (`market.calendars`), formulas.

Two samplings. "utc": every day ends at 00:00 UTC, 365 a year: crypto and mixed portfolios. "new_york": Monday to Friday
end at 17:00 New York, Sunday folded into Monday, 260 a year: FX and metals alone. Days without change count.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ShapeError, UnknownNameError
from bot_core_dagster.metrics.arrays import FloatArray1D, require_1d
from bot_core_dagster.timeframe import require_utc


@dataclass(frozen=True)
class Sampling:
    """A way to cut time into days: its name in tables, its days a year, and where and when its days end."""

    name: str
    periods_per_year: int
    zone: str
    ends_at_hour: int
    days: str


UTC_DAYS: Final = Sampling("utc", 365, "UTC", 0, "D")
NEW_YORK: Final = Sampling("new_york", 260, "America/New_York", 17, "B")
SAMPLINGS: Final = {sampling.name: sampling for sampling in (UTC_DAYS, NEW_YORK)}


def sampling_of(name: str) -> Sampling:
    """Return the sampling of that name.

    Raises
    ------
    UnknownNameError
        If there is none.
    """
    if name not in SAMPLINGS:
        raise UnknownNameError(f"unknown sampling {name!r}; there are {', '.join(SAMPLINGS)}")
    return SAMPLINGS[name]


def day_ends(start: datetime, end: datetime, sampling: Sampling) -> pd.DatetimeIndex:
    """Return the day ends from the last one at or before `start` to the last one at or before `end`.

    Parameters
    ----------
    start, end : datetime with a zone
    sampling : Sampling

    Returns
    -------
    DatetimeIndex of shape (n_days + 1,), datetime64[us, UTC]
        The first stands for the equity before the first bar; each further one ends a whole day.

    Raises
    ------
    TimeError
        If `start` or `end` has no zone.
    """
    begins, stops = (pd.Timestamp(require_utc(time, name)) for time, name in ((start, "start"), (end, "end")))
    first, last = (time.tz_convert(sampling.zone).tz_localize(None).normalize() for time in (begins, stops))
    margin = pd.Timedelta(days=4)  # the last weekday before a Monday is three days back
    days = pd.date_range(first - margin, last, freq=sampling.days) + pd.Timedelta(hours=sampling.ends_at_hour)
    ends = days.as_unit("us").tz_localize(sampling.zone).tz_convert("UTC")
    before_start = ends.searchsorted(begins, side="right") - 1
    return ends[before_start : ends.searchsorted(stops, side="right")]


def equity_at_day_ends(close_times: pd.DatetimeIndex, equity: FloatArray1D, ends: pd.DatetimeIndex) -> FloatArray1D:
    """Return the equity known at each day end: that of the last bar closed by then.

    Parameters
    ----------
    close_times : DatetimeIndex of shape (n_bars,)
        Ascending.
    equity : ndarray of shape (n_bars + 1,)
        The starting equity, then the equity at each bar's close.
    ends : DatetimeIndex of shape (n_days + 1,)

    Returns
    -------
    ndarray of shape (n_days + 1,)
        The starting equity at day ends before the first close.

    Raises
    ------
    ShapeError
        If `equity` does not hold one value more than there are closes.
    """
    require_1d(equity, "equity", at_least=1)
    if len(equity) != len(close_times) + 1:
        raise ShapeError(
            f"expected the starting equity and one for each of {len(close_times)} closes, got {len(equity)} values; "
            "next: put the starting equity in front"
        )
    sampled: FloatArray1D = equity[np.asarray(close_times.searchsorted(ends, side="right"))]
    return sampled
