"""Zones and labels: detected, declared, refused, and weeks whose clock differs from the rest of the file."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.calendars import TradingCalendar, calendar
from bot_core_dagster.market.formats import read_bars_file
from bot_core_dagster.market.formats.zones import zone_named
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.timeframe import Timeframe
from tests.core.market.formats import written
from tests.core.market.formats.written import CRYPTO, FX, candles, crypto_candles, fx_candles, wall


def read(
    path: Path,
    hours: TradingCalendar = FX,
    timeframe: str = "1h",
    *,
    tz: str | None = None,
    label: str | None = None,
    side: str | None = "bid",
) -> Fetched:
    return read_bars_file(
        path, symbol="EURUSD", timeframe=Timeframe(timeframe), calendar=hours, tz=tz, label=label, side=side
    )


ZONES = {
    "UTC": ("UTC", 0),
    "Europe/Athens": ("Europe/Athens", 0),
    "America/New_York+7": ("America/New_York", 7),
    "America/New_York": ("America/New_York", 0),
    "Europe/London": ("Europe/London", 0),
    "Europe/Berlin": ("Europe/Berlin", 0),
    "-05:00": ("Etc/GMT+5", 0),
    "+03:00": ("Etc/GMT-3", 0),
}


@pytest.mark.parametrize("label", ["open", "close"])
@pytest.mark.parametrize("name", ZONES)
def test_zone_and_label_of_a_year_of_fx_minutes_show_in_its_weeks(name: str, label: str, tmp_path: Path) -> None:
    frame = fx_candles("5m", start="2023-02-06", end="2023-05-05")
    key, ahead = ZONES[name]
    shift = pd.Timedelta(minutes=5 if label == "close" else 0)
    path = written.write_csv(tmp_path / "f.csv", frame, wall(frame["open_time"] + shift, key, ahead_hours=ahead))
    fetched = read(path, timeframe="5m")
    assert fetched.notes[1].startswith(f"zone: {name} (by the weekly open")
    assert f"label: {label} time" in fetched.notes[1]
    assert fetched.bars["open_time"].tolist() == frame["open_time"].tolist()


@pytest.mark.parametrize("name", ["metals", "fx"])
def test_metals_are_told_by_their_own_hours(name: str, tmp_path: Path) -> None:
    hours = calendar(name)
    start, end = (pd.Timestamp(day, tz="UTC").to_pydatetime() for day in ("2023-02-06", "2023-04-28"))
    frame = candles(hours.bar_open_times(Timeframe.M15, start, end), price=1_900.0)
    path = written.write_csv(tmp_path / "f.csv", frame, wall(frame["open_time"], "Europe/Athens"))
    fetched = read(path, hours, "15m")
    assert fetched.notes[1].startswith("zone: Europe/Athens")
    assert fetched.bars["open_time"].tolist() == frame["open_time"].tolist()


@pytest.mark.parametrize("declared", ["UTC", "America/New_York", "+03:00"])
def test_a_declared_zone_that_contradicts_the_calendar_is_refused_and_the_right_one_named(
    declared: str, tmp_path: Path
) -> None:
    frame = fx_candles()
    path = written.write_mt5_rates(tmp_path / "r.csv", frame, wall(frame["open_time"], "Europe/Athens"))
    with pytest.raises(FormatError, match=r"contradicts the fx calendar.*--tz Europe/Athens"):
        read(path, tz=declared)


def test_crypto_on_an_fx_calendar_is_refused(tmp_path: Path) -> None:
    frame = crypto_candles(24 * 60)
    path = written.write_csv(tmp_path / "c.csv", frame, frame["open_time"])
    with pytest.raises(FormatError, match=r"declare --tz|is the calendar another"):
        read(path, label="open")
    with pytest.raises(FormatError, match="is the calendar another"):
        read(path, tz="UTC", label="open")


@pytest.mark.parametrize(
    ("tz", "label", "missing"),
    [(None, None, "--tz and --label"), ("UTC", None, "declare --label"), (None, "open", "declare --tz")],
    ids=["nothing declared", "zone declared", "label declared"],
)
def test_fx_times_without_evidence_must_be_declared(
    tz: str | None, label: str | None, missing: str, tmp_path: Path
) -> None:
    frame = fx_candles(start="2017-03-07", end="2017-03-09")
    path = written.write_csv(tmp_path / "f.csv", frame, frame["open_time"])
    with pytest.raises(FormatError, match=missing):
        read(path, tz=tz, label=label)
    assert len(read(path, tz="UTC", label="open").bars) == len(frame)


def test_a_price_side_without_evidence_must_be_declared_for_fx(tmp_path: Path) -> None:
    frame = fx_candles()
    path = written.write_csv(tmp_path / "f.csv", frame, frame["open_time"])
    with pytest.raises(FormatError, match="declare --side"):
        read(path, side=None)


def test_conventions_of_crypto_are_said(tmp_path: Path) -> None:
    frame = crypto_candles()
    fetched = read(written.write_csv(tmp_path / "c.csv", frame, frame["open_time"]), CRYPTO, side=None)
    said = "\n".join(fetched.notes)
    assert "zone: UTC (exchanges' convention, nothing in the file says so; declare --tz if not)" in said
    assert "declare --label close if not" in said
    assert "price side: trade (convention, nothing in the file says so; declare --side if not)" in said


@pytest.mark.parametrize("tz", ["Asia/Tokyo", "+09:00", "UTC+9"])
def test_crypto_in_a_declared_zone_and_labelled_by_close_is_read_so(tz: str, tmp_path: Path) -> None:
    frame = crypto_candles()
    hour = pd.Timedelta(hours=1)
    path = written.write_csv(tmp_path / "c.csv", frame, wall(frame["open_time"] + hour, "Asia/Tokyo"))
    bars = read(path, CRYPTO, tz=tz, label="close").bars
    assert bars["open_time"].tolist() == frame["open_time"].tolist()


def test_times_that_a_clock_shows_twice_or_never_are_quarantined(tmp_path: Path) -> None:
    times = pd.date_range("2024-03-30", "2024-11-01", freq="1h")
    frame = candles(times.tz_localize("UTC"))
    fetched = read(written.write_csv(tmp_path / "c.csv", frame, pd.Series(times)), CRYPTO, tz="Europe/Berlin")
    assert fetched.quarantined is not None
    assert fetched.quarantined["reason"].unique().tolist() == [
        "the clock of Europe/Berlin shows this time twice or never"
    ]
    lines = fetched.quarantined["line"].astype(int)
    assert [str(times[line - 2]) for line in lines] == ["2024-03-31 02:00:00", "2024-10-27 02:00:00"]


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "UTC+", "25", "../etc/passwd", "America/New_York+7.5"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="--tz"):
        zone_named(name)


@pytest.mark.parametrize(
    ("name", "clock", "utc"),
    [
        ("America/New_York+7", "2024-01-15T00:00", "2024-01-14T22:00"),
        ("America/New_York+7", "2024-07-15T00:00", "2024-07-14T21:00"),
        ("Europe/Athens", "2024-03-20T12:00", "2024-03-20T10:00"),
        ("America/New_York+7", "2024-03-20T12:00", "2024-03-20T09:00"),
        ("-05:30", "2024-01-01T00:00", "2024-01-01T05:30"),
        ("Etc/GMT+5", "2024-01-01T00:00", "2024-01-01T05:00"),
    ],
    ids=str,
)
def test_a_zone_gives_utc(name: str, clock: str, utc: str) -> None:
    assert zone_named(name).to_utc(np.array([clock], dtype="M8[us]"))[0] == np.datetime64(utc, "us")


def _server_ticks(open_time: "pd.Series[pd.Timestamp]") -> npt.NDArray[np.int64]:
    """Return ticks by the hour: London's morning and New York's day are busy, by their own clocks."""
    rng = np.random.default_rng(5)
    london = open_time.dt.tz_convert("Europe/London").dt.hour
    new_york = open_time.dt.tz_convert("America/New_York").dt.hour
    busy = 200 + 3_000 * london.between(8, 11) + 4_000 * new_york.between(8, 11) - 150 * new_york.between(17, 18)
    return np.asarray(busy * rng.lognormal(0, 0.1, len(open_time)), dtype="int64")


def _server_file(path: Path, *, new_york_from: str, odd_week: str | None = None) -> pd.DataFrame:
    """Write a year of a server that drops Sundays, goes over to New York's clock, and is odd in one week."""
    frame = fx_candles(start="2017-01-02", end="2018-12-21")
    times = frame["open_time"]
    european, american = wall(times, "Europe/Athens"), wall(times, "America/New_York", ahead_hours=7)
    is_american = times >= pd.Timestamp(new_york_from, tz="UTC")
    server = european.where(~is_american, american)
    if odd_week:
        week = pd.Timestamp(odd_week)
        is_odd = (american >= week) & (american < week + pd.Timedelta(days=4))
        server = server.where(~is_odd, american)
    kept = (server.dt.dayofweek != 6) & ~server.duplicated(keep=False)
    ticks = _server_ticks(times)[kept]
    written.write_mt5_export(path, frame[kept].reset_index(drop=True), server[kept].reset_index(drop=True), ticks)
    return frame[kept].reset_index(drop=True)


