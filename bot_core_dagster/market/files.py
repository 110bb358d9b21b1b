"""The file source: instruments whose bars a user imports.

Belongs here: the `BarSource` of such instruments. Not here: reading files (`market.formats`), the import (`cli`).
"""

from datetime import datetime

from bot_core_dagster.market.bar import empty_bars
from bot_core_dagster.market.source import Fetched, Progress
from bot_core_dagster.settings import Instrument


class FileSource:
    """Gives no bars of its own accord: they come through `bot-core import`."""

    @property
    def name(self) -> str:
        """Value of the `source` column, completed by the file's name at import."""
        return "file"

    def fetch(
        self,
        instrument: Instrument,
        start: datetime,  # noqa: ARG002 the protocol's
        end: datetime,  # noqa: ARG002 the protocol's
        progress: Progress | None = None,
    ) -> Fetched:
        """Return no bars, and a note that says where they come from."""
        if progress:
            progress(1.0, f"{instrument.symbol} comes from files")
        command = f"bot-core import FILE --symbol {instrument.symbol} --timeframe {instrument.timeframe}"
        return Fetched(empty_bars(), notes=(f"{instrument.symbol} comes from files: {command}",))
