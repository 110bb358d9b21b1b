"""A selection: the series of a table that one replacement, or one content hash, is about.

Belongs here: which series and files are meant, and that rows are of them. Not here: what is done to them
(`lake.writer`), ranges of time (`lake.reader`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake.keys import Series
from bot_core_dagster.lake.log import DataFile
from bot_core_dagster.lake.table import Table

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Selection:
    """Series of a table: those of some symbols, with these values in other series columns.

    Parameters
    ----------
    table : Table
    symbols : tuple of str
    within : mapping of str to str
        Series column -> its value, e.g. {"strategy": "rsi"}; all series of the symbols where it is empty.

    Raises
    ------
    LakeError
        If `within` names `symbol`, or a column that is no series column of the table.
    """

    table: Table
    symbols: tuple[str, ...]
    within: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        others = self.table.series_columns[1:]
        unknown = [name for name in self.within if name not in others]
        if unknown:
            raise LakeError(
                f"table {self.table.name}: within names {', '.join(unknown)}, expected series columns other than "
                f"symbol: {', '.join(others) or 'none'}; partition_by of the table decides what can be chosen"
            )

    def __contains__(self, series: Series) -> bool:
        """Return whether a series is meant."""
        named = zip(self.table.series_columns[1:], series[1:], strict=True)
        return series[0] in self.symbols and all(self.within.get(name, text) == text for name, text in named)

    def of(self, files: Iterable[DataFile]) -> list[DataFile]:
        """Return the files whose series are meant."""
        return [file for file in files if file.series in self]

    def require(self, rows: "pa.Table") -> None:
        """Raise unless every row is of a series that is meant.

        Raises
        ------
        LakeError
            If a row is of another symbol, or contradicts `within`; the message names what was found.
        """
        strangers = set(rows["symbol"].unique().to_pylist()) - set(self.symbols)
        if strangers:
            raise LakeError(
                f"table {self.table.name}: the frame holds {_few(strangers)}, expected only symbols whose "
                f"content it replaces: {', '.join(self.symbols)}; name them too"
            )
        for name, text in self.within.items():
            others = set(rows[name].unique().to_pylist()) - {text}
            if others:
                raise LakeError(
                    f"table {self.table.name}: the frame holds rows of {name} {_few(others)}, expected only {text}, "
                    "whose content it replaces; leave them out, or give them a replacement of their own"
                )


def _few(names: set[str | None]) -> str:
    return ", ".join(sorted(map(str, names))[:3])
