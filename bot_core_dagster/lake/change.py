"""What a write changed in one symbol.

Belongs here: the answer of every writing method. Not here: what is counted (`lake.merge`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot_core_dagster.lake.identity import symbol_content
from bot_core_dagster.lake.log import DataFile
from bot_core_dagster.lake.merge import Tallies, Tally

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SeriesChange:
    """What one write changed in one symbol, over all of its series in the table, or those that it was restricted to.

    n_new, n_changed, n_unchanged : rows that were given, by what they met under their key
    n_removed : rows that were current and are so no longer, with no successor under their key
    n_rows : current rows afterwards
    earliest_change : earliest time (key's time column, UTC) of a new, changed or removed row; None without one
    content_hash : sha256 of the current content afterwards, as in `Lake.content_hashes`
    """

    symbol: str
    n_new: int
    n_changed: int
    n_unchanged: int
    n_removed: int
    n_rows: int
    earliest_change: "pd.Timestamp | None"
    content_hash: str

    @property
    def has_changed(self) -> bool:
        """Whether the write changed any current row."""
        return bool(self.n_new or self.n_changed or self.n_removed)


def changes_of(files: Iterable[DataFile], tallies: Tallies) -> dict[str, SeriesChange]:
    """Return the change of each tallied symbol, whose files after the write are among these."""
    by_symbol: dict[str, list[DataFile]] = defaultdict(list)
    for file in files:
        by_symbol[file.series[0]].append(file)
    return {symbol: _change(symbol, tally, by_symbol[symbol]) for symbol, tally in tallies.items()}


def _change(symbol: str, tally: Tally, files: Sequence[DataFile]) -> SeriesChange:
    import pandas as pd

    earliest = pd.Timestamp(min(tally.times), unit="us", tz="UTC").as_unit("us") if tally.times else None
    n_rows = sum(file.n_current for file in files)
    counts = (tally.n_new, tally.n_changed, tally.n_unchanged, tally.n_removed)
    return SeriesChange(symbol, *counts, n_rows, earliest, symbol_content(files))
