"""Every format, read from a file that the test wrote of known bars."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot_core_dagster.market.bar import BAR_COLUMNS, PRICE_COLUMNS, QUARANTINE_COLUMNS
from bot_core_dagster.market.calendars import TradingCalendar
from bot_core_dagster.market.formats import FORMATS, read_bars_file
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.timeframe import Timeframe
from tests.core.market.formats import written
from tests.core.market.formats.written import CRYPTO, FX, crypto_candles, fx_candles, wall

Writer = Callable[[Path, pd.DataFrame], Path]


def _epoch(unit: str) -> Writer:
    order = ("time", "open", "close", "low", "high", "volume", "trades")
    return lambda folder, frame: written.write_epoch_csv(folder / "e.csv", frame, order, unit)


def _klines(unit: str, *, header: bool = False) -> Writer:
    hour = pd.Timedelta(hours=1)
    return lambda folder, frame: written.write_klines_zip(folder / "k.zip", frame, unit, hour, header=header)


def _lean_hour(folder: Path, frame: pd.DataFrame) -> Path:
    text = frame["open_time"].dt.strftime("%Y%m%d %H:%M")
    return written.write_lean_zip(folder / "eurusd.zip", frame, "eurusd.csv", text, 0.00012)


def _parquet(folder: Path, frame: pd.DataFrame) -> Path:
    frame.rename(columns={"open_time": "timestamp"}).to_parquet(folder / "b.parquet", index=False)
    return folder / "b.parquet"


def _aware_csv(folder: Path, frame: pd.DataFrame) -> Path:
    frame.assign(timestamp=frame["open_time"].dt.tz_convert("Asia/Tokyo")).drop(columns="open_time").to_csv(
        folder / "a.csv", index=False
    )
    return folder / "a.csv"


WRITERS: dict[str, tuple[str, TradingCalendar, str, str, Writer]] = {
    "csv": ("csv", CRYPTO, "trade", "base", lambda p, f: written.write_csv(p / "c.csv", f, f["open_time"])),
    "csv with offsets": ("csv", CRYPTO, "trade", "base", _aware_csv),
    "epoch seconds": ("epoch-csv", CRYPTO, "trade", "base", _epoch("s")),
    "epoch ms": ("epoch-csv", CRYPTO, "trade", "base", _epoch("ms")),
    "json": ("json", CRYPTO, "trade", "base", lambda p, f: written.write_json(p / "j.json", f)),
    "klines ms": ("binance-klines", CRYPTO, "trade", "base", _klines("ms")),
    "klines us": ("binance-klines", CRYPTO, "trade", "base", _klines("us")),
    "klines with header": ("binance-klines", CRYPTO, "trade", "base", _klines("ms", header=True)),
    "parquet": ("parquet", CRYPTO, "trade", "base", _parquet),
    "lean hour": ("lean", FX, "bid", "none", _lean_hour),
    "dukascopy": ("dukascopy", FX, "ask", "base", lambda p, f: written.write_dukascopy(p / "EURUSD_ask.csv", f)),
    "dukascopy with offset": (
        "dukascopy",
        FX,
        "bid",
        "base",
        lambda p, f: written.write_dukascopy(p / "EURUSD.BID.csv", f, " GMT+0000"),
    ),
    "mt5 export": (
        "mt5-export",
        FX,
        "bid",
        "ticks",
        lambda p, f: written.write_mt5_export(p / "m.csv", f, wall(f["open_time"], "Europe/Athens")),
    ),
    "mt5 rates": (
        "mt5-rates",
        FX,
        "bid",
        "ticks",
        lambda p, f: written.write_mt5_rates(p / "r.csv", f, wall(f["open_time"], "Europe/Athens")),
    ),
}


@pytest.mark.parametrize(("name", "calendar", "side", "unit", "write"), WRITERS.values(), ids=WRITERS.keys())
def test_a_written_file_is_detected_and_read_exactly(
    name: str, calendar: TradingCalendar, side: str, unit: str, write: Writer, tmp_path: Path
) -> None:
    frame = crypto_candles() if calendar is CRYPTO else fx_candles()
    fetched = read(write(tmp_path, frame), calendar)
    bars = fetched.bars
    assert fetched.notes[0] == f"format: {name} (detected)"
    assert tuple(bars.columns) == (*BAR_COLUMNS, "line")
    pd.testing.assert_series_equal(bars["open_time"], frame["open_time"])
    pd.testing.assert_frame_equal(bars[list(PRICE_COLUMNS)], frame[list(PRICE_COLUMNS)], check_exact=True)
    assert (bars["close_time"] - bars["open_time"] == pd.Timedelta(hours=1)).all()
    assert set(bars["price_side"]) == {side}
    assert set(bars["volume_unit"]) == {unit}
    assert fetched.quarantined is not None
    assert tuple(fetched.quarantined.columns) == QUARANTINE_COLUMNS
    assert fetched.quarantined.empty


@pytest.mark.parametrize(
    ("calendar", "write"), [(calendar, write) for _, calendar, _, _, write in WRITERS.values()], ids=WRITERS.keys()
)
def test_the_bars_of_a_file_may_be_changed_in_place(calendar: TradingCalendar, write: Writer, tmp_path: Path) -> None:
    """Arrow's own memory, which reading goes through, may not."""
    read_bars = read(write(tmp_path, crypto_candles() if calendar is CRYPTO else fx_candles()), calendar).bars
    assert [column for column in read_bars if not np.asarray(read_bars[column].values).flags.writeable] == []


