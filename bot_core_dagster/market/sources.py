"""Which source an instrument's bars come from, and what is new there.

Belongs here: choosing a source by the settings and asking it for what the lake does not have yet. Not here: the sources
themselves, what is refused of their rows (`market.intake`), storage (`lake`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import SourceError
from bot_core_dagster.market.bar import SIMULATED, empty_bars
from bot_core_dagster.market.calendars import calendar, missing_bars
from bot_core_dagster.market.exchange import CcxtSource
from bot_core_dagster.market.files import FileSource
from bot_core_dagster.market.intake import Admission, admit
from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.market.source import BarSource, Fetched, Progress, joined
from bot_core_dagster.settings import Instrument, Settings
from bot_core_dagster.timeframe import require_utc

OVERLAP_BARS: Final = 24
"""Stored bars that every fetch asks for again, so that late and corrected ones are seen."""

REFETCH_SPAN: Final = timedelta(days=30)
"""How far back bars that are missing are asked for again; older ones come with `bot-core import` only."""

REFETCH_BARS: Final = 240
"""Bars from the first missing one on that a fetch asks for again: with the overlap a page of most exchanges."""


def bar_sources(settings: Settings) -> dict[str, BarSource]:
    """Return the source of each kind that a watchlist entry may name."""
    simulated = settings.sources.simulated
    return {
        SIMULATED: SimulatedSource(seed=simulated.seed, edge=simulated.edge),
        "file": FileSource(),
        "ccxt": CcxtSource(settings.sources.ccxt),
    }


def new_bars(
    sources: Mapping[str, BarSource],
    instrument: Instrument,
    *,
    history_start: datetime,
    last_open_time: datetime | None,
    now: datetime,
    missing_since: datetime | None = None,
    progress: Progress | None = None,
) -> Admission:
    """Return the admitted bars of `instrument` that closed since `last_open_time`, with `OVERLAP_BARS` before it.

    Parameters
    ----------
    last_open_time : datetime or None
        Newest stored bar; None for a symbol without bars, which is filled from `history_start`.
    missing_since : datetime or None
        As `first_to_refetch` gives it: `REFETCH_BARS` bars from there on are asked for again, too. Where that fails, a
        note says so and the new bars come all the same.

    Raises
    ------
    SourceError
        If the source cannot give the new ones.
    """
    source, length = sources[instrument.source], instrument.timeframe.delta
    start = history_start if last_open_time is None else last_open_time - OVERLAP_BARS * length
    if missing_since is None:
        return admit(source.fetch(instrument, start, now, progress), instrument)
    first = max(missing_since - OVERLAP_BARS * length, min(history_start, missing_since))
    until = missing_since + (REFETCH_BARS + OVERLAP_BARS) * length
    asked = Fetched(empty_bars(), notes=(f"bars are missing from {missing_since:%Y-%m-%d %H:%M} on: asked for again",))
    if start <= until:
        return admit(joined([asked, source.fetch(instrument, min(first, start), now, progress)]), instrument)
    new = source.fetch(instrument, start, now, progress)
    return admit(joined([asked, _fetched_again(source, instrument, first, until), new]), instrument)


def _fetched_again(source: BarSource, instrument: Instrument, start: datetime, end: datetime) -> Fetched:
    try:
        return source.fetch(instrument, start, end)
    except SourceError as error:
        return Fetched(empty_bars(), notes=(f"{error}; the next run asks again",))


def first_to_refetch(open_times: pd.DatetimeIndex, instrument: Instrument, now: datetime) -> datetime | None:
    """Return the open time from which on missing bars are to be asked for again; None where none is missing.

    Bars that a source does not have stay missing: so that these keep no others from being asked for, the runs take
    turns, each at another stretch of `REFETCH_BARS`, drawn by `now`.

    Parameters
    ----------
    open_times : DatetimeIndex of shape (n_bars,)
        Stored bars, in any order; those before `REFETCH_SPAN` do not matter.
    instrument : Instrument
        Its calendar says what is missing.
    now : datetime
        With a zone.
    """
    moment = require_utc(now, "now")
    recent = open_times[open_times >= pd.Timestamp(moment - REFETCH_SPAN)]
    length = instrument.timeframe.delta
    missing = missing_bars(recent, instrument.timeframe, calendar(instrument.calendar))
    if len(missing):
        missing = missing[missing < recent.max() - OVERLAP_BARS * length]
    firsts: list[datetime] = []
    while len(missing):
        firsts.append(missing[0].to_pydatetime())
        missing = missing[missing >= missing[0] + REFETCH_BARS * length]
    return firsts[np.random.default_rng(int(moment.timestamp())).integers(len(firsts))] if firsts else None
