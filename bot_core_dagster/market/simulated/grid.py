"""The grid of simulated time: weeks that begin on Saturday 00:00 UTC, their 15-minute slots and their minutes.

Belongs here: the conversion between moments and weeks or minutes, and which slots are in trading hours. Not here: the
trading calendars themselves (`market.calendars`).
"""

from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.market.simulated.randomness import BoolArray, FloatArray, IntArray

EPOCH: Final = datetime(2014, 1, 4, tzinfo=UTC)
"""Start of week 0, a Saturday: FX and metals are closed where two weeks meet."""
FIRST: Final = datetime(2015, 1, 1, tzinfo=UTC)
"""Open time of the earliest bar."""
LAST: Final = datetime(2045, 1, 1, tzinfo=UTC)
ANCHOR_WEEK: Final = (datetime(2024, 1, 6, tzinfo=UTC) - EPOCH).days // 7
"""The week at whose start the price is the profile's."""
N_WEEKS: Final = (LAST - EPOCH).days // 7 + 1
WEEKS_PER_YEAR: Final = 365.25 / 7

SLOT_MINUTES: Final = 15
WEEK_MINUTES: Final = 7 * 24 * 60
WEEK_SLOTS: Final = WEEK_MINUTES // SLOT_MINUTES

_EPOCH_US: Final = int(EPOCH.timestamp()) * 1_000_000
_MINUTE_US: Final = 60_000_000
_CHUNK_WEEKS: Final = 32


def minutes_since_epoch(times: pd.DatetimeIndex) -> IntArray:
    """Return whole minutes from the epoch to each time (UTC)."""
    return (times.as_unit("us").astype(np.int64).to_numpy() - _EPOCH_US) // _MINUTE_US


def slots_of_week(week: int) -> IntArray:
    """Return the numbers of the week's slots since the epoch, shape (WEEK_SLOTS,)."""
    return np.arange(week * WEEK_SLOTS, (week + 1) * WEEK_SLOTS)


def open_slots(calendar_name: str, week: int) -> BoolArray:
    """Return which slots of the week are in trading hours, shape (WEEK_SLOTS,)."""
    chunk, row = divmod(week, _CHUNK_WEEKS)
    return np.asarray(_open_slots_of_chunk(calendar_name, chunk)[row])


@cache
def trading_share(calendar_name: str) -> FloatArray:
    """Return each week's trading hours as a share of a week without holidays, shape (N_WEEKS,)."""
    hours = np.arange(N_WEEKS * 7 * 24)
    per_week = calendar(calendar_name).is_open(_times(hours * 60)).reshape(N_WEEKS, -1).sum(axis=1)
    return np.asarray(per_week / per_week.max())


@lru_cache(maxsize=64)
def _open_slots_of_chunk(calendar_name: str, chunk: int) -> BoolArray:
    slots = np.arange(chunk * _CHUNK_WEEKS * WEEK_SLOTS, (chunk + 1) * _CHUNK_WEEKS * WEEK_SLOTS)
    return calendar(calendar_name).is_open(_times(slots * SLOT_MINUTES)).reshape(_CHUNK_WEEKS, WEEK_SLOTS)


def _times(minutes: IntArray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex((_EPOCH_US + minutes * _MINUTE_US).view("M8[us]"), tz="UTC")
