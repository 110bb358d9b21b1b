"""HTTP with bounds: the session that ccxt sends its requests through.

Belongs here: time-outs, the size and completeness of one reply. Not here: what a reply means (ccxt), how long to wait
before the next request (`pace`), whether to try again (`client`).
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests
import urllib3

from bot_core_dagster.errors import SourceError, TransientSourceError
from bot_core_dagster.market.exchange.clock import Clock

MAX_REPLY_BYTES: Final = 64 * 2**20
"""The largest reply asked for is a list of markets; Binance's had 1 kB a market."""

_REPLY_TIMEOUTS: Final = 3
"""A reply that drips in slowly enough never to time out must still be complete within this many time-outs."""

_CHUNK_BYTES: Final = 65_536


@dataclass(frozen=True)
class Reply:
    """The outside of the last reply: its status, its headers (any case) and the start of its body."""

    status: int
    headers: Mapping[str, str]
    head: str


class BoundedSession(requests.Session):
    """A session whose replies are JSON, complete, in time and of a bearable size, or an error."""

    def __init__(self, timeout_s: float, clock: Clock, max_reply_bytes: int = MAX_REPLY_BYTES) -> None:
        super().__init__()
        self.last_reply: Reply | None = None
        self._timeout_s = timeout_s
        self._clock = clock
        self._max_reply_bytes = max_reply_bytes

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send `request` and return its whole reply.

        Raises
        ------
        TransientSourceError
            If the reply broke off, took too long, or a successful one is not JSON.
        SourceError
            If it is too large, or redirects elsewhere.
        """
        self.last_reply = None
        limits = {"stream": True, "allow_redirects": False, "timeout": (self._timeout_s, self._timeout_s)}
        give_up_at = self._clock.monotonic() + _REPLY_TIMEOUTS * self._timeout_s
        response = super().send(request, **{**kwargs, **limits})
        try:
            body = self._read(response, give_up_at)
        finally:
            response.close()
        self.last_reply = Reply(response.status_code, response.headers, body[:500].decode("utf-8", "replace"))
        _refuse_redirect(response)
        if response.ok:
            _require_json(body, response.url)
        response.raw = io.BytesIO(body)
        return response

    def _read(self, response: requests.Response, give_up_at: float) -> bytes:
        body = bytearray()
        try:
            while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
                body += chunk
                if len(body) > self._max_reply_bytes:
                    raise SourceError(
                        f"{response.url}: expected at most {self._max_reply_bytes:,} bytes, more came; "
                        "check that [sources.ccxt] base_url is the exchange's API"
                    )
                if self._clock.monotonic() > give_up_at:
                    limit_s = _REPLY_TIMEOUTS * self._timeout_s
                    raise TransientSourceError(
                        f"{response.url}: expected the reply within {limit_s:g} s, {len(body):,} bytes came; "
                        "try again, or raise [sources.ccxt] timeout_s"
                    )
        except urllib3.exceptions.HTTPError as error:
            raise TransientSourceError(
                f"{response.url}: the reply broke off after {len(body):,} bytes ({error}); try again"
            ) from error
        return bytes(body)


def _refuse_redirect(response: requests.Response) -> None:
    if response.is_redirect:
        raise SourceError(
            f"{response.url}: expected data, came a redirect to {response.headers['location']}; "
            "set [sources.ccxt] base_url to the host that answers"
        )


def _require_json(body: bytes, url: str) -> None:
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        raise TransientSourceError(
            f"{url}: expected JSON, came {body[:60]!r} of {len(body):,} bytes ({error}); try again"
        ) from error
