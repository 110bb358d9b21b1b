"""Calendar terms: time of day and day of the week as points on a circle.

Belongs here: this indicator. Not here: missing bars, frames and storage (`features.frame`).
"""

from typing import Final

import numpy as np

from bot_core_dagster.features.definition import BarRun, Column, feature
from bot_core_dagster.metrics.arrays import FloatArray1D

_MINUTE_US: Final = 60_000_000
_DAY_MINUTES: Final = 1_440
_THURSDAY: Final = 3  # 1970-01-01, counted from Monday
_TIME_OF_DAY: Final = np.arange(_DAY_MINUTES) * (2.0 * np.pi / _DAY_MINUTES)
_WEEKDAY: Final = np.arange(7) * (2.0 * np.pi / 7)
_SIN_TIME, _COS_TIME = np.sin(_TIME_OF_DAY), np.cos(_TIME_OF_DAY)
_SIN_WEEKDAY, _COS_WEEKDAY = np.sin(_WEEKDAY), np.cos(_WEEKDAY)


@feature(
    Column("hour_sin", "Sine of the bar's opening time of day, UTC", "1", 1),
    Column("hour_cos", "Cosine of the bar's opening time of day, UTC", "1", 1),
    Column("weekday_sin", "Sine of the bar's day of the week, UTC; Monday is 0", "1", 1),
    Column("weekday_cos", "Cosine of the bar's day of the week, UTC; Monday is 0", "1", 1),
)
def clock(run: BarRun) -> tuple[FloatArray1D, ...]:
    """Return the angle of the opening minute in its day and of its day in the week, from tables of both.

    The remainders are spelled out because numpy divides whole arrays by a constant fast, but not with `%`.
    """
    minutes = run.open_time_us // _MINUTE_US
    days = minutes // _DAY_MINUTES
    minute_of_day = minutes - days * _DAY_MINUTES
    days_since_monday = days + _THURSDAY
    weekday = days_since_monday - days_since_monday // 7 * 7
    return _SIN_TIME[minute_of_day], _COS_TIME[minute_of_day], _SIN_WEEKDAY[weekday], _COS_WEEKDAY[weekday]
