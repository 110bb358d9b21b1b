"""The exchange as a source of bars: page after page, resumable at any of them.

Belongs here: where the next page begins, when the pages end, what becomes of a failure in the middle. Not here: one
page's request (`client`) and its rows (`page`).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pandas as pd

from bot_core_dagster.errors import SourceError, TimeError, TransientSourceError
from bot_core_dagster.market.bar import empty_bars
from bot_core_dagster.market.exchange.clock import SYSTEM_CLOCK, Clock
from bot_core_dagster.market.exchange.page import Window, read_page
from bot_core_dagster.market.source import Fetched, Progress
from bot_core_dagster.settings import CcxtSettings, Instrument
from bot_core_dagster.timeframe import require_utc

if TYPE_CHECKING:
    from bot_core_dagster.market.exchange.client import ExchangeClient

DEADLINE_S: Final = 600.0
"""A fetch ends by then with what it has; the next one goes on from there."""

_MAX_STALE_PAGES: Final = 2
_MS: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class CcxtSource:
    """Closed bars of any exchange that ccxt knows; a `market.source.BarSource`.

    Parameters
    ----------
    settings : CcxtSettings
        Exchange, time-out of connecting and of reading in s, attempts a request, another host.
    clock : Clock
        Time and waiting.
    deadline_s : float
        Seconds after which `fetch` begins no further request.
    """

    def __init__(self, settings: CcxtSettings, clock: Clock = SYSTEM_CLOCK, deadline_s: float = DEADLINE_S) -> None:
        self._settings = settings
        self._clock = clock
        self._deadline_s = deadline_s
        self._clients: dict[bool, ExchangeClient] = {}

    @property
    def name(self) -> str:
        """Value of the bars' `source` column."""
        return f"ccxt:{self._settings.exchange}"

    def fetch(
        self, instrument: Instrument, start: datetime, end: datetime, progress: Progress | None = None
    ) -> Fetched:
        """Return the closed bars with start <= open_time and close_time <= end (both UTC), sorted by time.

        What arrived before a failure is returned, with a note that says where it stopped.

        Raises
        ------
        TransientSourceError
            If nothing arrived, and it may work later.
        SourceError
            If nothing arrived, and it will not: unknown market, no such timeframe, refused.
        UnknownNameError
            If ccxt knows no exchange of that name.
        TimeError
            If a time has no zone or the range ends before it starts.
        """
        pages: list[Fetched] = []
        failure: SourceError | None = None
        try:
            for page in self.pages(instrument, start, end, progress):
                pages.append(page)  # noqa: PERF402 - extend() would lose what arrived before the failure
        except SourceError as error:
            if not any(len(page.bars) for page in pages):
                raise
            failure = error
        return self._joined(instrument, start, end, pages, failure)

    def pages(
        self, instrument: Instrument, start: datetime, end: datetime, progress: Progress | None = None
    ) -> Iterator[Fetched]:
        """Return the bars of `fetch` page by page, so that each can be stored before the next is asked for.

        No bar comes twice. Raises as `fetch` does, but also after pages were given: these are good, and the next call
        may start at the close of their last bar.
        """
        start, end = require_utc(start, "start"), require_utc(end, "end")
        if end < start:
            raise TimeError(f"expected start <= end, came {start.isoformat()} and {end.isoformat()}; swap them")
        if instrument.price_side != "trade":
            raise SourceError(
                f"{self.name} gives trade prices, {instrument.symbol} is declared as {instrument.price_side}; "
                'set its price_side to "trade" in bot_core.toml'
            )
        return self._pages(instrument, start, end, progress)

    def _pages(
        self, instrument: Instrument, start: datetime, end: datetime, progress: Progress | None
    ) -> Iterator[Fetched]:
        deadline = self._clock.monotonic() + self._deadline_s
        client = self._client(instrument)
        market = client.market(instrument, deadline)
        page_bars, step = client.page_bars(market), instrument.timeframe.ms
        since, n_stale = -((_EPOCH - start) // _MS), 0
        while since + step <= (until := _ms(min(end, client.pace.now()))):
            self._require_time_left(deadline, since)
            window = Window(since, until, latest=_ms(client.pace.now()) + step)
            limit = min(page_bars, (until - since) // step + 1)
            rows = client.candles(market, str(instrument.timeframe), since, limit, deadline)
            page = read_page(rows, window, instrument, self.name)
            n_stale = n_stale + 1 if page.is_stale else 0
            self._require_progress(n_stale, since)
            since = since + limit * step if page.last_open is None else page.last_open + step
            if progress:
                share = min(1.0, timedelta(milliseconds=since - _ms(start)) / (end - start))
                progress(share, f"{instrument.symbol} {instrument.timeframe}: bars until {_time(min(since, until))}")
            if len(page.bars) or len(page.quarantined):
                yield Fetched(page.bars, page.quarantined)

    def _client(self, instrument: Instrument) -> "ExchangeClient":
        from bot_core_dagster.market.exchange.client import ExchangeClient  # ccxt takes 0.4 s to import

        is_spot = ":" not in instrument.symbol
        if is_spot not in self._clients:
            self._clients[is_spot] = ExchangeClient(self._settings, self._clock, is_spot=is_spot)
        return self._clients[is_spot]

    def _require_time_left(self, deadline: float, since: int) -> None:
        if self._clock.monotonic() > deadline:
            raise TransientSourceError(
                f"{self.name}: {self._deadline_s:g} s did not do for all pages, {_time(since)} is next; fetch again"
            )

    def _require_progress(self, n_stale: int, since: int) -> None:
        if n_stale == _MAX_STALE_PAGES:
            raise SourceError(
                f"{self.name}: asked for bars since {_time(since)}, only older ones came, {n_stale} times running; "
                "the exchange ignores the start: use another, or a file"
            )

    def _joined(
        self, instrument: Instrument, start: datetime, end: datetime, pages: list[Fetched], failure: SourceError | None
    ) -> Fetched:
        filled = [page.bars for page in pages if len(page.bars)]
        bars = pd.concat(filled, ignore_index=True) if filled else empty_bars()
        refused = [page.quarantined for page in pages if page.quarantined is not None and len(page.quarantined)]
        quarantined = pd.concat(refused, ignore_index=True) if refused else None
        return Fetched(bars, quarantined, self._notes(instrument, start, end, bars, failure))

    def _notes(
        self, instrument: Instrument, start: datetime, end: datetime, bars: pd.DataFrame, failure: SourceError | None
    ) -> tuple[str, ...]:
        length = instrument.timeframe.delta
        notes = [f"{self.name}: trade prices, volume in {instrument.base}, times are UTC and label the open"]
        if bars.empty:
            return (*notes, f"no closed bars between {start.isoformat()} and {end.isoformat()}")
        first, last = bars["open_time"].iloc[0], bars["close_time"].iloc[-1]
        if first >= start + length:
            notes.append(f"asked from {start.isoformat()}, the first bar is {first.isoformat()}")
        if failure:
            notes.append(f"stopped at {last.isoformat()}: {failure}; the next fetch resumes there")
        return tuple(notes)


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // _MS


def _time(ms: int) -> str:
    return (_EPOCH + ms * _MS).isoformat()
