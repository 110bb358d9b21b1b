"""SQL over the lake: a DuckDB session that reads the lake's files and nothing else, and writes nothing.

Belongs here: views, limits of the session, errors of queries. Not here: reads for Python code (`lake.reader`).

Views: each table by its name, current rows only; `bars_history` and `forecasts_history`, all versions;
`latest_bars`, the last current bar of each symbol and timeframe, found by the log's statistics. It imports neither
pandas nor NumPy; `run` imports pyarrow, `answer` does not.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from bot_core_dagster.errors import QueryError
from bot_core_dagster.lake.log import DataFile, Snapshot, exists
from bot_core_dagster.lake.read_only import require_read_only
from bot_core_dagster.lake.snapshots import newest_snapshot
from bot_core_dagster.lake.table import RECORDED_AT, SUPERSEDED_AT

if TYPE_CHECKING:
    import pyarrow as pa

LATEST: Final = "latest_bars"
_HISTORY: Final = "_history"
_POINT_IN_TIME: Final = ("bars", "forecasts")
"""Tables that keep every version; repeated from their declarations (a test compares), so that SQL starts at once."""
_WORD: Final = re.compile(r"\w+")
_FETCHED_ROWS: Final = 1_000
_NUMBERS: Final = frozenset(
    {"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"}
    | {"float", "double", "decimal"}
)


@dataclass(frozen=True)
class Answer:
    """The answer to a query, while its session is open.

    columns : their names
    is_number : whether each column holds numbers
    rows : tuples of Python objects, to be read once; a time in UTC has a zone; they come as DuckDB finds them, so that
        an answer of any length takes little memory
    """

    columns: tuple[str, ...]
    is_number: tuple[bool, ...]
    rows: Iterator[tuple[Any, ...]]


def table_folders(root: Path) -> list[Path]:
    """Return the folders of the lake's tables, sorted by name."""
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and exists(folder))


def run(root: Path, query: str, max_rows: int | None = None) -> "pa.Table":
    """Run one SELECT (or SHOW, DESCRIBE, SUMMARIZE) over the lake's views.

    Parameters
    ----------
    query : str
        One statement of DuckDB's SQL; the zone of times is UTC.
    max_rows : int, optional
        Rows to return at most.

    Raises
    ------
    QueryError
        If it is wrong, is no SELECT, or tries to read or write anything outside the lake's tables.
    """
    with _asked(root, query) as connection:
        relation = connection.sql(query)
        if relation is None:
            raise QueryError("the query returned no rows and no columns; expected a SELECT")
        return (relation if max_rows is None else relation.limit(max_rows)).to_arrow_table()


@contextmanager
def answer(root: Path, query: str) -> Iterator[Answer]:
    """Run one SELECT, as `run` does, and give its rows one after the other while the block runs.

    Raises
    ------
    QueryError
        As `run`; also out of the block, where a later row cannot be computed.
    """
    with _asked(root, query) as connection:
        found = connection.execute(query)
        names, types = zip(*((name, kind.id) for name, kind, *_ in found.description), strict=True)
        yield Answer(names, tuple(kind in _NUMBERS for kind in types), _rows(found))


def _rows(found: Any) -> Iterator[tuple[Any, ...]]:
    while batch := found.fetchmany(_FETCHED_ROWS):
        yield from batch


@contextmanager
def _asked(root: Path, query: str) -> Iterator[Any]:
    """Open a session that may read what the query names, and close it; what DuckDB refuses is a QueryError."""
    connection = duckdb.connect(":memory:")
    try:
        require_read_only(connection, query)
        _make_views(connection, root, query.lower())
        _restrict(connection, root)
        yield connection
    except duckdb.Error as error:
        raise QueryError(f"{_first_lines(error)}; views: {', '.join(_view_names(root))}") from None
    finally:
        connection.close()


def _first_lines(error: duckdb.Error) -> str:
    return " ".join(str(error).split("\n\nLINE")[0].split())


