"""How fast an exchange may be asked, and what time it is there, learnt from its replies.

Belongs here: Retry-After, bans, the used request weight, the Date header. Not here: sending (`transport`), giving up
(`client`).

Source: Binance, "LIMITS" of the spot API documentation: 429 when a limit is passed, 418 when requests go on after 429,
`Retry-After` in seconds with both, `X-MBX-USED-WEIGHT-1M` with every reply.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from bot_core_dagster.market.exchange.clock import Clock
from bot_core_dagster.market.exchange.transport import Reply

DEFAULT_WEIGHT_PER_MINUTE: Final = 1_200
"""Binance's limit until 2023, its lowest; replaced by the one that the exchange states."""

_USABLE_SHARE: Final = 0.8
"""The limit is per address, which other programs may share: stop this much short of it."""

_BANNED_UNTIL: Final = re.compile(r"banned until (\d{13})")


class Pace:
    """What one exchange said about its clock and its limits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._weight_limit = DEFAULT_WEIGHT_PER_MINUTE
        self._weight_used = 0
        self._date: datetime | None = None
        self._date_seen_at = 0.0

    def now(self) -> datetime:
        """Return the exchange's time, never ahead of it; the local time until it has given its own.

        The Date header is cut to the second and was written before the reply arrived, so that adding the time since
        then cannot overtake the exchange's clock: a bar that is closed by this time is closed there.
        """
        if self._date is None:
            return self._clock.now()
        return self._date + timedelta(seconds=self._clock.monotonic() - self._date_seen_at)

    def learn(self, reply: Reply) -> None:
        """Take in the headers of a reply."""
        date = _http_date(reply.headers.get("Date", ""))
        if date is not None:
            self._date, self._date_seen_at = date, self._clock.monotonic()
        used = reply.headers.get("X-MBX-USED-WEIGHT-1M", "")
        if used.isdecimal():
            self._weight_used = int(used)

    def learn_limits(self, exchange_info: Any) -> None:
        """Take in the weight per minute that Binance's exchangeInfo states; others state none."""
        limits = exchange_info.get("rateLimits", []) if isinstance(exchange_info, dict) else []
        for limit in limits:
            if limit["rateLimitType"] == "REQUEST_WEIGHT" and limit["interval"] == "MINUTE":
                self._weight_limit = int(limit["limit"]) // int(limit["intervalNum"])

    def wait_before_request_s(self) -> float:
        """Return the seconds until the next request is welcome: to the next minute where the weight is nearly used."""
        if self._weight_used < _USABLE_SHARE * self._weight_limit:
            return 0.0
        self._weight_used = 0
        now = self.now()
        return 60.0 - now.second - now.microsecond / 1e6

    def wait_asked_for_s(self, reply: Reply | None) -> float | None:
        """Return the seconds that an error reply asks to wait, None where it asks for none."""
        if reply is None or reply.status < 400:
            return None
        until = _BANNED_UNTIL.search(reply.head)
        if until:
            return max(0.0, int(until[1]) / 1000 - self.now().timestamp())
        text = reply.headers.get("Retry-After", "").strip()
        date = _http_date(text)
        if date is not None:
            return max(0.0, (date - self.now()).total_seconds())
        return _seconds(text)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
