"""What goes wrong for good, what may pass, and that each says the next step."""

import subprocess
import sys
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot_core_dagster.errors import SourceError, TimeError, TransientSourceError, UnknownNameError
from bot_core_dagster.market.exchange import CcxtSource
from bot_core_dagster.settings import CcxtSettings
from tests import builders
from tests.core.market.exchange.binance_routes import Klines, Row, binance_routes
from tests.core.market.exchange.conftest import START, SourceOn
from tests.core.market.exchange.exchange_server import HANGING, HARMLESS, ExchangeServer, Fault, HttpError, Query
from tests.core.market.exchange.expectations import candles_in, candles_of

END = START + timedelta(hours=500)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in HARMLESS])
def test_a_fault_that_stays_is_given_up_after_the_attempts(klines: Klines, source_on: SourceOn, fault: Fault) -> None:
    began = time.monotonic()
    timeout_s = 0.4 if fault in HANGING else 10.0
    with ExchangeServer(binance_routes(klines), [fault] * 100) as server:
        with pytest.raises(TransientSourceError, match="no usable answer in 3 attempts"):
            source_on(server, timeout_s=timeout_s, max_attempts=3).fetch(builders.instrument(), START, END)
        assert server.n_asked() <= 3
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in HARMLESS])
def test_a_fault_in_the_middle_keeps_what_arrived(klines: Klines, source_on: SourceOn, fault: Fault) -> None:
    faults = [Fault.NONE, *[fault] * 2]
    with ExchangeServer(binance_routes(klines, page_bars=200), faults) as server:
        source = source_on(server, timeout_s=1.0 if fault in HANGING else 10.0, max_attempts=2)
        first = source.fetch(builders.instrument(), START, END)
        rest = source.fetch(builders.instrument(), START + timedelta(hours=200), END)
    assert "stopped at 2024-01-09T08:00:00+00:00" in first.notes[-1]
    assert first.notes[-1].endswith("the next fetch resumes there")
    assert candles_in(first.bars) + candles_in(rest.bars) == candles_of(klines["BTCUSDT", "1h"])


def test_a_list_of_markets_that_fails_is_asked_for_again(klines: Klines, source_on: SourceOn) -> None:
    faults = [Fault.SERVER_ERROR, Fault.CUT_JSON, Fault.WRONG_SHAPE]
    with ExchangeServer(binance_routes(klines), faults, faulty_path="exchangeInfo") as server:
        fetched = source_on(server).fetch(builders.instrument(), START, END)
        assert server.n_asked("exchangeInfo") == 4
    assert len(fetched.bars) == 500


def test_the_list_of_markets_is_read_once(klines: Klines, source_on: SourceOn) -> None:
    with ExchangeServer(binance_routes(klines)) as server:
        source = source_on(server)
        for _ in range(3):
            source.fetch(builders.instrument(), START, END)
        assert server.n_asked("exchangeInfo") == 1


def test_a_host_that_is_not_there_is_transient() -> None:
    source = CcxtSource(CcxtSettings(base_url="http://127.0.0.1:9", max_attempts=1, timeout_s=1))
    with pytest.raises(TransientSourceError, match="list of markets: no usable answer in 1 attempts"):
        source.fetch(builders.instrument(), START, END)


def test_an_unknown_exchange_names_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="no exchange 'binanse'; near: binance"):
        CcxtSource(CcxtSettings(exchange="binanse")).fetch(builders.instrument(), START, END)


def test_an_unknown_market_names_near_ones(klines: Klines, source_on: SourceOn) -> None:
    with (
        ExchangeServer(binance_routes(klines)) as server,
        pytest.raises(SourceError, match=r"no market BTC/USDC; near: BTC/USDT; check symbol, base and quote") as raised,
    ):
        source_on(server).fetch(builders.instrument(quote="USDC"), START, END)
    assert not isinstance(raised.value, TransientSourceError)


@pytest.mark.parametrize(
    ("status", "body", "step"),
    [
        pytest.param(400, {"code": -1121, "msg": "Invalid symbol."}, "check the instrument", id="-1121"),
        pytest.param(400, {"code": -1120, "msg": "Invalid interval."}, "check the instrument", id="-1120"),
        pytest.param(451, {"msg": "Service unavailable from a restricted location."}, "set .* base_url", id="451"),
        pytest.param(404, {"msg": "no such path"}, "set .* base_url", id="404"),
    ],
)
def test_a_refusal_for_good_is_not_asked_again(
    klines: Klines, source_on: SourceOn, status: int, body: dict[str, Any], step: str
) -> None:
    def refuse(_: Query) -> Any:
        raise HttpError(status, body)

    with ExchangeServer(binance_routes(klines) | {"/api/v3/klines": refuse}) as server:
        with pytest.raises(SourceError, match=f"binance refuses BTC/USDT 1h: .*; {step}") as raised:
            source_on(server).fetch(builders.instrument(), START, END)
        assert server.n_asked() == 1
    assert not isinstance(raised.value, TransientSourceError)


