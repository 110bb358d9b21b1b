"""Where each stored series ends, and where it has bars missing that a source should be asked for again.

Belongs here: reading what is needed to know it, for many instruments at once. Not here: what is asked for
(`market.sources`), what is missing (`market.calendars`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot_core_dagster.lake.lake import Lake
from bot_core_dagster.market.sources import REFETCH_SPAN, first_to_refetch
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import require_utc

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class StoredTimes:
    """Open time of the newest bar (None without bars), and where missing ones are to be asked for (None if nowhere)."""

    last: datetime | None
    missing_since: datetime | None


def stored_times(lake: Lake, instruments: Sequence[Instrument], now: datetime) -> dict[str, StoredTimes]:
    """Return where each instrument's bars on its own timeframe end, and where it is to be asked again.

    Instruments whose bars come from files are never asked again.

    Raises
    ------
    TimeError
        If `now` is naive.
    LakeError
        If the files of one of them cannot be read.
    """
    found: dict[str, StoredTimes] = {}
    since = require_utc(now, "now") - REFETCH_SPAN
    for timeframe in {one.timeframe for one in instruments}:
        alike = {one.symbol: one for one in instruments if one.timeframe == timeframe}
        recent = lake.open_times(list(alike), timeframe, since)
        stale = [symbol for symbol, open_times in recent.items() if not len(open_times)]
        ever = recent | lake.open_times(stale, timeframe, _EVER)
        for symbol, one in alike.items():
            last = ever[symbol].max().to_pydatetime() if len(ever[symbol]) else None
            first = None if one.source == "file" else first_to_refetch(recent[symbol], one, now)
            found[symbol] = StoredTimes(last, first)
    return found
