"""The bars that arrive over HTTP are the bars that the exchange holds, whatever happens on the way."""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot_core_dagster.errors import TransientSourceError
from bot_core_dagster.market.exchange import CcxtSource
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.settings import CcxtSettings
from tests import builders
from tests.core.market.exchange.binance_routes import Klines, binance_routes, generated_klines, recorded_klines
from tests.core.market.exchange.conftest import START, SourceOn
from tests.core.market.exchange.exchange_server import HANGING, HARMLESS, ExchangeServer, Fault, RecordingClock
from tests.core.market.exchange.expectations import Candle, candles_in, candles_of

END = START + timedelta(hours=500)


def faults_at_random(seed: int, n_faults: int) -> Iterator[Fault]:
    """Yield good replies and faults, three to one; hangs are rare, since each costs a time-out."""
    rng = random.Random(seed)
    weights = [{Fault.NONE: 40}.get(fault, 0.3 if fault in HANGING else 1) for fault in Fault]
    return iter(rng.choices(list(Fault), weights, k=n_faults))


@pytest.mark.parametrize(
    ("symbol", "base", "quote", "timeframe"),
    [
        ("BTCUSDT", "BTC", "USDT", "1m"),
        ("BTCUSDT", "BTC", "USDT", "5m"),
        ("BTCUSDT", "BTC", "USDT", "1h"),
        ("BTCUSDT", "BTC", "USDT", "1d"),
        ("ETHBTC", "ETH", "BTC", "1d"),
    ],
)
@pytest.mark.parametrize("seed", [1, 2], ids="faults of seed {}".format)
def test_the_bars_that_arrive_equal_the_recording(
    real_data: Path, source_on: SourceOn, symbol: str, base: str, quote: str, timeframe: str, seed: int
) -> None:
    recording = recorded_klines(real_data)
    rows = recording[symbol, timeframe]
    instrument = builders.instrument(symbol=symbol, base=base, quote=quote, timeframe=timeframe, source="ccxt")
    first, last = candles_of([rows[0], rows[-1]])
    page_bars = max(2, len(rows) // 30)
    with ExchangeServer(binance_routes(recording, page_bars=page_bars), faults_at_random(seed, 1_000)) as server:
        fetched = source_on(server, timeout_s=0.4, max_attempts=20).fetch(instrument, first[0], last[1])
        assert server.n_asked() > len(rows) / page_bars + 1, "no fault has struck"
    assert candles_in(fetched.bars) == candles_of(rows)
    assert fetched.quarantined is None


@pytest.mark.parametrize("seed", range(3), ids="faults of seed {}".format)
def test_the_bars_that_arrive_equal_the_generated_ones(klines: Klines, source_on: SourceOn, seed: int) -> None:
    with ExchangeServer(binance_routes(klines, page_bars=40), faults_at_random(seed, 1_000)) as server:
        fetched = source_on(server, timeout_s=0.4, max_attempts=20).fetch(builders.instrument(), START, END)
    assert candles_in(fetched.bars) == candles_of(klines["BTCUSDT", "1h"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    faults=st.lists(st.sampled_from([fault for fault in Fault if fault not in HANGING]), max_size=30),
    page_bars=st.integers(1, 60),
    reach_back=st.integers(0, 5),
    n_bars=st.integers(0, 60),
    missing=st.sets(st.integers(0, 59)),
)
def test_what_arrives_is_all_of_it_or_a_prefix_with_a_note(
    faults: list[Fault], page_bars: int, reach_back: int, n_bars: int, missing: set[int]
) -> None:
    """Over any faults, page sizes and outages: never a wrong bar, a bar twice, or one left out."""
    rows = [row for i, row in enumerate(generated_klines(n_bars, start=START)) if i not in missing]
    routes = binance_routes({("BTCUSDT", "1h"): rows}, page_bars=page_bars, reach_back=reach_back)
    with ExchangeServer(routes, faults) as server:
        source = CcxtSource(CcxtSettings(base_url=server.url, max_attempts=3, timeout_s=5), RecordingClock().clock)
        expected = candles_of(rows)
        start, arrived = START, []
        for _ in range(len(faults) + 1):
            try:
                fetched = source.fetch(builders.instrument(), start, START + timedelta(hours=60))
            except TransientSourceError:
                assert any(fault not in HARMLESS for fault in faults)
                continue
            arrived += candles_in(fetched.bars)
            assert arrived == expected[: len(arrived)]
            if not any("stopped at" in note for note in fetched.notes):
                break
            start = arrived[-1][1]
    assert arrived == expected


def test_only_bars_that_close_by_the_end_are_taken(klines: Klines, source_on: SourceOn) -> None:
    end = START + timedelta(hours=10, minutes=59)
    with ExchangeServer(binance_routes(klines)) as server:
        fetched = source_on(server).fetch(builders.instrument(), START + timedelta(minutes=30), end)
    assert candles_in(fetched.bars) == candles_of(klines["BTCUSDT", "1h"][1:10])


@pytest.mark.parametrize("minutes", [0, 29, 59], ids="{} minutes into the bar".format)
def test_the_bar_that_is_open_by_the_exchanges_clock_is_left_out(
    klines: Klines, source_on: SourceOn, minutes: int
) -> None:
    """The local clock is a year ahead and believes that every bar is closed."""
    there = START + timedelta(hours=20, minutes=minutes)
    known = {key: rows[:21] for key, rows in klines.items()}
    with ExchangeServer(binance_routes(known), now=lambda: there) as server:
        fetched = source_on(server).fetch(builders.instrument(), START, datetime(2025, 1, 1, tzinfo=UTC))
    assert candles_in(fetched.bars) == candles_of(known["BTCUSDT", "1h"][:20])


def test_an_outage_of_the_exchange_is_passed_over(source_on: SourceOn) -> None:
    """A server that answers by windows of time gives empty pages for the outage."""
    rows = generated_klines(500, start=START)
    kept = rows[:100] + rows[400:]
    routes = binance_routes({("BTCUSDT", "1h"): kept}, page_bars=20)
    candles = routes["/api/v3/klines"]
    routes["/api/v3/klines"] = lambda query: candles(
        query | {"endTime": str(int(query["startTime"]) + int(query["limit"]) * 3_600_000 - 1)}
    )
    with ExchangeServer(routes) as server:
        fetched = source_on(server).fetch(builders.instrument(), START - timedelta(days=60), END)
    assert candles_in(fetched.bars) == candles_of(kept)
    assert any("the first bar is 2024-01-01T00:00:00+00:00" in note for note in fetched.notes)


def test_a_range_without_bars_gives_an_empty_frame_and_says_so(klines: Klines, source_on: SourceOn) -> None:
    with ExchangeServer(binance_routes(klines)) as server:
        fetched = source_on(server).fetch(builders.instrument(), END, END + timedelta(days=3))
    assert candles_in(fetched.bars) == []
    assert any("no closed bars between" in note for note in fetched.notes)


def test_a_range_shorter_than_a_bar_asks_for_no_candles(klines: Klines, source_on: SourceOn) -> None:
    with ExchangeServer(binance_routes(klines)) as server:
        fetched = source_on(server).fetch(builders.instrument(), START, START + timedelta(minutes=59))
    assert fetched.bars.empty
    assert server.n_asked() == 0


def store(pages: Iterable[Fetched], stored: list[Candle]) -> None:
    """Take in the bars of each page as it comes."""
    for page in pages:
        stored += candles_in(page.bars)


def test_pages_can_be_stored_one_by_one(klines: Klines, source_on: SourceOn) -> None:
    """What was yielded before a failure is good, and the next call goes on from there."""
    faults = [Fault.NONE, Fault.NONE, *[Fault.SERVER_ERROR] * 3]
    with ExchangeServer(binance_routes(klines, page_bars=100), faults) as server:
        source = source_on(server, max_attempts=3)
        stored: list[Candle] = []
        with pytest.raises(TransientSourceError, match="3 attempts"):
            store(source.pages(builders.instrument(), START, END), stored)
        assert stored == candles_of(klines["BTCUSDT", "1h"][:200])
        n_before = server.n_asked()
        store(source.pages(builders.instrument(), stored[-1][1], END), stored)
        assert server.n_asked() - n_before == 3
    assert stored == candles_of(klines["BTCUSDT", "1h"])


def test_progress_grows_to_one(klines: Klines, source_on: SourceOn) -> None:
    told: list[tuple[float, str]] = []
    with ExchangeServer(binance_routes(klines, page_bars=100)) as server:
        source_on(server).fetch(builders.instrument(), START, END, lambda share, text: told.append((share, text)))
    assert [share for share, _ in told] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert told[0][1] == "BTCUSDT 1h: bars until 2024-01-05T04:00:00+00:00"


def test_a_bar_says_where_it_is_from(klines: Klines, source_on: SourceOn) -> None:
    with ExchangeServer(binance_routes(klines)) as server:
        source = source_on(server)
        fetched = source.fetch(builders.instrument(symbol="Bitcoin %'"), START, START + timedelta(hours=1))
    bar = fetched.bars.iloc[0]
    assert (bar["symbol"], bar["source"], bar["price_side"], bar["volume_unit"]) == (
        "Bitcoin %'",
        "ccxt:binance",
        "trade",
        "base",
    )
    assert source.name == "ccxt:binance"
    assert "trade prices, volume in BTC, times are UTC" in fetched.notes[0]
