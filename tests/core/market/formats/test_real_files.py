"""The real files of ../shared/data: what their README says of them, and what they say of each other."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.market.formats import read_bars_file
from bot_core_dagster.market.intake import admit
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.timeframe import Timeframe
from tests.builders import instrument

MT5_EXPORT = "fx/mt5_export_EURUSD_H1.csv"
LEAN_HOUR = "fx/lean_oanda_EURUSD_hour.zip"
DUKASCOPY = "fx/dukascopy_EURUSD_1h_ask.csv"
BAD_HIGH = "dirty/BTCUSDT_1d_2019_bad_high.csv"


def read(
    path: Path,
    timeframe: str,
    hours: str,
    *,
    form: str | None = None,
    tz: str | None = None,
    label: str | None = None,
    side: str | None = None,
) -> Fetched:
    return read_bars_file(
        path,
        symbol="X",
        timeframe=Timeframe(timeframe),
        calendar=calendar(hours),
        format=form,
        tz=tz,
        label=label,
        side=side,
    )


FILES = {
    "crypto/binance_BTCUSDT_1h.csv": ("1h", "crypto", None, 55_912, "csv", "2018-02-09 16:00", "2024-06-30 23:00"),
    "crypto/binance_ETHUSDT_1h.csv": ("1h", "crypto", None, 23_989, "csv", "2021-04-04 20:00", "2023-12-30 20:00"),
    "crypto/BTCUSDT_5m.csv": ("5m", "crypto", None, 25_920, "csv", "2025-04-03 17:05", "2025-07-02 17:00"),
    "crypto/ETHUSDT_15m.csv": ("15m", "crypto", None, 8_640, "csv", "2025-04-03 17:15", "2025-07-02 17:00"),
    "crypto/BTC-PERP_1m.csv": ("1m", "crypto", None, 45_031, "csv", "2021-12-31 23:01", "2022-02-01 05:31"),
    LEAN_HOUR: ("1h", "fx", None, 74_439, "lean", "2007-01-01 21:00", "2018-12-31 21:00"),
    "fx/lean_oanda_GBPUSD_daily.zip": ("1d", "fx", None, 3_738, "lean", "2007-01-01 00:00", "2018-12-31 00:00"),
    "fx/mt5_copy_rates_EURUSD_H1.csv": ("1h", "fx", None, 12_000, "mt5-rates", "2024-05-15 07:00", "2026-04-23 04:00"),
    "fx/mt5_copy_rates_EURUSD_M15.csv": (
        "15m",
        "fx",
        None,
        48_000,
        "mt5-rates",
        "2024-05-15 05:00",
        "2026-04-23 04:15",
    ),
    DUKASCOPY: ("1h", "fx", None, 6_225, "dukascopy", "2017-01-01 22:00", "2017-12-29 21:00"),
    "dirty/ninjabot_BTC_1h_duplicates.csv": (
        "1h",
        "crypto",
        None,
        4_314,
        "epoch-csv",
        "2020-11-17 00:00",
        "2021-05-16 00:00",
    ),
    "dirty/ninjabot_ETH_1h_duplicates.csv": (
        "1h",
        "crypto",
        None,
        4_314,
        "epoch-csv",
        "2020-11-18 00:00",
        "2021-05-17 00:00",
    ),
    "dirty/EURUSD_M1_corrupt_a.csv": ("1m", "fx", "bid", 9_999, "csv", "2024-11-14 14:01", "2024-11-25 12:42"),
    "dirty/EURUSD_M1_corrupt_b.csv": ("1m", "fx", "bid", 9_999, "csv", "2025-02-13 01:33", "2025-02-24 00:48"),
    "dirty/UNITTEST_BTC_1m_gaps.json": ("1m", "crypto", None, 13_681, "json", "2017-11-04 23:02", "2017-11-14 22:59"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_is_detected_and_all_of_its_rows_are_read(name: str, real_data: Path) -> None:
    timeframe, hours, side, n_rows, form, first, last = FILES[name]
    fetched = read(real_data / name, timeframe, hours, side=side)
    assert fetched.notes[0] == f"format: {form} (detected)"
    assert len(fetched.bars) == n_rows
    assert fetched.quarantined is not None
    assert fetched.quarantined.empty
    assert fetched.bars["open_time"].min() == pd.Timestamp(first, tz="UTC")
    assert fetched.bars["open_time"].max() == pd.Timestamp(last, tz="UTC")


def test_the_lean_minute_files_of_may_2014_join_the_lean_hours(real_data: Path) -> None:
    files = sorted((real_data / "fx/lean_oanda_EURUSD_minute").glob("*_quote.zip"))
    minutes = pd.concat([read(file, "1m", "fx").bars for file in files]).set_index("open_time")
    hours = read(real_data / LEAN_HOUR, "1h", "fx").bars.set_index("open_time")
    highs = minutes["high"].resample("1h").max().dropna()
    joined = pd.concat([highs, hours["high"].reindex(highs.index)], axis=1).dropna()
    assert len(files) == 13
    assert len(joined) > 200
    assert (joined.iloc[:, 0] - joined.iloc[:, 1]).abs().median() < 1e-5


def test_the_mt5_export_is_bars_and_quarantine_to_the_row(real_data: Path) -> None:
    fetched = read(real_data / MT5_EXPORT, "1h", "fx")
    assert fetched.quarantined is not None
    reasons = fetched.quarantined["reason"].str.split(" (", regex=False).str[0].value_counts().to_dict()
    assert len(fetched.bars) + len(fetched.quarantined) == 54_614
    assert reasons == {"holds a whole day at midnight": 1_295, "the clock of its week is unknown": 114}
    assert fetched.quarantined["line"].iloc[0] == 2
    assert "12 weeks (from 2020-03-09, 2020-03-16, 2020-03-23 and 9 more) contradict it" in "\n".join(fetched.notes)


@pytest.mark.parametrize(("name", "side"), [(LEAN_HOUR, "bid"), (DUKASCOPY, "ask")], ids=["lean", "dukascopy"])
def test_the_mt5_export_agrees_with_other_brokers_in_every_week(name: str, side: str, real_data: Path) -> None:
    """An hour off, the median difference of a week's closes is 3e-4 and more."""
    ours = read(real_data / MT5_EXPORT, "1h", "fx").bars.set_index("open_time")
    theirs = read(real_data / name, "1h", "fx", side=side).bars.set_index("open_time")
    both = ours.join(theirs, how="inner", rsuffix="_theirs")
    difference = (both["close"] - both["close_theirs"]).abs()
    week = pd.DatetimeIndex(both.index).tz_localize(None).to_period("W")
    assert len(both) > 5_000
    by_week = difference.groupby(week).agg(["median", "size"])
    assert by_week.loc[by_week["size"] > 20, "median"].max() < 1.5e-4


