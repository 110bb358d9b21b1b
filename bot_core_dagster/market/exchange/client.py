"""One exchange through ccxt: its markets, its pages of candles, and when to give up.

Belongs here: naming exchange, market and timeframe as ccxt does, retries, which errors pass. Not here: bytes
(`transport`), waiting times that the exchange states (`pace`), bars (`page`), where the next page begins (`source`).
"""

import difflib
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import ccxt
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from bot_core_dagster.errors import SourceError, TransientSourceError, UnknownNameError
from bot_core_dagster.market.exchange.clock import Clock
from bot_core_dagster.market.exchange.pace import Pace
from bot_core_dagster.market.exchange.page import is_candle
from bot_core_dagster.market.exchange.transport import BoundedSession
from bot_core_dagster.settings import CcxtSettings, Instrument

_MAX_PAGE_BARS: Final = 1_000
_USUAL_PAGE_BARS: Final = 500

_TRANSIENT_STATUS: Final = frozenset({403, 408, 418, 425, 429})
"""Binance answers 403 for a passed limit of its firewall; 5xx are transient too."""

_MISREAD: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What ccxt's parsers raise on JSON of a shape they do not expect."""

_BACKOFF: Final = wait_random_exponential(multiplier=1.0, max=60.0)

T = TypeVar("T")