@pytest.mark.parametrize("status", [403, 500, 502], ids=str)
def test_a_refusal_with_an_unknown_code_is_judged_by_its_status(
    klines: Klines, source_on: SourceOn, status: int
) -> None:
    def refuse(_: Query) -> Any:
        raise HttpError(status, {"code": -9999, "msg": "unheard of"})

    with (
        ExchangeServer(binance_routes(klines) | {"/api/v3/klines": refuse}) as server,
        pytest.raises(TransientSourceError, match="unheard of"),
    ):
        source_on(server).fetch(builders.instrument(), START, END)


def test_a_timeframe_that_the_exchange_lacks_is_refused_without_a_request(klines: Klines, source_on: SourceOn) -> None:
    with ExchangeServer(binance_routes(klines)) as server:
        with pytest.raises(SourceError, match="coinbase gives no 4h bars; it has: 1m, 5m"):
            source_on(server, exchange="coinbase").fetch(builders.instrument(timeframe="4h"), START, END)
        assert server.asked == []


def test_an_instrument_of_another_price_side_is_refused() -> None:
    with pytest.raises(SourceError, match='BTCUSDT is declared as bid; set its price_side to "trade"'):
        CcxtSource(CcxtSettings()).fetch(builders.instrument(price_side="bid"), START, END)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(datetime(2024, 1, 1), END, id="start without a zone"),  # noqa: DTZ001
        pytest.param(START, datetime(2024, 1, 2), id="end without a zone"),  # noqa: DTZ001
        pytest.param(END, START, id="end before start"),
    ],
)
def test_a_range_that_is_none_is_refused(start: datetime, end: datetime) -> None:
    with pytest.raises(TimeError):
        CcxtSource(CcxtSettings()).fetch(builders.instrument(), start, end)


def test_a_server_that_always_gives_its_first_page_is_left(klines: Klines, source_on: SourceOn) -> None:
    first_page = klines["BTCUSDT", "1h"][:50]

    def ignore_since(_: Query) -> list[Row]:
        return first_page

    with ExchangeServer(binance_routes(klines) | {"/api/v3/klines": ignore_since}) as server:
        source = source_on(server)
        fetched = source.fetch(builders.instrument(timeframe="1h"), START, START + timedelta(days=3_000))
        assert server.n_asked() == 3
        with pytest.raises(SourceError, match="the exchange ignores the start"):
            source.fetch(builders.instrument(), END, END + timedelta(days=300))
    assert candles_in(fetched.bars) == candles_of(first_page)
    assert "the exchange ignores the start" in fetched.notes[-1]


def test_a_server_that_always_gives_its_last_page_ends(klines: Klines, source_on: SourceOn) -> None:
    """Kraken does so: 720 bars and no more."""
    last_page = klines["BTCUSDT", "1h"][-50:]
    routes = binance_routes(klines) | {"/api/v3/klines": lambda _: last_page}
    with ExchangeServer(routes) as server:
        fetched = source_on(server).fetch(builders.instrument(), START, END)
        assert server.n_asked() == 1
    assert candles_in(fetched.bars) == candles_of(last_page)
    assert fetched.notes[-1].startswith("asked from 2024-01-01T00:00:00+00:00, the first bar is 2024-01-19T18:00:00")


def test_the_deadline_ends_a_fetch_with_what_it_has(klines: Klines, source_on: SourceOn) -> None:
    """Each attempt to the third page costs a recorded wait, until the time is up."""
    faults = [Fault.NONE, Fault.NONE, *[Fault.RATE_LIMITED_SECONDS] * 90]
    with ExchangeServer(binance_routes(klines, page_bars=100), faults) as server:
        source = source_on(server, deadline_s=60.0, max_attempts=20)
        fetched = source.fetch(builders.instrument(), START, END)
        assert server.n_asked() == 2 + 9
    assert len(fetched.bars) == 200
    assert "stopped at" in fetched.notes[-1]


def test_the_deadline_also_ends_a_fetch_that_is_merely_slow(klines: Klines, source_on: SourceOn) -> None:
    """No request fails: it is the used weight that makes each page wait for the next minute."""
    there = START + timedelta(days=60, seconds=20)
    routes = binance_routes(klines, page_bars=100)
    with ExchangeServer(routes, now=lambda: there, headers=lambda: {"X-MBX-USED-WEIGHT-1M": "9999"}) as server:
        fetched = source_on(server, deadline_s=60.0).fetch(builders.instrument(), START, END)
        assert server.n_asked() == 2
    assert len(fetched.bars) == 200
    assert "60 s did not do for all pages, 2024-01-09T08:00:00+00:00 is next" in fetched.notes[-1]


def test_a_ban_longer_than_the_deadline_is_not_sat_out(klines: Klines, source_on: SourceOn) -> None:
    with ExchangeServer(binance_routes(klines), [Fault.BANNED]) as server:
        with pytest.raises(TransientSourceError, match="try again in 120 s"):
            source_on(server, deadline_s=60.0).fetch(builders.instrument(), START, END)
        assert server.n_asked() == 1


def test_making_a_source_imports_neither_ccxt_nor_requests() -> None:
    code = (
        "import sys; from bot_core_dagster.market.exchange import CcxtSource;"
        "from bot_core_dagster.settings import CcxtSettings; CcxtSource(CcxtSettings());"
        "print([name for name in ('ccxt', 'requests', 'tenacity') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
