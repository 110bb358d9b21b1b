"""What arrived against what the server holds, computed without the source.

Belongs here: the oracle of the exchange tests. Not here: the server and its candles.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd

from bot_core_dagster.market.bar import BAR_COLUMNS
from tests.core.market.exchange.binance_routes import Row

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Candle = tuple[datetime, datetime, float, float, float, float, float]


def candles_of(rows: list[Row]) -> list[Candle]:
    """Return open and close time, prices and volume of Binance's rows; the text goes through Decimal."""
    return [
        (EPOCH + timedelta(milliseconds=row[0]), EPOCH + timedelta(milliseconds=row[6] + 1), *_floats(row[1:6]))
        for row in rows
    ]


def _floats(cells: list[str]) -> tuple[float, float, float, float, float]:
    open_, high, low, close, volume = (float(Decimal(cell)) for cell in cells)
    return open_, high, low, close, volume


def candles_in(bars: pd.DataFrame) -> list[Candle]:
    """Return the same of a bar frame, after a look at its shape."""
    assert tuple(bars.columns) == BAR_COLUMNS
    assert str(bars["open_time"].dtype) == str(bars["close_time"].dtype) == "datetime64[us, UTC]"
    assert list(bars.index) == list(range(len(bars)))
    names = ["open_time", "close_time", "open", "high", "low", "close", "volume"]
    return [tuple(row) for row in bars[names].itertuples(index=False)]
