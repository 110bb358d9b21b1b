"""Binance's public spot and futures routes over candles held in memory.

Belongs here: `startTime`, `endTime` and `limit` as Binance applies them, the recorded candles, generated ones. Not
here: HTTP and its faults (`exchange_server`).
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from bot_core_dagster.timeframe import Timeframe
from tests.core.market.exchange.exchange_server import HttpError, Query, Route

Row = list[Any]
Klines = dict[tuple[str, str], list[Row]]


def binance_routes(
    klines: Klines, *, page_bars: int = 1_000, api: str = "/api/v3", reach_back: int = 0
) -> dict[str, Route]:
    """Return the routes of `klines` by (symbol, interval).

    Parameters
    ----------
    page_bars : int
        Rows a reply has at most, whatever was asked for.
    reach_back : int
        Rows from before `startTime` that a reply begins with.
    """

    def candles(query: Query) -> list[Row]:
        if "interval" not in query or "symbol" not in query:
            raise HttpError(400, {"code": -1102, "msg": "Mandatory parameter was not sent."})
        if query["symbol"] not in {symbol for symbol, _ in klines}:
            raise HttpError(400, {"code": -1121, "msg": "Invalid symbol."})
        rows = klines.get((query["symbol"], query["interval"]), [])
        start, end = int(query.get("startTime", 0)), int(query.get("endTime", 2**62))
        first = next((i for i, row in enumerate(rows) if row[0] >= start), len(rows))
        last = next((i for i, row in enumerate(rows) if row[0] > end), len(rows))
        n_rows = min(int(query.get("limit", 500)), page_bars)
        return rows[max(0, first - reach_back) : min(last, first + n_rows)]

    symbols = sorted({symbol for symbol, _ in klines})
    info = exchange_info(symbols, {} if api == "/api/v3" else {"contractType": "PERPETUAL"})
    return {f"{api}/klines": candles, f"{api}/exchangeInfo": lambda _: info}


def exchange_info(symbols: Sequence[str], extra: dict[str, Any], weight_per_minute: int = 6_000) -> dict[str, Any]:
    """Return the smallest exchangeInfo that ccxt reads, of symbols such as BTCUSDT and ETHBTC."""
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight_per_minute}
    return {"rateLimits": [limit], "symbols": [_market(symbol) | extra for symbol in symbols]}


def _market(symbol: str) -> dict[str, Any]:
    quote = next(name for name in ("USDT", "BTC") if symbol.endswith(name))
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": symbol.removesuffix(quote),
        "quoteAsset": quote,
        "marginAsset": quote,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "filters": [{"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"}],
        "permissions": ["SPOT"],
    }


def generated_klines(n_bars: int, *, start: datetime, timeframe: str = "1h", seed: int = 0) -> list[Row]:
    """Return `n_bars` rows as Binance writes them: prices as text with eight decimals."""
    rng = np.random.default_rng(seed)
    step, first = Timeframe.parse(timeframe).ms, int(start.timestamp() * 1000)
    close = 9_000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.005, n_bars)))
    prices = np.column_stack([close, close * 1.002, close * 0.997, close * 1.001, rng.lognormal(6.0, 1.0, n_bars)])
    return [
        [first + i * step, *(f"{cell:.8f}" for cell in prices[i]), first + (i + 1) * step - 1, "1.0", 5, "1", "1", "0"]
        for i in range(n_bars)
    ]


def recorded_klines(real_data: Path, path: str = "/api/v3/klines") -> Klines:
    """Return the recorded candles, the replies merged; where two differ for one bar the later recorded holds."""
    recording = json.loads((real_data / "exchange" / "binance_http_recorded.json").read_text())
    merged: dict[tuple[str, str], dict[int, Row]] = {}
    for reply in recording["routes"][path]["GET"]:
        query = dict(part.split("=") for part in reply["queryString"].split("&"))
        if isinstance(reply["data"], list):
            rows = merged.setdefault((query["symbol"], query["interval"]), {})
            rows.update((row[0], row) for row in reply["data"])
    return {key: [rows[time] for time in sorted(rows)] for key, rows in merged.items()}
