"""Quality: the verdict on a series, and each check that it rests on."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import TimeError
from bot_core_dagster.lake import BAR_QUALITY
from bot_core_dagster.market.bar import PRICE_COLUMNS, empty_bars
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.market.intake import admit
from bot_core_dagster.market.quality import BarQuality, assess
from bot_core_dagster.market.quality_checks import QualityCheck
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.settings import Instrument, QualitySettings
from bot_core_dagster.timeframe import Timeframe
from tests.builders import bars, instrument
from tests.core.market import real_files

LIMITS = QualitySettings()
LIVE = instrument(source="ccxt")
MIDNIGHT, PAST_MIDNIGHT = pd.Timestamp("2024-01-01", tz="UTC"), pd.Timestamp("2024-01-01 00:07", tz="UTC")


def judged(rows: pd.DataFrame, of: Instrument = LIVE, now: datetime | None = None) -> BarQuality:
    last = rows["close_time"].max()
    return assess(rows, of, LIMITS, now or last.to_pydatetime())


def check(quality: BarQuality, name: str) -> QualityCheck:
    return next(found for found in quality.checks if found.name == name)


def failed(quality: BarQuality) -> set[str]:
    return {found.name for found in quality.checks if not found.passed}


def test_good_bars_pass_every_check() -> None:
    rows = bars(500)
    quality = judged(rows)
    assert (quality.verdict, failed(quality), quality.summary) == ("pass", set(), "pass: all checks passed")
    assert (quality.n_bars, quality.n_missing, quality.missing_share, quality.n_jumps) == (500, 0, 0.0, 0)
    assert quality.first_open_time == rows["open_time"].iloc[0]
    assert quality.last_open_time == rows["open_time"].iloc[-1]
    assert (quality.zero_volume_share, quality.stale_bars) == (0.0, 0)
    assert {found.name for found in quality.checks} == {
        *("schema", "order", "duplicates", "ohlc", "closed", "glitches", "grid", "trading_hours"),
        *("missing_bars", "price_jumps", "zero_volume", "staleness"),
    }


def multiplied(rows: pd.DataFrame, row: int, columns: list[str], factor: float) -> pd.DataFrame:
    factors = pd.Series(1.0, index=rows.index)
    factors[row] = factor
    return rows.assign(**{column: rows[column] * factors for column in columns})


@pytest.mark.parametrize(
    ("spoil", "name", "verdict", "n_bad"),
    [
        (lambda rows: rows.drop(columns="close"), "schema", "fail", 400),
        (lambda rows: rows.assign(symbol="ETHUSDT"), "schema", "fail", 400),
        (lambda rows: rows.assign(timeframe=["1h", "4h"] * 200), "schema", "fail", 400),
        (lambda rows: pd.concat([rows[100:], rows[:100]]), "order", "fail", 1),
        (lambda rows: rows.iloc[np.sort([*range(400), 7, 9])], "duplicates", "fail", 2),
        (lambda rows: multiplied(rows, 0, ["high"], 0.5), "ohlc", "fail", 1),
        (lambda rows: multiplied(rows, 5, ["high"], 1_000.0), "glitches", "fail", 1),
        (lambda rows: rows.assign(open_time=rows["open_time"].replace({MIDNIGHT: PAST_MIDNIGHT})), "grid", "fail", 1),
        (lambda rows: rows.drop(index=[50]), "missing_bars", "warn", 1),
        (lambda rows: rows.drop(index=range(50, 80)), "missing_bars", "fail", 30),
        (lambda rows: multiplied(rows, 399, list(PRICE_COLUMNS), 1.5), "price_jumps", "warn", 1),
        (lambda rows: rows.assign(volume=rows["volume"].where(rows.index % 400 > 5, 0.0)), "zero_volume", "warn", 6),
    ],
    ids=[
        *("column missing", "other symbol", "two timeframes", "unordered", "duplicates", "impossible", "glitch"),
        *("off the grid", "a bar missing", "many missing", "jump", "no trade for six bars"),
    ],
)
def test_a_fault_is_found_by_its_own_check(
    spoil: Callable[[pd.DataFrame], pd.DataFrame], name: str, verdict: str, n_bad: int
) -> None:
    quality = judged(spoil(bars(400)))
    assert failed(quality) == {name}
    assert (quality.verdict, check(quality, name).severity) == (verdict, verdict)
    assert check(quality, name).n_bad == n_bad
    assert check(quality, name).detail in quality.summary


def test_missing_bars_are_told_by_count_share_and_stretch() -> None:
    rows = bars(200).drop(index=[10, 50, 51, 52, 120, 121])
    quality = judged(rows)
    stretches = quality.missing_stretches
    assert (quality.n_missing, quality.missing_share) == (6, 0.03)
    assert stretches["n_bars"].tolist() == [1, 3, 2]
    assert stretches.loc[1, "start"] == datetime(2024, 1, 3, 2, tzinfo=UTC)
    assert stretches.loc[1, "end"] == datetime(2024, 1, 3, 5, tzinfo=UTC)
    assert check(quality, "missing_bars").detail == (
        "6 of 200 expected bars missing (3.00%), longest of 3 stretches: 3 bars from 2024-01-03 02:00"
    )


def test_fx_weekends_and_holidays_are_not_missing() -> None:
    fx = instrument(symbol="EURUSD", base="EUR", quote="USD", calendar="fx", price_side="bid")
    opens = calendar("fx").bar_open_times(Timeframe.H1, *pd.to_datetime(["2024-12-10", "2025-01-10"], utc=True))
    rows = bars(len(opens), symbol="EURUSD").assign(open_time=opens, close_time=opens + timedelta(hours=1))
    assert judged(rows, fx).verdict == "pass"
    assert judged(rows.drop(index=300), fx).n_missing == 1


def test_a_stretch_that_goes_on_after_the_weekend_is_one() -> None:
    fx = instrument(symbol="EURUSD", base="EUR", quote="USD", calendar="fx", price_side="bid")
    opens = calendar("fx").bar_open_times(Timeframe.H1, *pd.to_datetime(["2024-02-04", "2024-02-18"], utc=True))
    rows = bars(len(opens), symbol="EURUSD").assign(open_time=opens, close_time=opens + timedelta(hours=1))
    stretches = judged(rows.drop(index=range(118, 123)), fx).missing_stretches
    assert stretches["n_bars"].tolist() == [5]
    assert stretches["end"].iloc[0] - stretches["start"].iloc[0] == timedelta(hours=5 + 48)


@pytest.mark.parametrize(
    ("source", "n_stale", "verdict"),
    [
        ("ccxt", 48, "pass"),
        ("ccxt", 49, "fail"),
        ("simulated", 49, "fail"),
        ("file", 49, "warn"),
        ("file", 20_000, "warn"),
    ],
)
def test_a_stale_feed_fails_and_an_old_file_warns(source: str, n_stale: int, verdict: str) -> None:
    rows = bars(300)
    now = rows["close_time"].iloc[-1] + timedelta(hours=n_stale, minutes=59)
    quality = judged(rows, instrument(source=source), now)
    assert (quality.verdict, quality.stale_bars) == (verdict, n_stale)


def test_a_feed_does_not_go_stale_while_its_market_is_closed() -> None:
    fx = instrument(symbol="EURUSD", base="EUR", quote="USD", calendar="fx", price_side="bid")
    opens = calendar("fx").bar_open_times(Timeframe.H1, *pd.to_datetime(["2024-02-04", "2024-02-10"], utc=True))
    rows = bars(len(opens), symbol="EURUSD").assign(open_time=opens, close_time=opens + timedelta(hours=1))
    assert judged(rows, fx, datetime(2024, 2, 11, 22, 30, tzinfo=UTC)).stale_bars == 0
    assert judged(rows, fx, datetime(2024, 2, 11, 23, 0, tzinfo=UTC)).stale_bars == 1


@pytest.mark.parametrize("source", ["file", "simulated"])
def test_a_verdict_that_was_given_again_later_is_the_same_until_it_says_something_else(source: str) -> None:
    """An old file falls behind by the clock alone; a feed that does so fails from its limit on."""
    history, of = bars(900), instrument(source=source)
    end = history["close_time"].iloc[-1].to_pydatetime()
    versions = [assess(history, of, QualitySettings(), end + timedelta(hours=late)).version for late in (0, 1, 30, 60)]
    assert versions[0] == versions[1] == versions[2] != versions[3]
    longer = assess(bars(901), of, QualitySettings(), end + timedelta(hours=1))
    assert longer.version != versions[0]


def test_a_bar_that_is_not_over_fails() -> None:
    rows = bars(50)
    quality = judged(rows, now=rows["close_time"].iloc[-1] - timedelta(seconds=1))
    assert (quality.verdict, failed(quality)) == ("fail", {"closed"})


def test_bars_outside_trading_hours_warn() -> None:
    rows = bars(24 * 7, symbol="EURUSD")
    quality = judged(rows, instrument(symbol="EURUSD", base="EUR", quote="USD", calendar="fx", price_side="bid"))
    assert "trading_hours" in failed(quality)
    assert check(quality, "trading_hours").n_bad == 48
    assert quality.verdict == "warn"


@pytest.mark.parametrize(
    ("quiet", "passed"), [(range(5), True), (range(6), False), (range(0, 500, 60), False), (range(0, 500, 120), True)]
)
def test_runs_without_a_trade_and_many_of_them_warn(quiet: range, passed: bool) -> None:
    rows = bars(500)
    rows.loc[list(quiet), "volume"] = 0.0
    quality = judged(rows)
    assert check(quality, "zero_volume").passed is passed
    assert quality.zero_volume_share == len(quiet) / 500


def test_a_venue_without_volume_passes() -> None:
    quality = judged(bars(50).assign(volume=np.nan))
    assert quality.verdict == "pass"
    assert np.isnan(quality.zero_volume_share)


def test_no_bars_fail() -> None:
    quality = assess(empty_bars(), LIVE, LIMITS, datetime(2024, 1, 1, tzinfo=UTC))
    assert (quality.verdict, failed(quality), quality.n_bars) == ("fail", {"has_bars"}, 0)
    assert quality.first_open_time is None


def test_bars_none_of_which_is_possible_fail() -> None:
    quality = judged(bars(5).assign(close=np.nan))
    assert (quality.verdict, failed(quality)) == ("fail", {"ohlc"})


def test_a_naive_now_is_refused() -> None:
    with pytest.raises(TimeError, match="no time zone"):
        assess(bars(5), LIVE, LIMITS, datetime(2024, 1, 1))  # noqa: DTZ001 naive on purpose


@pytest.mark.parametrize(
    ("rows", "of", "is_simulated"),
    [
        (bars(50, source="simulated"), LIVE, True),
        (bars(50), instrument(source="simulated"), False),
        (empty_bars(), instrument(source="simulated"), True),
        (empty_bars(), LIVE, False),
        (bars(50).drop(columns="source"), instrument(source="simulated"), True),
    ],
    ids=["simulated bars", "bars of a file", "none of a simulated source", "none of an exchange", "no bar frame"],
)
def test_a_verdict_says_whether_a_market_made_the_bars(rows: pd.DataFrame, of: Instrument, is_simulated: bool) -> None:
    quality = assess(rows, of, LIMITS, datetime(2024, 2, 1, tzinfo=UTC))
    assert quality.is_simulated is is_simulated
    assert quality.as_row()["simulated"] is is_simulated


def test_the_table_describes_every_column_of_a_row() -> None:
    assert list(BAR_QUALITY.columns) == list(judged(bars(50)).as_row())


def test_a_row_of_the_table_is_flat_and_its_checks_are_json() -> None:
    row = judged(bars(200).drop(index=[10])).as_row()
    assert (row["symbol"], row["timeframe"], row["verdict"], row["n_missing"]) == ("BTCUSDT", "1h", "warn", 1)
    assert all(isinstance(value, str | int | float | pd.Timestamp) for value in row.values())
    found = {entry["name"]: entry for entry in json.loads(row["checks"])}
    assert found["missing_bars"]["passed"] is False
    assert found["missing_bars"]["n_bad"] == 1


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_whatever_the_rows_are_there_is_a_verdict_and_admitted_rows_break_no_rule(data: st.DataObject) -> None:
    rows = bars(60)
    values = st.sampled_from([np.nan, np.inf, -1.0, 0.0, 1e-9, 1e9])
    for _ in range(data.draw(st.integers(0, 8))):
        column = data.draw(st.sampled_from([*PRICE_COLUMNS, "volume"]))
        rows.loc[data.draw(st.integers(0, 59)), column] = data.draw(values)
    taken = data.draw(st.sets(st.integers(0, 59), max_size=50))
    rows = rows.drop(index=list(taken)).sample(frac=1.0, random_state=data.draw(st.integers(0, 9)))
    assert judged(rows).verdict in ("pass", "warn", "fail")
    kept = admit(Fetched(rows), LIVE).bars
    if len(kept):
        assert failed(judged(kept)) <= {"missing_bars", "price_jumps", "zero_volume"}


Expected = dict[str, Any]


@pytest.mark.parametrize(
    ("load", "file", "of", "expected"),
    [
        (
            real_files.binance_hours,
            "crypto/binance_BTCUSDT_1h.csv",
            real_files.CRYPTO,
            {"n_bars": 55_912, "n_missing": 88, "n_stretches": 25, "n_quiet": 3, "verdict": "warn"},
        ),
        (
            real_files.ninjabot,
            "dirty/ninjabot_BTC_1h_duplicates.csv",
            real_files.CRYPTO,
            {"n_bars": 4_309, "n_missing": 12, "n_stretches": 7, "n_quiet": 2, "verdict": "warn"},
        ),
        (
            real_files.ninjabot,
            "dirty/ninjabot_ETH_1h_duplicates.csv",
            real_files.CRYPTO,
            {"n_bars": 4_309, "n_missing": 12, "n_stretches": 7, "n_quiet": 2, "verdict": "warn"},
        ),
        (
            real_files.minutes_with_gaps,
            "dirty/UNITTEST_BTC_1m_gaps.json",
            real_files.CRYPTO,
            {"n_bars": 13_681, "n_missing": 717, "n_stretches": 538, "n_quiet": 0, "verdict": "warn"},
        ),
        (
            real_files.bad_high,
            "dirty/BTCUSDT_1d_2019_bad_high.csv",
            real_files.CRYPTO,
            {"n_bars": 189, "n_missing": 174, "n_stretches": 95, "n_quiet": 0, "verdict": "fail"},
        ),
        (
            real_files.fx_file,
            "fx/dukascopy_EURUSD_1h_ask.csv",
            real_files.FX,
            {"n_bars": 6_225, "n_missing": 0, "n_stretches": 0, "n_quiet": 0, "verdict": "warn"},
        ),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_real_files_have_the_faults_that_are_known_of_them(
    real_data: Path, load: Callable[[Path], pd.DataFrame], file: str, of: Instrument, expected: Expected
) -> None:
    """Admitted first; the 176 days with a wrong high are then missing from the year, and it fails."""
    quality = judged(admit(Fetched(load(real_data / file)), of).bars, of)
    assert {
        "n_bars": quality.n_bars,
        "n_missing": quality.n_missing,
        "n_stretches": len(quality.missing_stretches),
        "n_quiet": check(quality, "zero_volume").n_bad,
        "verdict": quality.verdict,
    } == expected


def test_the_crash_of_march_2020_is_flagged_and_kept(real_data: Path) -> None:
    rows = admit(
        Fetched(real_files.binance_hours(real_data / "crypto" / "binance_BTCUSDT_1h.csv")), real_files.CRYPTO
    ).bars
    quality = judged(rows, real_files.CRYPTO)
    assert quality.n_jumps == 27
    assert "widest -18.21% at 2020-03-12 10:00: kept" in check(quality, "price_jumps").detail


def test_fifty_symbols_with_three_years_of_hours_are_judged_within_seconds() -> None:
    """The aim is one second on a quiet core; the bound leaves room for a busy one."""
    rows = bars(3 * 8_766)
    judged(rows)
    began = time.perf_counter()
    for _ in range(50):
        judged(rows)
    assert time.perf_counter() - began < 5.0
