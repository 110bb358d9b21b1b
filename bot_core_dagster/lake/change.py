"""What a write changed in one symbol.

Belongs here: the answer of every writing method. Not here: how it is found out (`lake.merge`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SeriesChange:
    """What one write changed in one symbol, over all of its series in the table.

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
