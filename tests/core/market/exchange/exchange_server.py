"""An exchange on 127.0.0.1: real HTTP, recorded or generated candles, faults on request.

Belongs here: the server, its Binance and Kraken routes, the clock that records waits. Not here: what is expected of the
source (the tests beside).
"""

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bot_core_dagster.market.exchange import Clock

Query = dict[str, str]
Route = Callable[[Query], Any]


class Fault(StrEnum):
    """What a reply may suffer; the name of each says what the client sees."""

    NONE = "none"
    RATE_LIMITED = "429"
    RATE_LIMITED_SECONDS = "429 Retry-After in seconds"
    RATE_LIMITED_DATE = "429 Retry-After as a date"
    BANNED = "418 Retry-After in seconds"
    BANNED_UNTIL = "418 banned until a time in ms"
    SERVER_ERROR = "503"
    TRUNCATED = "body shorter than its length"
    CUT_JSON = "JSON cut in the middle"
    NOT_JSON = "HTML with status 200"
    WRONG_SHAPE = "JSON of another shape"
    NOT_NUMBERS = "rows of text"
    RESET = "connection reset"
    HANG = "no reply"
    HANG_IN_BODY = "half a reply"
    OVERLAP = "rows from before, and each row twice"
    BACKWARDS = "newest row first"


HARMLESS = (Fault.NONE, Fault.OVERLAP, Fault.BACKWARDS)
"""Replies that hold all the bars, however untidily."""

HANGING = (Fault.HANG, Fault.HANG_IN_BODY)
"""Each costs a time-out of the client."""

_STATUS = {
    Fault.RATE_LIMITED: 429,
    Fault.RATE_LIMITED_SECONDS: 429,
    Fault.RATE_LIMITED_DATE: 429,
    Fault.BANNED: 418,
    Fault.BANNED_UNTIL: 418,
    Fault.SERVER_ERROR: 503,
}
RETRY_AFTER_S = 7
BAN_S = 120


@dataclass(frozen=True)
class HttpError(Exception):
    """A route's refusal."""

    status: int
    body: Any


@dataclass
class RecordingClock:
    """A clock whose waits are written down and added to the time, not waited."""

    waits: list[float] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        """What the source is given."""
        return Clock(now=self.now, monotonic=lambda: time.monotonic() + sum(self.waits), sleep=self.waits.append)

    def now(self) -> datetime:
        """Return the time with all waits in it."""
        return datetime.now(UTC) + timedelta(seconds=sum(self.waits))


class ExchangeServer:
    """Serves `routes` (path to a function of the query) until the context ends."""

    def __init__(
        self,
        routes: dict[str, Route],
        faults: Iterable[Fault] = (),
        *,
        faulty_path: str = "klines",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        headers: Callable[[], dict[str, str]] = dict,
    ) -> None:
        self.routes = routes
        self.faults: Iterator[Fault] = iter(faults)
        self.faulty_path = faulty_path
        self.now = now
        self.headers = headers
        self.asked: list[tuple[str, Query]] = []
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def n_asked(self, path_part: str = "klines") -> int:
        """Return how many requests had `path_part` in their path."""
        return sum(path_part in path for path, _ in self.asked)

    def __enter__(self) -> "ExchangeServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler_of(server: ExchangeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            server.asked.append((parts.path, query))
            fault = next(server.faults, Fault.NONE) if server.faulty_path in parts.path else Fault.NONE
            try:
                status, answer = 200, server.routes.get(parts.path, _not_found)(query)
            except HttpError as refusal:
                status, answer = refusal.status, refusal.body
            if isinstance(answer, Raw):
                self._send_raw(answer)
            elif fault in _STATUS:
                self._refuse(fault)
            else:
                self._send(status, fault, _spoilt(answer, fault))

        def date_time_string(self, timestamp: float | None = None) -> str:
            moment = server.now() if timestamp is None else datetime.fromtimestamp(timestamp, UTC)
            return format_datetime(moment, usegmt=True)

        def _send_raw(self, raw: "Raw") -> None:
            self._start(200, raw.content_length or len(raw.body), raw.headers)
            for chunk in raw.chunks():
                if server.closing.wait(raw.pause_s) or not self._write(chunk):
                    break
            self.close_connection = True

        def _refuse(self, fault: Fault) -> None:
            headers: dict[str, str] = {}
            message = "Too much request weight used."
            if fault is Fault.RATE_LIMITED_SECONDS:
                headers["Retry-After"] = str(RETRY_AFTER_S)
            elif fault is Fault.BANNED:
                headers["Retry-After"] = str(BAN_S)
            elif fault is Fault.RATE_LIMITED_DATE:
                until = server.now() + timedelta(seconds=RETRY_AFTER_S)
                headers["Retry-After"] = format_datetime(until, usegmt=True)
            elif fault is Fault.BANNED_UNTIL:
                until = server.now() + timedelta(seconds=BAN_S)
                message = f"Way too many requests; IP banned until {int(until.timestamp() * 1000)}."
            body = json.dumps({"code": -1003, "msg": message}).encode()
            self._start(_STATUS[fault], len(body), headers)
            self._write(body)

        def _send(self, status: int, fault: Fault, body: bytes) -> None:
            if fault is Fault.RESET:
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            elif fault is Fault.HANG:
                server.closing.wait(10)
            else:
                half = fault in (Fault.TRUNCATED, Fault.HANG_IN_BODY)
                # Said, since a client that asks again before it sees the end of the connection would lose that attempt.
                self._start(status, len(body), {"Connection": "close"} if fault is not Fault.NONE else {})
                self._write(body[: len(body) // 2] if half else body)
                if fault is Fault.HANG_IN_BODY:
                    server.closing.wait(10)
            self.close_connection = fault is not Fault.NONE

        def _start(self, status: int, length: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, text in {"Content-Length": str(length), **server.headers(), **headers}.items():
                self.send_header(name, text)
            self.end_headers()

        def _write(self, body: bytes) -> bool:
            try:
                self.wfile.write(body)
            except OSError:
                return False
            return True

        def finish(self) -> None:
            if self.connection.fileno() >= 0:
                super().finish()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
            """Say nothing: a test reads `asked`."""

    return Handler


@dataclass(frozen=True)
class Raw:
    """A reply given byte by byte: `pause_s` between chunks of `chunk_bytes`."""

    body: bytes
    chunk_bytes: int = 65_536
    pause_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    content_length: int | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the body in pieces."""
        return (self.body[i : i + self.chunk_bytes] for i in range(0, len(self.body), self.chunk_bytes))

    @classmethod
    def zipped(cls, body: bytes) -> "Raw":
        """Return `body` as a gzip-encoded reply."""
        return cls(gzip.compress(body), headers={"Content-Encoding": "gzip"})


def _not_found(_: Query) -> Any:
    raise HttpError(404, {"msg": "not found"})


def _spoilt(answer: Any, fault: Fault) -> bytes:
    if fault is Fault.NOT_JSON:
        return b"<html><body>maintenance</body></html>"
    if fault is Fault.WRONG_SHAPE:
        answer = {"unexpected": {"shape": [1, 2]}}
    if fault is Fault.NOT_NUMBERS and isinstance(answer, list):
        answer = [["n/a"] * 12 for _ in answer] or "n/a"
    if fault is Fault.OVERLAP and isinstance(answer, list):
        answer = [row for row in answer for _ in range(2)]
    if fault is Fault.BACKWARDS and isinstance(answer, list):
        answer = answer[::-1]
    body = json.dumps(answer).encode()
    return body[: 2 * len(body) // 3] if fault is Fault.CUT_JSON else body