def _restrict(connection: Any, root: Path) -> None:
    folder = _quoted(f"{root}/")
    for setting in (
        "python_enable_replacements=false",
        "autoinstall_known_extensions=false",
        "autoload_known_extensions=false",
        "allow_community_extensions=false",
        "temp_directory=''",
        f"allowed_directories=[{folder}]",
        "enable_external_access=false",
        "lock_configuration=true",
    ):
        connection.execute(f"SET {setting}")


def _view_names(root: Path) -> list[str]:
    names = [name for folder in table_folders(root) for name in _views_of(folder.name)]
    return names or ["none yet; bring bars in first: make run"]


def _views_of(table: str) -> list[str]:
    history = [f"{table}{_HISTORY}"] if table in _POINT_IN_TIME else []
    return [table, *history, *([LATEST] if table == "bars" else [])]


def _make_views(connection: Any, root: Path, query: str) -> None:
    connection.execute("SET TimeZone='UTC'")
    folders = table_folders(root)
    words = set(_WORD.findall(query))
    named = [folder for folder in folders if words.intersection(_views_of(folder.name))]
    for folder in named or folders:
        snapshot = newest_snapshot(folder)
        name = folder.name
        wanted = [view for view in _views_of(name) if view in words or not named]
        if f"{name}{_HISTORY}" in wanted:
            _view(connection, snapshot, f"{name}{_HISTORY}", _scan(snapshot, snapshot.files, history=True))
        if name in wanted:
            _view(connection, snapshot, name, _current(snapshot, snapshot.files))
        if LATEST in wanted:
            _view(connection, snapshot, LATEST, _latest(snapshot))


def _view(connection: Any, snapshot: Snapshot, name: str, select: str) -> None:
    if not select:
        import pyarrow as pa

        fields = [field for field in snapshot.schema if field.name != SUPERSEDED_AT]
        connection.register(f"_no_{name}", pa.schema(fields).empty_table())
        select = f"SELECT * FROM _no_{name}"  # noqa: S608 - a table's name is an identifier
    connection.execute(f"CREATE VIEW {name} AS {select}")


def _current(snapshot: Snapshot, files: Iterable[DataFile]) -> str:
    """Select current rows; files without superseded rows need no filter (measured: a tenth of the time)."""
    whole = [file for file in files if file.n_current == file.n_rows]
    partly = [file for file in files if 0 < file.n_current < file.n_rows]
    selects = [_scan(snapshot, whole), _scan(snapshot, partly, where=f"WHERE {SUPERSEDED_AT} IS NULL")]
    return " UNION ALL BY NAME ".join(select for select in selects if select)


def _latest(snapshot: Snapshot) -> str:
    last: dict[tuple[str, ...], DataFile] = {}
    for file in snapshot.files:
        if file.n_current and (file.series not in last or (file.last or 0) > (last[file.series].last or 0)):
            last[file.series] = file
    current = _current(snapshot, last.values())
    order = "PARTITION BY symbol, timeframe ORDER BY open_time DESC"
    return current and f"SELECT * FROM ({current}) QUALIFY row_number() OVER ({order}) = 1"  # noqa: S608 - our own view


def _scan(snapshot: Snapshot, files: Sequence[DataFile], where: str = "", *, history: bool = False) -> str:
    if not files:
        return ""
    by_columns: dict[str, list[str]] = defaultdict(list)
    for file in files:
        by_columns[file.columns].append(_quoted(f"{snapshot.folder}/{file.path}"))
    first = list(snapshot.log.metadata().partition_columns)
    last = [name for name in (RECORDED_AT, SUPERSEDED_AT) if name in snapshot.columns]
    left_out = ", ".join([*first, *last])
    kept = [name for name in last if history or name == RECORDED_AT]
    columns = ", ".join([*first, f"* EXCLUDE ({left_out})", *kept])
    paths = ",".join(path for group in by_columns.values() for path in group)
    union = f", union_by_name={str(len(by_columns) > 1).lower()}"
    options = f"hive_partitioning=true, hive_types_autocast=false{union}"
    return f"SELECT {columns} FROM read_parquet([{paths}], {options}) {where}"  # noqa: S608 - quoted paths of our own


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
