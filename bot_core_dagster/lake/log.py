"""A table's log: its last version, and the files that are part of it.

Belongs here: what the log and the names of files tell, without opening one. Not here: commits (`lake.delta`), file
contents (`lake.data_file`). It imports neither NumPy nor pyarrow, nor pandas, so that `bot-core sql` starts at once.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from arro3.core import DataType
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake.table import RECORDED_AT, SUPERSEDED_AT

if TYPE_CHECKING:
    import pyarrow as pa


class DataFile(NamedTuple):
    """A file of the table, as the log and its name tell.

    path : relative to the table's folder
    series : values of the table's series columns, e.g. ("BTCUSDT", "1h")
    period : "2023", "2024-01" or "all"
    content, columns : hashes of its current rows and of its schema
    n_rows, n_current : all versions, and those not superseded
    first, last : range of the time column, microseconds since 1970 UTC; None without one
    last_recorded : latest recorded_at or superseded_at, the same unit; None where the table has none
    """

    path: str
    series: tuple[str, ...]
    period: str
    content: str
    columns: str
    size_bytes: int
    n_rows: int
    n_current: int
    first: int | None = None
    last: int | None = None
    last_recorded: int | None = None


@dataclass(frozen=True)
class Snapshot:
    """A version of a table: its log as it was read, and its files."""

    folder: Path
    log: DeltaTable
    files: tuple[DataFile, ...]

    @property
    def version(self) -> int:
        """Number of the last commit that it sees."""
        return int(self.log.version())

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the table's columns."""
        return _columns(self.log)

    @cached_property
    def schema(self) -> "pa.Schema":
        """Names and types of the table's columns."""
        import pyarrow as pa

        return pa.schema(self.log.schema().to_arrow())

    def of(self, symbols: Collection[str]) -> list[DataFile]:
        """Return the files of these symbols."""
        wanted = set(symbols)
        return [file for file in self.files if file.series[0] in wanted]


def exists(folder: Path) -> bool:
    """Return whether there is a Delta table in `folder`."""
    log = folder / "_delta_log"
    return (log / f"{0:020}.json").is_file() or (log / "_last_checkpoint").is_file()


def read_snapshot(folder: Path, series_columns: Sequence[str] | None = None) -> Snapshot:
    """Read the table's last version.

    Raises
    ------
    LakeError
        If the log cannot be read, or cuts the table into other series than `series_columns`.
    """
    try:
        log = DeltaTable(str(folder))
        actions = log.get_add_actions(flatten=True)
    except (DeltaError, OSError) as error:
        raise LakeError(
            f"table {folder.name}: its log cannot be read: {error}; restore {folder} from a copy"
        ) from error
    names = tuple(log.metadata().partition_columns)
    if series_columns is not None and names != tuple(series_columns):
        raise LakeError(
            f"table {folder.name} is of another layout: expected series by {', '.join(series_columns)}, got by "
            f"{', '.join(names)}; next: where CHANGELOG.md, Coming from an older checkout, says that it is computed "
            f"again, rm -r {folder}, then bot-core run"
        )
    return Snapshot(folder, log, tuple(_data_files(actions, names, _columns(log))))


def _columns(log: DeltaTable) -> tuple[str, ...]:
    return tuple(field.name for field in log.schema().fields)


def _data_files(actions: Any, series_columns: tuple[str, ...], columns: tuple[str, ...]) -> Iterator[DataFile]:
    """Yield the files that a table of delta-rs names: how long they reach is told by the first column with a range."""
    there = set(actions.column_names)

    def told(name: str) -> list[Any]:
        if name not in there:
            return [None] * actions.num_rows
        values = actions.column(name)
        found: list[Any] = (values.cast(DataType.int64()) if DataType.is_timestamp(values.type) else values).to_pylist()
        return found

    times = [name for name in columns if f"max.{name}" in there and name != RECORDED_AT]
    time = next((name for name in times if actions.column(f"max.{name}").null_count < actions.num_rows), "")
    series = zip(*(told(f"partition.{name}") for name in series_columns), strict=True)
    facts = zip(
        told("path"), series, told("size_bytes"), told("num_records"), told(f"null_count.{SUPERSEDED_AT}"),
        told(f"min.{time}"), told(f"max.{time}"), told(f"max.{RECORDED_AT}"), strict=True,
    )  # fmt: skip
    decoded = cache(unquote)
    for encoded, values, size, n_rows, n_current, first, last, recorded in facts:
        home, _, name = encoded.rpartition("/")
        path = f"{decoded(home)}/{name}"
        period, content, hashed = read_name(path)
        current = n_rows if n_current is None else n_current
        yield DataFile(path, values, period, content, hashed, size, n_rows, current, first, last, recorded)


def read_name(path: str) -> tuple[str, str, str]:
    """Return period, content hash and columns hash that a file's name tells.

    Raises
    ------
    LakeError
        If Bot Core did not write the file.
    """
    parts = path.rsplit("/", 1)[-1].split(".")
    if len(parts) != 4:
        raise LakeError(f"{path} was not written by Bot Core, whose lake other tools may read only; restore the table")
    return parts[0], parts[1], parts[2].split("-")[0]
