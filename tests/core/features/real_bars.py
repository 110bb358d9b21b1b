"""Real bars as a bar frame, read the short way.

Belongs here: two known files, their faults dropped. Not here: formats (`market.formats` and its tests).
"""

from pathlib import Path

import numpy as np
import pandas as pd

from bot_core_dagster.market.bar import BAR_COLUMNS


def btcusdt(folder: Path) -> pd.DataFrame:
    """Return 55,912 hours of Binance spot, 25 times interrupted by outages."""
    read = pd.read_csv(folder / "crypto" / "binance_BTCUSDT_1h.csv")
    return _bar_frame(read, pd.to_datetime(read["datetime"], utc=True), "BTCUSDT", "trade")


def eurusd(folder: Path) -> pd.DataFrame:
    """Return the hours of an MT5 export (bid, ticks as volume) without its stray daily row."""
    read = pd.read_csv(folder / "fx" / "mt5_export_EURUSD_H1.csv", sep="\t")
    read.columns = read.columns.str.strip("<>").str.lower()
    read = read.iloc[1:].rename(columns={"tickvol": "volume"})
    wall = pd.to_datetime(read["date"] + " " + read["time"])
    zoned = wall.dt.tz_localize("Europe/Athens", ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    return _bar_frame(read.drop(columns="spread"), zoned, "EURUSD", "bid")


def _bar_frame(read: pd.DataFrame, open_time: pd.Series, symbol: str, price_side: str) -> pd.DataFrame:
    bars = read.assign(
        symbol=symbol,
        timeframe="1h",
        open_time=open_time.dt.as_unit("us"),
        close_time=(open_time + pd.Timedelta(hours=1)).dt.as_unit("us"),
        spread=np.nan,
        price_side=price_side,
        volume_unit="base",
        source="file:test",
    )
    bars = bars.dropna(subset="open_time").drop_duplicates("open_time").sort_values("open_time", ignore_index=True)
    return bars[list(BAR_COLUMNS)].astype({"volume": "float64"})
