"""Where bars come from: the one protocol that every source implements.

Belongs here: the protocol and the shape of its answer. Not here: the sources themselves (`market.simulated`,
`market.files`, `market.exchange`), what is refused of their rows (`market.intake`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import pandas as pd

from bot_core_dagster.market.bar import empty_bars
from bot_core_dagster.settings import Instrument

Progress = Callable[[float, str], None]
"""Called with the share done (0 to 1) and a message; for bars in terminals and observations in Dagster."""


@dataclass(frozen=True)
class Fetched:
    """What a source gave for one instrument: closed bars only, as they came, not yet checked.

    bars : bar frame (`market.bar.BAR_COLUMNS`), in the order of the source, duplicates and faults included
    quarantined : frame of `market.bar.QUARANTINE_COLUMNS`: rows that could not even be read as bars
    notes : what was detected or declared, in words a user reads (format, zone, label, price side)
    """

    bars: pd.DataFrame
    quarantined: pd.DataFrame | None = None
    notes: tuple[str, ...] = field(default=())


def joined(parts: Sequence[Fetched]) -> Fetched:
    """Return the rows of all parts as those of one answer, in their order; a note that several share is there once.

    Where one part alone has bars, they are its own frame: a copy of a year of minutes would take as long as its checks.
    """
    filled = [part.bars for part in parts if len(part.bars)]
    refused = [part.quarantined for part in parts if part.quarantined is not None and len(part.quarantined)]
    return Fetched(
        bars=pd.concat(filled, ignore_index=True) if len(filled) > 1 else filled[0] if filled else empty_bars(),
        quarantined=pd.concat(refused, ignore_index=True) if refused else None,
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


class BarSource(Protocol):
    """A source of bars for instruments."""

    @property
    def name(self) -> str:
        """Value of the bars' `source` column."""
        ...

    def fetch(
        self, instrument: Instrument, start: datetime, end: datetime, progress: Progress | None = None
    ) -> Fetched:
        """Return the closed bars of `instrument` with start <= open_time and close_time <= end (both UTC).

        Raises
        ------
        TransientSourceError
            If it may work later.
        SourceError
            If it will not.
        """
        ...
