"""What is stored in a table, in numbers.

Belongs here: counts and sizes, read from the log alone. Not here: the rows (`lake.reader`).
"""

from dataclasses import dataclass

from bot_core_dagster.lake.log import Snapshot


@dataclass(frozen=True)
class TableSummary:
    """What is stored in one table: current rows, symbols, data files and their bytes, the number of its last commit."""

    name: str
    n_rows: int
    n_symbols: int
    n_files: int
    size_bytes: int
    version: int


def summary_of(snapshot: Snapshot) -> TableSummary:
    """Return the summary of a table's version."""
    files = snapshot.files
    return TableSummary(
        name=snapshot.folder.name,
        n_rows=sum(file.n_current for file in files),
        n_symbols=len({file.series[0] for file in files if file.n_current}),
        n_files=len(files),
        size_bytes=sum(file.size_bytes for file in files),
        version=snapshot.version,
    )