def test_weeks_of_a_server_that_went_over_to_new_yorks_clock_are_read_in_that_one(tmp_path: Path) -> None:
    frame = _server_file(tmp_path / "m.csv", new_york_from="2018-10-01")
    fetched = read(tmp_path / "m.csv", side=None)
    assert fetched.notes[1].startswith("zone: Europe/Athens")
    assert "1 week (from 2018-10-29) contradict it and are read as America/New_York+7" in fetched.notes
    assert fetched.bars["open_time"].tolist() == frame["open_time"].tolist()


def test_under_a_declared_zone_such_weeks_are_quarantined(tmp_path: Path) -> None:
    _server_file(tmp_path / "m.csv", new_york_from="2018-10-01")
    fetched = read(tmp_path / "m.csv", side=None, tz="Europe/Athens")
    assert fetched.quarantined is not None
    assert len(fetched.quarantined) == 120
    assert fetched.quarantined["reason"].unique().tolist() == [
        "its week contradicts Europe/Athens in its open or close; America/New_York+7 fits"
    ]


def test_a_week_whose_activity_contradicts_its_friday_close_is_quarantined(tmp_path: Path) -> None:
    frame = _server_file(tmp_path / "m.csv", new_york_from="2030-01-01", odd_week="2017-10-30")
    fetched = read(tmp_path / "m.csv", side=None)
    assert fetched.quarantined is not None
    assert fetched.quarantined["reason"].str.startswith("the clock of its week is unknown").all()
    is_odd = (frame["open_time"] >= "2017-10-29") & (frame["open_time"] < "2017-11-04")
    assert len(fetched.quarantined) == is_odd.sum()
    assert fetched.bars["open_time"].tolist() == frame.loc[~is_odd, "open_time"].tolist()