@pytest.mark.parametrize(
    "day",
    [
        *("2015-03-18", "2015-10-28", "2016-03-16", "2017-03-15", "2018-03-21", "2019-03-20"),
        *("2021-03-17", "2021-11-03", "2022-03-16", "2022-11-02", "2023-03-22"),
    ],
)
def test_the_mt5_export_moves_when_the_federal_reserve_decides(day: str, real_data: Path) -> None:
    """Published at 14:00 New York (federalreserve.gov), here in weeks when only New York has daylight saving."""
    bars = read(real_data / MT5_EXPORT, "1h", "fx").bars.set_index("open_time")
    height = (bars["high"] - bars["low"]).loc[f"{day} 12:00" : f"{day} 18:59"]
    assert height.idxmax() == pd.Timestamp(f"{day} 14:00", tz="America/New_York")


def test_midnight_bars_of_the_mt5_export_would_have_told_the_day_ahead(real_data: Path) -> None:
    """Each quarantined one has a range that only its whole day has; hours do not."""
    raw = pd.read_csv(real_data / MT5_EXPORT, sep="\t")
    height = raw["HIGH"] - raw["LOW"]
    quarantined = read(real_data / MT5_EXPORT, "1h", "fx").quarantined
    assert quarantined is not None
    lines = quarantined.loc[quarantined["reason"].str.startswith("holds a whole day"), "line"].astype(int)
    day_height = raw.groupby("DATE")["HIGH"].transform("max") - raw.groupby("DATE")["LOW"].transform("min")
    share = (height / day_height).loc[lines - 2]
    assert share.median() > 0.95
    at_midnight = raw["TIME"].eq("00:00:00") & ~raw.index.isin(lines - 2)
    assert (height / day_height)[at_midnight].median() < 0.3