def test_every_format_of_the_registry_has_a_written_twin() -> None:
    assert {name for name, *_ in WRITERS.values()} == set(FORMATS)


def test_everything_that_was_detected_is_said(tmp_path: Path) -> None:
    frame = fx_candles()
    path = written.write_mt5_rates(tmp_path / "r.csv", frame, wall(frame["open_time"], "Europe/Athens"))
    said = "\n".join(read(path, FX).notes)
    for phrase in ("format: mt5-rates", "zone: Europe/Athens", "label: open", "price side: bid", "volume unit: ticks"):
        assert phrase in said


def test_line_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    rows = ["2024-01-01 00:00,1,2,0.5,1,3", "", "2024-01-01 01:00,1,x,0.5,1,3", "2024-01-01 02:00,1,2", "bad,1,2,1,1,3"]
    rows += ["2024-01-01 03:00,1,2,0.5,1,3", "2024-01-01 04:00,1,2,0.5,1,"]
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows, "", ""]))
    fetched = read(path, CRYPTO)
    assert fetched.bars["line"].tolist() == [2, 7, 8]
    assert np.isnan(fetched.bars["volume"].iloc[2])
    assert fetched.quarantined is not None
    assert fetched.quarantined["line"].tolist() == [4.0, 5.0, 6.0]
    assert fetched.quarantined["reason"].tolist() == [
        "high is not a number ('x')",
        "wrong number of columns (3 instead of 6: '2024-01-01 02:00,1,2')",
        "not a time ('bad')",
    ]
    assert set(fetched.quarantined["origin"]) == {"file:c.csv"}


def test_a_quote_that_never_ends_swallows_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    rows = ['"2024-01-01 00:00","1",2,0.5,1,3', '2024-01-01 01:00,1,2,0.5,1,"3', "2024-01-01 02:00,1,2,0.5,1,3"]
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows]))
    bars = read(path, CRYPTO).bars
    assert bars["line"].tolist() == [2, 3, 4]
    assert bars["volume"].tolist() == [3.0, 3.0, 3.0]


def test_non_finite_and_impossible_prices_are_read_as_they_stand_and_left_to_intake(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    rows = ["2024-01-01 00:00,1,2,0.5,1,3", "2024-01-01 01:00,nan,2,0.5,1,3", "2024-01-01 02:00,1,-inf,0.5,-1,3"]
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows]))
    bars = read(path, CRYPTO).bars
    assert len(bars) == 3
    assert np.isnan(bars["open"].iloc[1])
    assert bars["high"].iloc[2] == -np.inf


