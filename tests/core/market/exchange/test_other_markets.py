"""Perpetuals, and an exchange whose replies have another shape."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tests.core.market.exchange.binance_routes import Klines, Row, binance_routes, generated_klines, recorded_klines
from tests.core.market.exchange.conftest import START, SourceOn
from tests.core.market.exchange.exchange_server import ExchangeServer, Fault, Query, Route
from tests.core.market.exchange.expectations import candles_in, candles_of

KRAKEN_BARS = 720


def futures_routes(klines: Klines) -> dict[str, Route]:
    """Return the routes of USDT-margined futures, and of none margined in coin."""
    none_in_coin: dict[str, Route] = {"/dapi/v1/exchangeInfo": lambda _: {"symbols": []}}
    return binance_routes(klines, api="/fapi/v1") | none_in_coin


def test_a_perpetual_is_asked_for_by_its_own_symbol(klines: Klines, source_on: SourceOn) -> None:
    perpetual = builders.instrument(symbol="BTC/USDT:USDT")
    with ExchangeServer(futures_routes(klines)) as server:
        fetched = source_on(server).fetch(perpetual, START, START + timedelta(hours=500))
        assert {path for path, _ in server.asked if "klines" in path} == {"/fapi/v1/klines"}
    assert candles_in(fetched.bars) == candles_of(klines["BTCUSDT", "1h"])
    assert set(fetched.bars["symbol"]) == {"BTC/USDT:USDT"}


def test_spot_and_perpetual_of_one_source_do_not_mix(klines: Klines, source_on: SourceOn) -> None:
    futures = {("BTCUSDT", "1h"): generated_klines(10, start=START, seed=9)}
    end = START + timedelta(hours=10)
    with ExchangeServer(binance_routes(klines) | futures_routes(futures)) as server:
        source = source_on(server)
        spot = source.fetch(builders.instrument(), START, end)
        perpetual = source.fetch(builders.instrument(symbol="BTC/USDT:USDT"), START, end)
    assert candles_in(spot.bars) == candles_of(klines["BTCUSDT", "1h"][:10])
    assert candles_in(perpetual.bars) == candles_of(futures["BTCUSDT", "1h"])


def test_the_recorded_perpetual_arrives(real_data: Path, source_on: SourceOn) -> None:
    rows = recorded_klines(real_data, "/fapi/v1/klines")["LTCUSDT", "5m"]
    perpetual = builders.instrument(symbol="LTC/USDT:USDT", base="LTC", timeframe="5m")
    first, last = candles_of([rows[0], rows[-1]])
    with ExchangeServer(futures_routes({("LTCUSDT", "5m"): rows}), [Fault.CUT_JSON, Fault.RESET]) as server:
        fetched = source_on(server).fetch(perpetual, first[0], last[1])
    assert candles_in(fetched.bars) == candles_of(rows)


def kraken_routes(rows: list[Row]) -> dict[str, Route]:
    """Return Kraken's routes: seconds, `since` exclusive, the newest 720 bars and no more."""

    def ohlc(query: Query) -> dict[str, Any]:
        since = int(query.get("since", 0))
        newest = [[row[0] // 1000, *row[1:5], row[4], row[5], 3] for row in rows[-KRAKEN_BARS:]]
        return {"error": [], "result": {"XXBTZUSD": [row for row in newest if row[0] > since], "last": since}}

    pair = {
        "altname": "XBTUSD",
        "wsname": "XBT/USD",
        "base": "XXBT",
        "quote": "ZUSD",
        "pair_decimals": 1,
        "lot_decimals": 8,
        "fees": [[0, 0.4]],
        "fees_maker": [[0, 0.25]],
        "status": "online",
        "ordermin": "0.0001",
        "leverage_buy": [],
    }
    assets = {"XXBT": {"altname": "XBT", "decimals": 10}, "ZUSD": {"altname": "USD", "decimals": 4}}
    return {
        "/0/public/AssetPairs": lambda _: {"error": [], "result": {"XXBTZUSD": pair}},
        "/0/public/Assets": lambda _: {"error": [], "result": assets},
        "/0/public/OHLC": ohlc,
    }


@pytest.mark.parametrize("n_bars", [300, 1_000], ids="{} bars of history".format)
def test_kraken_gives_its_last_720_bars(source_on: SourceOn, n_bars: int) -> None:
    """Its limit is its own; what is older is not there, and the note says so."""
    rows = generated_klines(n_bars, start=START)
    with ExchangeServer(kraken_routes(rows), [Fault.CUT_JSON, Fault.HANG], faulty_path="OHLC") as server:
        source = source_on(server, exchange="kraken", timeout_s=0.5)
        instrument = builders.instrument(symbol="BTCUSD", quote="USD")
        fetched = source.fetch(instrument, START, START + timedelta(hours=n_bars))
    assert candles_in(fetched.bars) == candles_of(rows[-KRAKEN_BARS:])
    assert set(fetched.bars["source"]) == {"ccxt:kraken"}
    assert any("the first bar is" in note for note in fetched.notes) == (n_bars > KRAKEN_BARS)


def test_kraken_leaves_out_the_open_bar(source_on: SourceOn) -> None:
    there = START + timedelta(hours=29, minutes=30)
    with ExchangeServer(kraken_routes(generated_klines(30, start=START)), now=lambda: there) as server:
        source = source_on(server, exchange="kraken")
        instrument = builders.instrument(symbol="BTCUSD", quote="USD")
        fetched = source.fetch(instrument, START, datetime(2025, 1, 1, tzinfo=UTC))
    assert len(fetched.bars) == 29
