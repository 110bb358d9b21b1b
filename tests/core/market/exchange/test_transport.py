"""No reply is read that is too large, too slow, redirected or not whole."""

import json
import time

import pytest
import requests

from bot_core_dagster.errors import SourceError, TransientSourceError
from bot_core_dagster.market.exchange import SYSTEM_CLOCK
from bot_core_dagster.market.exchange.transport import BoundedSession
from tests.core.market.exchange.exchange_server import ExchangeServer, HttpError, Query, Raw


def get(raw: Raw, timeout_s: float = 0.3, max_reply_bytes: int = 100_000) -> requests.Response:
    """Ask a server that answers with `raw`."""
    with ExchangeServer({"/": lambda _: raw}) as server:
        return BoundedSession(timeout_s, SYSTEM_CLOCK, max_reply_bytes).get(f"{server.url}/")


@pytest.mark.parametrize("raw", [Raw(b'{"a": [1]}'), Raw.zipped(b'{"a": [1]}')], ids=["plain", "zipped"])
def test_a_whole_reply_is_read(raw: Raw) -> None:
    assert get(raw).json() == {"a": [1]}


@pytest.mark.parametrize("raw", [Raw(b"1" * 100_001), Raw.zipped(b" " * 50_000_000)], ids=["plain", "zip bomb"])
def test_a_reply_over_the_limit_is_refused(raw: Raw) -> None:
    with pytest.raises(SourceError, match="expected at most 100,000 bytes, more came"):
        get(raw)


def test_a_reply_that_drips_is_left_after_three_time_outs() -> None:
    """Each byte comes well within the time-out."""
    began = time.monotonic()
    with pytest.raises(TransientSourceError, match=r"expected the reply within 0\.9 s"):
        get(Raw(b'"' + b"a" * 500 + b'"', chunk_bytes=1, pause_s=0.05))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(Raw(b"[1, 2]", content_length=60), id="shorter than its length"),
        pytest.param(Raw(Raw.zipped(b"[1]").body[:12], headers={"Content-Encoding": "gzip"}), id="cut gzip"),
        pytest.param(Raw(b"not gzip", headers={"Content-Encoding": "gzip"}), id="no gzip"),
        pytest.param(Raw(b"[1, 2"), id="cut JSON"),
        pytest.param(Raw(b"[" * 90_000), id="nested without end"),
        pytest.param(Raw(b"<html>"), id="HTML"),
        pytest.param(Raw(b"\xff\xfe\x00"), id="bytes"),
    ],
)
def test_a_reply_that_is_not_whole_json_may_be_asked_for_again(raw: Raw) -> None:
    with pytest.raises(TransientSourceError):
        get(raw)


def test_a_redirect_is_not_followed() -> None:
    with (
        ExchangeServer({"/": _redirect}, headers=lambda: {"Location": "http://169.254.169.254/"}) as server,
        pytest.raises(SourceError, match=r"came a redirect to http://169\.254\.169\.254/; set \[sources.ccxt\]"),
    ):
        BoundedSession(1.0, SYSTEM_CLOCK).get(f"{server.url}/")


def _redirect(_: Query) -> None:
    raise HttpError(302, {})


def test_an_error_keeps_its_body_for_ccxt_to_read() -> None:
    def refuse(_: Query) -> None:
        raise HttpError(400, {"code": -1121})

    with ExchangeServer({"/": refuse}) as server:
        session = BoundedSession(1.0, SYSTEM_CLOCK)
        response = session.get(f"{server.url}/")
    assert response.json() == {"code": -1121}
    assert session.last_reply is not None
    assert session.last_reply.status == 400
    assert json.loads(session.last_reply.head) == {"code": -1121}
