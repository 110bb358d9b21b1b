"""Timeframes and the rule that a time has a zone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_core_dagster.errors import TimeError
from bot_core_dagster.timeframe import Timeframe, require_utc


@pytest.mark.parametrize(
    ("name", "minutes"), [("1m", 1), ("5m", 5), ("15m", 15), ("30m", 30), ("1h", 60), ("4h", 240), ("1d", 1_440)]
)
def test_a_timeframe_has_the_length_that_its_name_says(name: str, minutes: int) -> None:
    timeframe = Timeframe.parse(name)
    assert timeframe == name
    assert timeframe.delta == timedelta(minutes=minutes)
    assert timeframe.ms == minutes * 60_000


def test_timeframes_are_listed_from_short_to_long() -> None:
    lengths = [timeframe.delta for timeframe in Timeframe]
    assert lengths == sorted(lengths)
    assert len(lengths) == 7


@pytest.mark.parametrize("name", ["", "2h", "1H", "60m", "1 h", "H1"])
def test_an_unknown_timeframe_is_answered_with_those_there_are(name: str) -> None:
    with pytest.raises(TimeError, match="expected one of 1m, 5m, 15m, 30m, 1h, 4h, 1d"):
        Timeframe.parse(name)


def test_a_naive_time_is_never_guessed() -> None:
    with pytest.raises(TimeError, match=r"start 2024-01-01T12:00:00 has no time zone; give one, e\.g\. .*\+00:00"):
        require_utc(datetime(2024, 1, 1, 12), "start")  # noqa: DTZ001  the naive time is the case


@given(
    moment=st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001  hypothesis asks for it
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_a_time_in_utc_is_the_same_instant(moment: datetime, minutes: int) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert require_utc(zoned) == zoned
    assert require_utc(zoned).tzinfo is UTC