def test_weeks_that_cannot_be_checked_are_said(tmp_path: Path) -> None:
    frame = fx_candles(start="2017-02-20", end="2017-04-28")
    server = wall(frame["open_time"], "Europe/Athens")
    kept = server.dt.dayofweek != 6
    path = written.write_mt5_export(
        tmp_path / "m.csv", frame[kept].reset_index(drop=True), server[kept].reset_index(drop=True)
    )
    notes = "\n".join(read(path, side=None).notes)
    assert "2 weeks (from 2017-03-13, 2017-03-20) cannot be checked for a clock that follows New York" in notes


def test_midnight_bars_that_hold_their_whole_day_are_quarantined(tmp_path: Path) -> None:
    frame = fx_candles()
    server = wall(frame["open_time"], "Europe/Athens")
    ticks = _server_ticks(frame["open_time"])
    is_daily = ((server.dt.hour == 0) & (server.dt.dayofweek == 2)).to_numpy()
    ticks[is_daily] = 60_000
    fetched = read(written.write_mt5_export(tmp_path / "m.csv", frame, server, ticks), side=None)
    assert fetched.quarantined is not None
    assert fetched.quarantined["line"].tolist() == (np.flatnonzero(is_daily) + 2).tolist()
    assert fetched.quarantined["reason"].str.startswith("holds a whole day at midnight (60,000 ticks").all()
    assert f"{is_daily.sum()} midnight bars hold the high, low and ticks" in "\n".join(fetched.notes)


@pytest.mark.parametrize(("price", "point"), [(1.1, 1e-5), (150.0, 1e-3)], ids=["five digits", "three digits"])
def test_a_spread_in_points_becomes_a_price(price: float, point: float, tmp_path: Path) -> None:
    frame = fx_candles(end="2017-03-03")
    frame[["open", "high", "low", "close"]] *= price / 1.1
    frame = frame.round(round(-np.log10(point)))
    path = written.write_mt5_rates(tmp_path / "r.csv", frame, wall(frame["open_time"], "Europe/Athens"))
    np.testing.assert_allclose(read(path, side=None).bars["spread"], 18 * point)