@pytest.mark.parametrize(
    ("name", "declared"),
    [(MT5_EXPORT, "UTC"), (MT5_EXPORT, "America/New_York"), (LEAN_HOUR, "Europe/Athens"), (DUKASCOPY, "+02:00")],
    ids=["mt5 as UTC", "mt5 as New York", "lean as Athens", "dukascopy as +02:00"],
)
def test_a_wrong_zone_of_a_real_file_is_refused(name: str, declared: str, real_data: Path) -> None:
    with pytest.raises(FormatError, match="contradicts the fx calendar"):
        read(real_data / name, "1h", "fx", tz=declared)


def test_new_york_plus_seven_is_wrong_for_the_copy_rates_file_in_eight_weeks(real_data: Path) -> None:
    fetched = read(real_data / "fx/mt5_copy_rates_EURUSD_H1.csv", "1h", "fx", tz="America/New_York+7")
    assert "8 weeks (from 2024-10-27, 2025-03-09, 2025-03-16 and 5 more) contradict it" in "\n".join(fetched.notes)
    assert len(fetched.bars) == 12_000 - 8 * 120


def test_the_perpetual_declared_by_close_starts_a_minute_earlier_and_its_volume_is_quote(real_data: Path) -> None:
    path = real_data / "crypto/BTC-PERP_1m.csv"
    by_close = read(path, "1m", "crypto", label="close", tz="UTC")
    assert by_close.bars["open_time"].iloc[0] == pd.Timestamp("2021-12-31 23:00", tz="UTC")
    assert set(by_close.bars["volume_unit"]) == {"quote"}
    undeclared = "\n".join(read(path, "1m", "crypto").notes)
    assert "nothing in the file says so; declare --label close if not" in undeclared


def test_the_order_of_the_ninjabot_columns_is_told(real_data: Path) -> None:
    fetched = read(real_data / "dirty/ninjabot_BTC_1h_duplicates.csv", "1h", "crypto")
    first = fetched.bars.iloc[0]
    assert "time,open,close,low,high,volume,-" in "\n".join(fetched.notes)
    assert [first[name] for name in ("open", "high", "low", "close")] == [16713.08, 16830.0, 16683.63, 16806.09]


def test_the_daily_file_without_a_true_high_must_be_declared(real_data: Path) -> None:
    with pytest.raises(FormatError, match="--format epoch-csv:time,"):
        read(real_data / BAD_HIGH, "1d", "crypto")
    bars = read(real_data / BAD_HIGH, "1d", "crypto", form="epoch-csv:time,volume,open,high,low,close").bars
    assert len(bars) == 365
    assert (bars["high"] < np.maximum(bars["open"], bars["close"])).sum() == 176


@pytest.mark.parametrize(
    ("name", "hours", "form", "side", "timeframe", "n_impossible", "n_duplicates"),
    [
        ("dirty/EURUSD_M1_corrupt_a.csv", "fx", None, "bid", "1m", 231, 0),
        ("dirty/EURUSD_M1_corrupt_b.csv", "fx", None, "bid", "1m", 219, 0),
        (BAD_HIGH, "crypto", "epoch-csv:time,volume,open,high,low,close", None, "1d", 176, 0),
        ("dirty/ninjabot_BTC_1h_duplicates.csv", "crypto", None, None, "1h", 0, 5),
        ("dirty/ninjabot_ETH_1h_duplicates.csv", "crypto", None, None, "1h", 0, 5),
    ],
    ids=["corrupt a", "corrupt b", "bad high", "ninjabot BTC", "ninjabot ETH"],
)
def test_intake_finds_in_dirty_files_what_their_readme_says(
    name: str,
    hours: str,
    form: str | None,
    side: str | None,
    timeframe: str,
    n_impossible: int,
    n_duplicates: int,
    real_data: Path,
) -> None:
    fetched = read(real_data / name, timeframe, hours, form=form, side=side)
    admission = admit(fetched, instrument(symbol="X", timeframe=timeframe, calendar=hours, source="file"))
    is_impossible = admission.quarantined["reason"].str.startswith("high below")
    assert is_impossible.sum() == n_impossible
    assert admission.n_duplicates == n_duplicates
    assert admission.n_read == len(fetched.bars)
