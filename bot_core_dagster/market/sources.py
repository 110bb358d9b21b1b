"""Which source an instrument's bars come from, and what is new there.

Belongs here: choosing a source by the settings and asking it for what the lake does not have yet. Not here: the sources
themselves, what is refused of their rows (`market.intake`), storage (`lake`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bot_core_dagster.market.bar import SIMULATED
from bot_core_dagster.market.exchange import CcxtSource
from bot_core_dagster.market.files import FileSource
from bot_core_dagster.market.intake import Admission, admit
from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.market.source import BarSource, Progress
from bot_core_dagster.settings import Instrument, Settings

OVERLAP_BARS: Final = 24
"""Stored bars that every fetch asks for again, so that late and corrected ones are seen."""


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
    progress: Progress | None = None,
) -> Admission:
    """Return the admitted bars of `instrument` that closed since `last_open_time`, with `OVERLAP_BARS` before it.

    Parameters
    ----------
    last_open_time : datetime or None
        Newest stored bar; None for a symbol without bars, which is filled from `history_start`.

    Raises
    ------
    SourceError
        If the source cannot give them.
    """
    overlap = OVERLAP_BARS * instrument.timeframe.delta
    start = history_start if last_open_time is None else last_open_time - overlap
    return admit(sources[instrument.source].fetch(instrument, start, now, progress), instrument)
