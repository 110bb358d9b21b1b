"""Files of bars that the tests write: a twin of every format in ../shared/data.

Belongs here: writing known bars in each format. Not here: what is expected of reading them.
"""

import json
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.market.bar import PRICE_COLUMNS
from bot_core_dagster.market.calendars import calendar
from bot_core_dagster.timeframe import Timeframe

CRYPTO = calendar("crypto")
FX = calendar("fx")


def candles(open_time: pd.DatetimeIndex, *, price: float = 40_000.0, seed: int = 1) -> pd.DataFrame:
    """Return valid bars at `open_time` (UTC): open_time, OHLC of five digits, an uneven volume, a count of trades."""
    rng = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(rng.normal(0, 0.0004, len(open_time))))
    open_ = np.concatenate([[price], close[:-1]])
    wick = 1 + np.abs(rng.normal(0, 0.0003, (2, len(open_time)))) + 1e-4
    frame = pd.DataFrame(
        {
            "open_time": open_time.as_unit("us"),
            "open": open_,
            "high": np.maximum(open_, close) * wick[0],
            "low": np.minimum(open_, close) / wick[1],
            "close": close,
            "volume": rng.lognormal(3, 0.5, len(open_time)) + 0.001,
            "trades": rng.integers(100, 200, len(open_time)),
        }
    )
    return frame.round(dict.fromkeys((*PRICE_COLUMNS, "volume"), 5))


def crypto_candles(n_bars: int = 300, *, freq: str = "1h") -> pd.DataFrame:
    """Return consecutive crypto bars."""
    return candles(pd.date_range("2024-12-30", periods=n_bars, freq=freq, tz="UTC"))


def fx_candles(timeframe: str = "1h", *, start: str = "2017-01-02", end: str = "2017-12-22") -> pd.DataFrame:
    """Return a bar for every bar of the FX calendar."""
    times = FX.bar_open_times(
        Timeframe(timeframe), pd.Timestamp(start, tz="UTC").to_pydatetime(), pd.Timestamp(end, tz="UTC").to_pydatetime()
    )
    return candles(times, price=1.1)


def wall(times: "pd.Series[pd.Timestamp]", zone: str, *, ahead_hours: int = 0) -> "pd.Series[pd.Timestamp]":
    """Return UTC times by the wall clock of `zone`, `ahead_hours` ahead of it."""
    return times.dt.tz_convert(zone).dt.tz_localize(None) + pd.Timedelta(hours=ahead_hours)


def write_csv(path: Path, frame: pd.DataFrame, time: "pd.Series[pd.Timestamp]") -> Path:
    """Write Binance-style CSV: datetime,open,high,low,close,volume."""
    frame.assign(datetime=time.dt.strftime("%Y-%m-%d %H:%M:%S"))[["datetime", *PRICE_COLUMNS, "volume"]].to_csv(
        path, index=False
    )
    return path


def write_epoch_csv(path: Path, frame: pd.DataFrame, order: tuple[str, ...], unit: str = "s") -> Path:
    """Write headerless CSV with a count since 1970 and the columns in `order` ("time", prices, "volume", "trades")."""
    counts = frame["open_time"].dt.tz_localize(None).to_numpy().astype(f"M8[{unit}]").astype("int64")
    frame.assign(time=counts)[list(order)].to_csv(path, index=False, header=False)
    return path


def write_json(path: Path, frame: pd.DataFrame) -> Path:
    """Write an array of arrays [ms, open, high, low, close, volume]."""
    ms = frame["open_time"].dt.tz_localize(None).to_numpy().astype("M8[ms]").astype("int64").tolist()
    rows = frame[[*PRICE_COLUMNS, "volume"]].to_numpy().tolist()
    path.write_text(json.dumps([[time, *row] for time, row in zip(ms, rows, strict=True)]))
    return path


def write_zip(path: Path, member: str, text: str | bytes) -> Path:
    """Write a zip of one member."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, text)
    return path


def write_klines_zip(path: Path, frame: pd.DataFrame, unit: str, length: pd.Timedelta, *, header: bool = False) -> Path:
    """Write a Binance archive: 12 columns, times in `unit`."""
    open_time = frame["open_time"].dt.tz_localize(None)
    last = open_time + length - pd.Timedelta(1, "us" if unit == "us" else "ms")
    table = frame.assign(
        open_time=open_time.to_numpy().astype(f"M8[{unit}]").astype("int64"),
        close_time=last.to_numpy().astype(f"M8[{unit}]").astype("int64"),
        quote_volume=1.0,
        taker_buy_volume=1.0,
        taker_buy_quote_volume=1.0,
        ignore=0,
    ).rename(columns={"trades": "count"})
    first = ["open_time", *PRICE_COLUMNS, "volume", "close_time", "quote_volume", "count"]
    columns = [*first, "taker_buy_volume", "taker_buy_quote_volume", "ignore"]
    return write_zip(path, path.name.replace(".zip", ".csv"), table[columns].to_csv(index=False, header=header))


def write_lean_zip(path: Path, frame: pd.DataFrame, member: str, time: "pd.Series[str]", spread: float) -> Path:
    """Write Lean quote bars: the frame's prices are the bid, the ask is `spread` above."""
    bid = frame[list(PRICE_COLUMNS)]
    ask = (bid + spread).round(5).add_prefix("ask_")
    table = pd.concat([time.rename("time"), bid, ask], axis=1).assign(bid_size=0, ask_size=0)
    columns = ["time", *PRICE_COLUMNS, "bid_size", *(f"ask_{name}" for name in PRICE_COLUMNS), "ask_size"]
    return write_zip(path, member, table[columns].to_csv(index=False, header=False, lineterminator="\r\n"))


def write_mt5_export(
    path: Path, frame: pd.DataFrame, time: "pd.Series[pd.Timestamp]", ticks: npt.NDArray[np.int64] | None = None
) -> Path:
    """Write MetaTrader 5's export: tab-separated, CRLF, the server's wall clock, a spread of 12 points."""
    table = pd.DataFrame({"DATE": time.dt.strftime("%Y.%m.%d"), "TIME": time.dt.strftime("%H:%M:%S")})
    prices = {name.upper(): frame[name].to_numpy() for name in PRICE_COLUMNS}
    table = table.assign(**prices, TICKVOL=1_000 if ticks is None else ticks, VOL=0, SPREAD=12)
    table.to_csv(path, sep="\t", index=False, lineterminator="\r\n")
    return path


def write_mt5_rates(path: Path, frame: pd.DataFrame, time: "pd.Series[pd.Timestamp]") -> Path:
    """Write the columns of MetaTrader 5's copy_rates: CRLF, the server's wall clock, a spread of 18 points."""
    table = frame[list(PRICE_COLUMNS)].assign(tick_volume=1_000, spread=18, real_volume=0)
    table.insert(0, "time", time.dt.strftime("%Y-%m-%d %H:%M:%S"))
    table.to_csv(path, index=False, lineterminator="\r\n")
    return path


def write_dukascopy(path: Path, frame: pd.DataFrame, suffix: str = "") -> Path:
    """Write Dukascopy's export in UTC: dd.mm.yyyy."""
    text = frame["open_time"].dt.strftime("%d.%m.%Y %H:%M:%S.000") + suffix
    table = frame[[*PRICE_COLUMNS, "volume"]].rename(columns=str.capitalize)
    table.insert(0, "Time", text)
    table.to_csv(path, index=False)
    return path
