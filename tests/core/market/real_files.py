"""The real files as bar frames, read by pandas alone, so that tests of intake and quality rest on no reader of ours.

Belongs here: what tests of `market` share about ../shared/data. Not here: the readers (`market.formats`), their tests.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bot_core_dagster.market.bar import BAR_COLUMNS
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import Timeframe
from tests.builders import instrument

FX = instrument(symbol="EURUSD", base="EUR", quote="USD", calendar="fx", price_side="bid", source="file")
CRYPTO = instrument(source="file")
ATHENS = "Europe/Athens"


def frame(times: Any, prices: pd.DataFrame, volume: Any, of: Instrument, timeframe: str) -> pd.DataFrame:
    """Return a bar frame with lines from 2 on; `prices` holds open, high, low and close in that order."""
    open_time = pd.DatetimeIndex(times).as_unit("us")
    columns = dict(zip(("open", "high", "low", "close"), prices.to_numpy(dtype=float).T, strict=True))
    bars = pd.DataFrame(
        {
            "symbol": of.symbol,
            "timeframe": timeframe,
            "open_time": open_time,
            "close_time": open_time + Timeframe(timeframe).delta,
            **columns,
            "volume": np.asarray(volume, dtype=float),
            "spread": np.nan,
            "price_side": of.price_side,
            "volume_unit": "base",
            "source": "file:real",
        }
    )[list(BAR_COLUMNS)]
    return bars.assign(line=np.arange(2, len(bars) + 2))


def corrupt_minutes(path: Path) -> pd.DataFrame:
    """Return dirty/EURUSD_M1_corrupt_*.csv."""
    rows = pd.read_csv(path, sep="\t", header=None, skiprows=1)
    return frame(pd.to_datetime(rows[0], utc=True), rows[[1, 2, 3, 4]], rows[5], FX, "1m")


def bad_high(path: Path) -> pd.DataFrame:
    """Return dirty/BTCUSDT_1d_2019_bad_high.csv: time, volume, open, ?, low, close."""
    rows = pd.read_csv(path, header=None)
    return frame(pd.to_datetime(rows[0], unit="s", utc=True), rows[[2, 3, 4, 5]], rows[1], CRYPTO, "1d")


def ninjabot(path: Path) -> pd.DataFrame:
    """Return dirty/ninjabot_*.csv: time, open, close, low, high, volume, trades."""
    rows = pd.read_csv(path, header=None)
    return frame(pd.to_datetime(rows[0], unit="s", utc=True), rows[[1, 4, 3, 2]], rows[5], CRYPTO, "1h")


def minutes_with_gaps(path: Path) -> pd.DataFrame:
    """Return dirty/UNITTEST_BTC_1m_gaps.json."""
    rows = pd.DataFrame(json.loads(path.read_text()))
    return frame(pd.to_datetime(rows[0], unit="ms", utc=True), rows[[1, 2, 3, 4]], rows[5], CRYPTO, "1m")


def binance_hours(path: Path) -> pd.DataFrame:
    """Return crypto/binance_BTCUSDT_1h.csv."""
    rows = pd.read_csv(path)
    prices = rows[["open", "high", "low", "close"]]
    return frame(pd.to_datetime(rows["datetime"], utc=True), prices, rows["volume"], CRYPTO, "1h")


def lean(path: Path, timeframe: str) -> pd.DataFrame:
    """Return the bid bars of fx/lean_oanda_*.zip."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
        rows = pd.read_csv(member, header=None)
    times = pd.to_datetime(rows[0], format="%Y%m%d %H:%M", utc=True)
    return frame(times, rows[[1, 2, 3, 4]], np.full(len(rows), np.nan), FX, timeframe)


def mt5_export(path: Path) -> pd.DataFrame:
    """Return fx/mt5_export_EURUSD_H1.csv without its stray daily first row."""
    rows = pd.read_csv(path, sep="\t").iloc[1:]
    local = pd.to_datetime(rows["DATE"] + " " + rows["TIME"], format="%Y.%m.%d %H:%M:%S")
    times = local.dt.tz_localize(ATHENS).dt.tz_convert("UTC")
    return frame(times, rows[["OPEN", "HIGH", "LOW", "CLOSE"]], rows["TICKVOL"], FX, "1h")


def mt5_rates(path: Path, timeframe: str) -> pd.DataFrame:
    """Return fx/mt5_copy_rates_EURUSD_*.csv."""
    rows = pd.read_csv(path)
    times = pd.to_datetime(rows["time"]).dt.tz_localize(ATHENS).dt.tz_convert("UTC")
    return frame(times, rows[["open", "high", "low", "close"]], rows["tick_volume"], FX, timeframe)


def dukascopy(path: Path) -> pd.DataFrame:
    """Return fx/dukascopy_EURUSD_1h_ask.csv."""
    rows = pd.read_csv(path)
    times = pd.to_datetime(rows["Time"], format="%d.%m.%Y %H:%M:%S.%f", utc=True)
    return frame(times, rows[["Open", "High", "Low", "Close"]], rows["Volume"], FX, "1h")


def fx_file(path: Path) -> pd.DataFrame:
    """Return a file of ../shared/data/fx, recognised by its name."""
    if path.name.startswith("lean"):
        return lean(path, "1d" if "daily" in path.name else "1h")
    if path.name.startswith("dukascopy"):
        return dukascopy(path)
    return mt5_export(path) if "export" in path.name else mt5_rates(path, "15m" if "M15" in path.name else "1h")