class ExchangeClient:
    """A ccxt exchange that answers for markets of one kind: spot, or everything else."""

    def __init__(self, settings: CcxtSettings, clock: Clock, *, is_spot: bool) -> None:
        self._settings = settings
        self._clock = clock
        self._pace = Pace(clock)
        self._session = BoundedSession(settings.timeout_s, clock)
        self._ccxt = _ccxt_exchange(settings, clock, self._session)
        _load_only(self._ccxt, is_spot=is_spot)

    @property
    def pace(self) -> Pace:
        """The exchange's clock and limits."""
        return self._pace

    def market(self, instrument: Instrument, deadline: float) -> str:
        """Return ccxt's symbol of `instrument`, once its market and timeframe are known to exist.

        A symbol with a slash is ccxt's own, e.g. BTC/USDT:USDT for a perpetual; another is found by base and quote.

        Raises
        ------
        SourceError
            If the exchange has no such market or timeframe.
        """
        name, timeframes = self._settings.exchange, self._ccxt.timeframes or {}
        if self._ccxt.has["fetchOHLCV"] is not True or instrument.timeframe not in timeframes:
            raise SourceError(
                f"{name} gives no {instrument.timeframe} bars; it has: {', '.join(timeframes) or 'none'}; "
                f"set timeframe of {instrument.symbol} in bot_core.toml to one of them"
            )
        if not self._ccxt.markets:
            self._call("list of markets", self._load_markets, deadline)
        symbol = instrument.symbol if "/" in instrument.symbol else f"{instrument.base}/{instrument.quote}"
        if symbol not in self._ccxt.markets:
            near = ", ".join(difflib.get_close_matches(symbol, self._ccxt.symbols, n=5)) or "none"
            raise SourceError(
                f"{name} has no market {symbol}; near: {near}; "
                f"check symbol, base and quote of {instrument.symbol} in bot_core.toml"
            )
        return symbol

    def page_bars(self, symbol: str) -> int:
        """Return how many candles the exchange gives at once."""
        stated = self._ccxt.feature_value(symbol, "fetchOHLCV", "limit", _USUAL_PAGE_BARS)
        return min(int(stated or _USUAL_PAGE_BARS), _MAX_PAGE_BARS)

    def candles(self, symbol: str, timeframe: str, since: int, limit: int, deadline: float) -> list[Any]:
        """Return one page as ccxt reads it: rows of [open_time in ms, open, high, low, close, volume].

        Parameters
        ----------
        since : int
            Open time in ms since 1970 that the page should begin at; exchanges differ in how they take it.
        deadline : float
            Monotonic time in s after which no further attempt is begun.

        Raises
        ------
        TransientSourceError
            If the attempts were used up.
        SourceError
            If the exchange refuses for good.
        """

        def page() -> list[Any]:
            rows = list(self._ccxt.fetch_ohlcv(symbol, timeframe, since, limit))
            if rows and not any(map(is_candle, rows)):
                raise TransientSourceError(
                    f"expected candles, came {len(rows)} rows like {str(rows[0])[:60]}; try again"
                )
            return rows

        return self._call(f"{symbol} {timeframe}", page, deadline)

    def _load_markets(self) -> None:
        self._ccxt.enableLastJsonResponse = True
        markets = self._ccxt.load_markets()
        if not markets:
            raise TransientSourceError("expected a list of markets, an empty one came; try again")
        self._pace.learn_limits(self._ccxt.last_json_response)
        self._ccxt.enableLastJsonResponse = False
        self._ccxt.last_json_response = None

    def _call(self, what: str, request: Callable[[], T], deadline: float) -> T:
        retrying = Retrying(
            retry=retry_if_exception_type(TransientSourceError),
            wait=self._wait_s,
            stop=lambda state: self._has_to_stop(state, deadline),
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            answer: T = retrying(self._attempt, what, request)
        except TransientSourceError as error:
            n_attempts = retrying.statistics["attempt_number"]
            raise TransientSourceError(
                f"{self._settings.exchange}: {what}: no usable answer in {n_attempts} attempts, the last: {error}"
            ) from error
        return answer

    def _attempt(self, what: str, request: Callable[[], T]) -> T:
        wait_s = self._pace.wait_before_request_s()
        if wait_s > 0:
            self._clock.sleep(wait_s)
        self._session.last_reply = None
        try:
            return request()
        except ccxt.BaseError as error:
            raise self._translated(what, error) from error
        except _MISREAD as error:
            raise TransientSourceError(f"the reply is not what {what} should be ({error!r}); try again") from error
        finally:
            if self._session.last_reply:
                self._pace.learn(self._session.last_reply)

    def _translated(self, what: str, error: Exception) -> SourceError:
        reply = self._session.last_reply
        message = " ".join(str(error).split())[:200]
        if _may_pass(error, reply.status if reply else None):
            wait_s = self._pace.wait_asked_for_s(reply)
            step = "try again later" if wait_s is None else f"try again in {wait_s:.0f} s"
            return TransientSourceError(f"{type(error).__name__}: {message}; {step}")
        step = "check the instrument in bot_core.toml"
        if reply is None or reply.status in (404, 451):
            step = "set [sources.ccxt] base_url to a host that serves you, or another exchange"
        return SourceError(f"{self._settings.exchange} refuses {what}: {type(error).__name__}: {message}; {step}")

    def _wait_s(self, state: RetryCallState) -> float:
        asked_for = self._pace.wait_asked_for_s(self._session.last_reply)
        return _BACKOFF(state) if asked_for is None else asked_for

    def _has_to_stop(self, state: RetryCallState, deadline: float) -> bool:
        is_used_up = state.attempt_number >= self._settings.max_attempts
        return is_used_up or self._clock.monotonic() + state.upcoming_sleep > deadline


def _may_pass(error: Exception, status: int | None) -> bool:
    if status is None or status < 400:
        return isinstance(error, ccxt.OperationFailed)
    return status >= 500 or status in _TRANSIENT_STATUS


def _ccxt_exchange(settings: CcxtSettings, clock: Clock, session: BoundedSession) -> Any:
    if settings.exchange not in ccxt.exchanges:
        near = ", ".join(difflib.get_close_matches(settings.exchange, ccxt.exchanges, n=5)) or "none"
        raise UnknownNameError(
            f"ccxt knows no exchange {settings.exchange!r}; near: {near}; "
            f"set [sources.ccxt] exchange to one of ccxt's {len(ccxt.exchanges)}"
        )
    base = getattr(ccxt, settings.exchange)

    def throttle(exchange: Any, cost: float | None = None) -> None:
        """Wait as ccxt does, on our clock."""
        elapsed_ms = exchange.milliseconds() - exchange.lastRestRequestTimestamp
        wait_ms = exchange.rateLimit * (1 if cost is None else cost) - elapsed_ms
        if wait_ms > 0:
            clock.sleep(wait_ms / 1000)

    def parse_ohlcvs(exchange: Any, ohlcvs: Any, market: Any = None, *_: Any, **__: Any) -> list[Any]:
        """Read every row: ccxt's own drops those outside of what was asked, and a server's faults with them."""
        return [exchange.parse_ohlcv(row, market) for row in ohlcvs or []]

    own = type(base.__name__, (base,), {"throttle": throttle, "parse_ohlcvs": parse_ohlcvs})
    exchange = own({"session": session, "enableRateLimit": True})
    if settings.base_url:
        exchange.urls["api"] = _moved(exchange.urls["api"], settings.base_url.rstrip("/"))
    return exchange


def _load_only(exchange: Any, *, is_spot: bool) -> None:
    """Keep ccxt from listing kinds of markets that will not be asked for, where the exchange lists them apart."""
    choice = exchange.options.get("fetchMarkets")
    if isinstance(choice, dict) and "spot" in choice.get("types", []):
        others = [kind for kind in choice["types"] if kind not in ("spot", "option")]
        choice["types"] = ["spot"] if is_spot else others


def _moved(urls: Any, base_url: str) -> Any:
    if isinstance(urls, dict):
        return {key: _moved(url, base_url) for key, url in urls.items()}
    if not isinstance(urls, str):
        return urls
    parts = urlsplit(urls)
    return base_url + urlunsplit(("", "", parts.path, parts.query, ""))
