"""The source waits as long as the exchange asks it to, and slows down before a limit."""

from datetime import UTC, datetime, timedelta

import pytest

from bot_core_dagster.market.exchange.pace import Pace
from bot_core_dagster.market.exchange.transport import Reply
from tests import builders
from tests.core.market.exchange.binance_routes import Klines, binance_routes, exchange_info
from tests.core.market.exchange.conftest import START, SourceOn
from tests.core.market.exchange.exchange_server import BAN_S, RETRY_AFTER_S, ExchangeServer, Fault, RecordingClock

END = START + timedelta(hours=500)
THROTTLE_S = 0.5
"""The waits of ccxt's throttle between two requests are shorter."""


def long_waits(clock: RecordingClock) -> list[float]:
    """Return the waits that are not ccxt's throttling."""
    return [wait for wait in clock.waits if wait > THROTTLE_S]


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        pytest.param(Fault.RATE_LIMITED_SECONDS, RETRY_AFTER_S, id="429, seconds"),
        pytest.param(Fault.RATE_LIMITED_DATE, RETRY_AFTER_S, id="429, date"),
        pytest.param(Fault.BANNED, BAN_S, id="418, seconds"),
        pytest.param(Fault.BANNED_UNTIL, BAN_S, id="418, banned until"),
    ],
)
def test_the_wait_that_the_exchange_asks_for_is_kept(
    klines: Klines, source_on: SourceOn, waits: RecordingClock, fault: Fault, seconds: float
) -> None:
    """Dates are cut to the second: they may ask for up to a second less or more."""
    with ExchangeServer(binance_routes(klines, page_bars=250), [fault, Fault.NONE, fault], now=waits.now) as server:
        fetched = source_on(server).fetch(builders.instrument(), START, END)
    assert len(fetched.bars) == 500
    assert long_waits(waits) == pytest.approx([seconds, seconds], abs=1.01)


def test_without_a_wished_wait_it_is_random_up_to_a_doubling_limit(
    klines: Klines, source_on: SourceOn, waits: RecordingClock
) -> None:
    """The waits of ccxt's throttle are whole milliseconds; the others are the back-off."""
    with ExchangeServer(binance_routes(klines), [Fault.RATE_LIMITED] * 7) as server:
        fetched = source_on(server, max_attempts=8).fetch(builders.instrument(), START, END)
    assert len(fetched.bars) == 500
    backoffs = [wait for wait in waits.waits if wait != round(wait, 3)]
    assert len(backoffs) == 7
    assert all(wait <= 2**n for n, wait in enumerate(backoffs))
    assert max(backoffs) > 1.0


@pytest.mark.parametrize(
    ("used", "is_slowed"),
    [("4700", False), ("4800", True), ("6001", True), ("many", False)],
    ids=["under", "near", "over", "nonsense"],
)
def test_it_slows_down_before_the_used_weight_reaches_the_limit(
    klines: Klines, source_on: SourceOn, waits: RecordingClock, used: str, is_slowed: bool
) -> None:
    """The limit is the 6,000 a minute of the server's exchangeInfo."""
    there = START + timedelta(days=60, seconds=20)
    server = ExchangeServer(
        binance_routes(klines, page_bars=250), now=lambda: there, headers=lambda: {"X-MBX-USED-WEIGHT-1m": used}
    )
    with server:
        fetched = source_on(server).fetch(builders.instrument(), START, END)
    assert len(fetched.bars) == 500
    assert long_waits(waits) == (pytest.approx([40.0, 40.0], abs=1.0) if is_slowed else [])


def reply(status: int = 200, head: str = "", **headers: str) -> Reply:
    """Return a reply with headers given with underscores for hyphens."""
    return Reply(status, {name.replace("_", "-"): text for name, text in headers.items()}, head)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("12", 12.0),
        ("1.5", 1.5),
        ("Mon, 01 Jan 2024 00:00:30 GMT", 30.0),
        ("Sun, 31 Dec 2023 23:00:00 GMT", 0.0),
        ("Mon, 01 Jan 2024 01:00:30 +0100", 30.0),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_exchanges_clock(text: str, seconds: float | None) -> None:
    pace = Pace(RecordingClock().clock)
    pace.learn(reply(Date="Mon, 01 Jan 2024 00:00:00 GMT"))
    asked_for = pace.wait_asked_for_s(reply(429, Retry_After=text))
    assert asked_for is None if seconds is None else asked_for == pytest.approx(seconds, abs=0.5)


def test_a_good_reply_asks_for_no_wait() -> None:
    assert Pace(RecordingClock().clock).wait_asked_for_s(reply(200, Retry_After="5")) is None
    assert Pace(RecordingClock().clock).wait_asked_for_s(None) is None


def test_the_time_there_is_local_until_the_exchange_gives_its_own() -> None:
    clock = RecordingClock()
    pace = Pace(clock.clock)
    assert abs(pace.now() - datetime.now(UTC)) < timedelta(seconds=5)
    pace.learn(reply(Date="nonsense"))
    assert abs(pace.now() - datetime.now(UTC)) < timedelta(seconds=5)
    pace.learn(reply(Date="Mon, 01 Jan 2024 00:00:00 GMT"))
    clock.waits.append(90.0)
    assert timedelta(0) <= pace.now() - (START + timedelta(seconds=90)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("info", "used", "is_slowed"),
    [
        pytest.param({}, 959, False, id="no limit stated, under 80 % of 1,200"),
        pytest.param([], 960, True, id="no limit stated, 80 % of 1,200"),
        pytest.param(exchange_info([], {}, 2_400), 1_919, False, id="2,400 stated, under 80 %"),
        pytest.param(exchange_info([], {}, 2_400), 1_920, True, id="2,400 stated, 80 %"),
    ],
)
def test_the_limit_is_the_one_that_the_exchange_states(info: object, used: int, is_slowed: bool) -> None:
    pace = Pace(RecordingClock().clock)
    pace.learn_limits(info)
    pace.learn(Reply(200, {"Date": "Mon, 01 Jan 2024 00:00:10 GMT", "X-MBX-USED-WEIGHT-1M": str(used)}, ""))
    assert pace.wait_before_request_s() == (pytest.approx(50.0, abs=1.0) if is_slowed else 0.0)
    assert pace.wait_before_request_s() == 0.0