def test_time_that_goes_backwards_and_repeats_stays_in_the_order_of_the_file(tmp_path: Path) -> None:
    frame = crypto_candles(50)
    shuffled = pd.concat([frame.iloc[25:], frame.iloc[:26]], ignore_index=True)
    bars = read(written.write_csv(tmp_path / "c.csv", shuffled, shuffled["open_time"]), CRYPTO).bars
    assert bars["open_time"].tolist() == shuffled["open_time"].tolist()


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_lean_file_gives_either_side_with_the_spread(side: str, tmp_path: Path) -> None:
    frame = fx_candles(end="2017-02-01")
    text = frame["open_time"].dt.strftime("%Y%m%d %H:%M")
    path = written.write_lean_zip(tmp_path / "eurusd.zip", frame, "eurusd.csv", text, 0.0002)
    bars = read(path, FX, side=side).bars
    expected = frame["close"] + (0.0002 if side == "ask" else 0)
    np.testing.assert_allclose(bars["close"], expected, atol=1e-9)
    np.testing.assert_allclose(bars["spread"], 0.0002, atol=1e-9)


def test_a_lean_minute_file_takes_its_date_from_the_member_name(tmp_path: Path) -> None:
    frame = fx_candles("1m", start="2014-05-01", end="2014-05-02")
    since_midnight = frame["open_time"] - pd.Timestamp("2014-05-01", tz="UTC")
    ms = (since_midnight // pd.Timedelta(milliseconds=1)).astype(str)
    member = "20140501_eurusd_minute_quote.csv"
    path = written.write_lean_zip(tmp_path / "20140501_quote.zip", frame, member, ms, 0.0001)
    bars = read(path, FX, timeframe="1m").bars
    assert bars["open_time"].tolist() == frame["open_time"].tolist()


def test_an_archive_that_goes_from_ms_to_microseconds_within_one_file_is_read_as_one(tmp_path: Path) -> None:
    frame = crypto_candles(96)
    old, new = frame[frame["open_time"] < "2025-01-01"], frame[frame["open_time"] >= "2025-01-01"]
    hour = pd.Timedelta(hours=1)
    texts = []
    for part, unit in ((old, "ms"), (new, "us")):
        path = written.write_klines_zip(tmp_path / f"{unit}.zip", part, unit, hour)
        texts.append(pd.read_csv(path, header=None, dtype=str).to_csv(index=False, header=False))
    joined = tmp_path / "joined.csv"
    joined.write_text("".join(texts))
    fetched = read(joined, CRYPTO)
    assert fetched.bars["open_time"].tolist() == frame["open_time"].tolist()
    assert "times in ms and us since 1970 UTC" in fetched.notes


def test_a_bar_frame_of_several_series_gives_the_one_asked_for(tmp_path: Path) -> None:
    from tests.builders import bars as build

    both = pd.concat([build(50), build(50, symbol="ETHUSDT"), build(50, timeframe="4h")])
    both.to_parquet(tmp_path / "b.parquet", index=False)
    fetched = read(tmp_path / "b.parquet", CRYPTO, symbol="ETHUSDT")
    pd.testing.assert_frame_equal(
        fetched.bars.drop(columns=["line", "source"]), build(50, symbol="ETHUSDT").drop(columns="source")
    )
    assert set(fetched.bars["source"]) == {"file:b.parquet"}


def read(
    path: Path,
    calendar: TradingCalendar,
    *,
    timeframe: str = "1h",
    symbol: str = "BTC/USDT:USDT",
    side: str | None = None,
) -> Fetched:
    return read_bars_file(path, symbol=symbol, timeframe=Timeframe(timeframe), calendar=calendar, side=side)
