"""Tests of `metrics.sampling`.

Belongs here: day ends in both samplings, daylight saving, the equity at them. Not here: formulas (`test_metrics`).
"""

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import ShapeError, TimeError, UnknownNameError
from bot_core_dagster.metrics import NEW_YORK, UTC_DAYS, Sampling, day_ends, equity_at_day_ends, sampling_of


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


@pytest.mark.parametrize(
    ("sampling", "start", "end", "expected"),
    [
        (UTC_DAYS, "2024-03-01 16:00", "2024-03-03 05:00", ["2024-03-01", "2024-03-02", "2024-03-03"]),
        (UTC_DAYS, "2024-03-01", "2024-03-02", ["2024-03-01", "2024-03-02"]),
        (UTC_DAYS, "2024-03-01 03:00", "2024-03-01 09:00", ["2024-03-01"]),
        (
            NEW_YORK,
            "2024-01-05 12:00",
            "2024-01-08 23:00",
            ["2024-01-04 22:00", "2024-01-05 22:00", "2024-01-08 22:00"],
        ),
        (
            NEW_YORK,
            "2024-03-08 22:00",
            "2024-03-12 21:00",
            ["2024-03-08 22:00", "2024-03-11 21:00", "2024-03-12 21:00"],
        ),
        (NEW_YORK, "2024-01-07 22:00", "2024-01-08 21:00", ["2024-01-05 22:00"]),
    ],
    ids=["hours", "on the boundary", "within a day", "over a weekend", "into daylight saving", "Sunday is Monday"],
)
def test_day_ends(sampling: Sampling, start: str, end: str, expected: list[str]) -> None:
    ends = day_ends(utc(start), utc(end), sampling)
    assert list(ends) == [utc(text) for text in expected]
    assert str(ends.dtype) == "datetime64[us, UTC]"


def test_a_year_of_weekdays_has_about_260_day_ends_holidays_included() -> None:
    assert len(day_ends(utc("2023-01-01"), utc("2024-01-01"), NEW_YORK)) - 1 == 260
    assert len(day_ends(utc("2023-01-01"), utc("2024-01-01"), UTC_DAYS)) - 1 == 365


def test_the_equity_at_a_day_end_is_that_of_the_last_bar_closed_by_then() -> None:
    closes = pd.DatetimeIndex([utc("2024-01-01 23:00"), utc("2024-01-02"), utc("2024-01-02 01:00"), utc("2024-01-04")])
    ends = day_ends(utc("2024-01-01 22:00"), closes[-1], UTC_DAYS)
    sampled = equity_at_day_ends(closes, np.array([1.0, 1.1, 1.2, 1.3, 1.4]), ends)
    np.testing.assert_array_equal(sampled, [1.0, 1.2, 1.3, 1.4])


def test_an_equity_without_its_start_is_refused() -> None:
    with pytest.raises(ShapeError, match="put the starting equity in front"):
        equity_at_day_ends(pd.DatetimeIndex([utc("2024-01-01")]), np.array([1.0]), pd.DatetimeIndex([]))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(TimeError, match="end 2024-01-02T00:00:00 has no time zone"):
        day_ends(utc("2024-01-01"), pd.Timestamp("2024-01-02"), UTC_DAYS)


def test_a_sampling_is_found_by_name() -> None:
    assert sampling_of("utc") is UTC_DAYS
    with pytest.raises(UnknownNameError, match="utc, new_york"):
        sampling_of("tokyo")
