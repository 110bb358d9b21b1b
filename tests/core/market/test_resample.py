"""Resampling: longer bars out of shorter ones."""

import time
from datetime import UTC, datetime, timedelta
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import QualityError, TimeError, UnknownNameError
from bot_core_dagster.market.bar import BAR_COLUMNS, PRICE_COLUMNS, empty_bars
from bot_core_dagster.market.calendars import DayStart, TradingCalendar, calendar
from bot_core_dagster.market.resample import resample
from bot_core_dagster.timeframe import Timeframe
from tests.builders import bars

LADDER = [Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.M30, Timeframe.H1, Timeframe.H4, Timeframe.D1]


def market_bars(name: str, timeframe: str, start: str, end: str) -> pd.DataFrame:
    """Bars in the trading hours of a calendar, with a spread that tells them apart."""
    length = Timeframe(timeframe)
    opens = calendar(name).bar_open_times(length, pd.Timestamp(start, tz="UTC"), pd.Timestamp(end, tz="UTC"))
    rows = bars(len(opens), timeframe=timeframe)
    closes = calendar(name).bar_close(opens, length)
    return rows.assign(open_time=opens, close_time=closes, spread=np.arange(len(opens), dtype=float))


def assert_same_bars(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Equal but for the order in which volumes were added."""
    pd.testing.assert_frame_equal(left.drop(columns="volume"), right.drop(columns="volume"), check_exact=True)
    np.testing.assert_allclose(left["volume"], right["volume"], rtol=1e-12)


@pytest.mark.parametrize("to", LADDER[1:])
def test_crypto_bars_are_those_that_pandas_makes(to: Timeframe) -> None:
    minutes = bars(4 * 1_440, timeframe="1m", start=datetime(2024, 2, 27, tzinfo=UTC))
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    by_time = minutes.set_index("open_time").resample(to.delta)
    oracle = pd.DataFrame({column: by_time[column].agg(rule) for column, rule in rules.items()})
    ours = resample(minutes, to, "crypto").set_index("open_time")
    pd.testing.assert_frame_equal(ours[list(rules)], oracle, check_freq=False, rtol=1e-12)


def test_a_bar_takes_the_first_open_the_extremes_the_last_close_the_sum_and_the_first_spread() -> None:
    rows = bars(4, timeframe="15m")
    rows[list(PRICE_COLUMNS)] = [[10, 12, 9, 11], [11, 15, 10, 14], [14, 14, 8, 9], [9, 10, 9, 10]]
    rows["volume"], rows["spread"] = [1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3, 0.4]
    hour = resample(rows, Timeframe.H1, "crypto")
    assert hour[[*PRICE_COLUMNS, "volume", "spread"]].to_numpy().tolist() == [[10, 15, 8, 10, 10.0, 0.1]]
    assert (hour["timeframe"].tolist(), tuple(hour.columns)) == (["1h"], BAR_COLUMNS)
    assert hour["close_time"].iloc[0] - hour["open_time"].iloc[0] == timedelta(hours=1)


def test_a_sum_with_an_unknown_volume_is_unknown() -> None:
    rows = bars(8, timeframe="15m")
    rows.loc[5, "volume"] = np.nan
    assert resample(rows, Timeframe.H1, "crypto")["volume"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("n_minutes", "n_hours"), [(59, 0), (60, 1), (61, 1), (119, 1), (120, 2)], ids="{} minutes".format
)
def test_the_last_bar_waits_until_the_inputs_reach_its_close(n_minutes: int, n_hours: int) -> None:
    assert len(resample(bars(n_minutes, timeframe="1m"), Timeframe.H1, "crypto")) == n_hours


def test_missing_inputs_are_not_filled() -> None:
    rows = bars(5 * 60, timeframe="1m").drop(index=[*range(65, 80), *range(120, 180)]).reset_index(drop=True)
    hours = resample(rows, Timeframe.H1, "crypto")
    assert [moment.hour for moment in hours["open_time"]] == [0, 1, 3, 4]
    assert hours.loc[1, "volume"] == pytest.approx(rows.loc[60:104, "volume"].sum(), rel=1e-12)


@pytest.mark.parametrize("name", ["fx", "metals"])
def test_days_run_from_17_new_york_and_sunday_belongs_to_monday(name: str) -> None:
    """The weeks before and after the clocks go forward on 10 March 2024."""
    days = resample(market_bars(name, "1h", "2024-03-02", "2024-03-16"), Timeframe.D1, name)
    local = days["open_time"].dt.tz_convert("America/New_York")
    assert local.dt.strftime("%a %H:%M").tolist() == [f"{day} 17:00" for day in ("Sun", "Mon", "Tue", "Wed", "Thu")] * 2
    assert days["open_time"].dt.hour.unique().tolist() == [22, 21]
    assert ((days["close_time"] - days["open_time"]) == pd.Timedelta(days=1)).all()


def test_four_hour_bars_start_at_17_new_york_in_winter_and_in_summer() -> None:
    for start, hours in (("2024-01-07", [2, 6, 10, 14, 18, 22]), ("2024-07-07", [1, 5, 9, 13, 17, 21])):
        end = pd.Timestamp(start) + pd.Timedelta(days=7)
        bars_4h = resample(market_bars("fx", "1h", start, str(end)), Timeframe.H4, "fx")
        assert sorted(bars_4h["open_time"].dt.hour.unique()) == hours
        assert len(bars_4h) == 30


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["crypto", "fx", "metals"]),
    st.sampled_from(list(combinations(LADDER[3:], 2))),
    st.integers(0, 2_000),
    st.sets(st.integers(0, 700), max_size=80),
)
def test_two_steps_give_what_one_step_gives(
    name: str, steps: tuple[Timeframe, Timeframe], first: int, taken: set[int]
) -> None:
    """Whatever is missing, at the start, inside or at the end; over Christmas and the change of the clocks."""
    quarters = market_bars(name, "15m", "2024-02-20", "2024-04-20").iloc[first : first + 700].reset_index(drop=True)
    rows = quarters.drop(index=[row for row in taken if row < len(quarters)]).reset_index(drop=True)
    between, to = steps
    assert_same_bars(resample(resample(rows, between, name), to, name), resample(rows, to, name))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["crypto", "fx", "metals"]), st.sampled_from([Timeframe.H4, Timeframe.D1]), st.integers(1, 600))
def test_a_bar_once_made_is_unmoved_by_later_inputs(name: str, to: Timeframe, n_known: int) -> None:
    hours = market_bars(name, "1h", "2024-12-10", "2025-01-20").head(600)
    early = resample(hours.head(n_known), to, name)
    pd.testing.assert_frame_equal(early, resample(hours, to, name).head(len(early)), check_exact=True)


def test_no_bars_make_none() -> None:
    assert len(resample(empty_bars(), Timeframe.H4, "crypto")) == 0


@pytest.mark.parametrize("to", [Timeframe.H1, Timeframe.M5])
def test_a_timeframe_that_is_not_longer_is_refused(to: Timeframe) -> None:
    with pytest.raises(TimeError, match=f"longer than 1h, got {to}"):
        resample(bars(5), to, "crypto")


def test_what_is_no_ascending_series_is_refused() -> None:
    rows = bars(5)
    for wrong in (rows.iloc[::-1], pd.concat([rows, rows.tail(1)])):
        with pytest.raises(QualityError, match="ascending"):
            resample(wrong, Timeframe.H4, "crypto")
    with pytest.raises(QualityError, match="one symbol"):
        resample(rows.assign(symbol=list("AABBB")), Timeframe.H4, "crypto")
    with pytest.raises(UnknownNameError, match="crypto, fx, metals"):
        resample(rows, Timeframe.H4, "stocks")


def test_inputs_that_belong_to_two_bars_are_refused() -> None:
    """4h bars from 00:00 UTC do not add up to days from 17:00 New York."""
    utc_grid = TradingCalendar("fx", DayStart.UTC)
    opens = utc_grid.bar_open_times(Timeframe.H4, *pd.date_range("2024-01-08", periods=2, tz="UTC"))
    rows = bars(len(opens), timeframe="4h").assign(open_time=opens, close_time=opens + timedelta(hours=4))
    with pytest.raises(QualityError, match="belongs to two 1d bars"):
        resample(rows, Timeframe.D1, "fx")


def test_a_year_of_minutes_is_resampled_in_a_fraction_of_a_second() -> None:
    minutes = bars(525_600, timeframe="1m")
    began = time.perf_counter()
    resample(minutes, Timeframe.H1, "crypto")
    assert time.perf_counter() - began < 1.0
