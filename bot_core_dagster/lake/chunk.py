"""Chunks: the rows of one series and period, and the Parquet file that holds them.

Belongs here: which period a row belongs to, file names and what they tell, writing one file. Not here: which files are
part of the table (`lake.delta`).

A file's name is `<period>.<content hash>.<hash of its columns>-<random>.parquet`: files never change, so their names
tell their content.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake.content import rows_hashes, tree_hash
from bot_core_dagster.lake.periods import WHOLE, joined_hash, period_of, series_hash
from bot_core_dagster.lake.rows import Series, microseconds, months, series_codes, time_column
from bot_core_dagster.lake.table import BOOKKEEPING, RECORDED_AT, SUPERSEDED_AT, Table

_NOTHING: Final = (tree_hash("nothing", {}), 0)
_MAX_FOLDER_BYTES: Final = 255
_LAST_ASCII: Final = 127


@dataclass(frozen=True)
class DataFile:
    """A file of the table, as the log and its name tell.

    path : relative to the table's folder
    period : "2023", "2024-01" or "all"
    content, columns : hashes of its current rows and of its schema
    n_rows, n_current : all versions, and those not superseded
    first, last : range of the time column, microseconds since 1970 UTC; None without one
    last_recorded : latest recorded_at or superseded_at, the same unit; None where the table has none
    """

    path: str
    series: Series
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
class Chunk:
    """Rows of one series and period, all versions, without the series columns, sorted by time, key and recorded_at.

    content : hash of the current rows, which the file is named after
    n_current : how many these are
    """

    series: Series
    period: str
    rows: "pa.Table"
    time: str | None
    content: str
    n_current: int


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


def folder_of(series: Series, table: Table) -> str:
    """Return the hive folder of a series, relative to the table's; DuckDB and Delta decode it to the exact values.

    Raises
    ------
    LakeError
        If a value is too long for a folder's name.
    """
    folders = [f"{name}={_encoded(value)}" for name, value in zip(table.series_columns, series, strict=True)]
    for folder in folders:
        n_bytes = len(folder.encode())
        if n_bytes > _MAX_FOLDER_BYTES:
            raise LakeError(f"{folder[:40]}... has {n_bytes} bytes as a folder's name; at most {_MAX_FOLDER_BYTES} fit")
    return "/".join(folders)


def _encoded(value: str) -> str:
    if value.isascii():
        return quote(value, safe="")
    return "".join(character if ord(character) > _LAST_ASCII else quote(character, safe="") for character in value)


def chunks_of(
    rows: "pa.Table", dirty: np.ndarray[Any, Any], table: Table, periods: Mapping[Series, Collection[str]]
) -> list[Chunk]:
    """Cut rows into the chunks that hold a dirty row.

    Parameters
    ----------
    rows : Table with series columns and, where the table has them, bookkeeping columns
    dirty : bool array, a row that was added or altered
    periods : per series, the periods that files hold already: a row goes to the file that covers its month
    """
    if not len(rows):
        return []
    time = time_column(table, rows.schema)
    codes, targets = _chunk_codes(rows, table, time, periods)
    keep = np.flatnonzero((np.bincount(codes, weights=dirty) > 0)[codes])
    kept = rows.take(keep) if len(keep) < len(rows) else rows
    kept = kept.append_column("_chunk", pa.array(codes[keep]))
    within = [*((time,) if time else ()), *table.row_key, *((RECORDED_AT,) if RECORDED_AT in rows.column_names else ())]
    by = ["_chunk", *dict.fromkeys(within)]
    kept = kept.sort_by([(name, "ascending") for name in by]).combine_chunks()
    order = kept["_chunk"].to_numpy()
    kept = kept.drop_columns(["_chunk", *table.series_columns])
    present, starts = np.unique(order, return_index=True)
    contents = _contents(kept, order, time if table.is_monthly else None, {code: targets[code][1] for code in present})
    chunks = []
    for code, start, end in zip(present, starts, [*starts[1:], len(kept)], strict=True):
        rows_of_chunk = kept.slice(start, end - start)
        series, period = targets[code]
        content, n_current = contents.get(code, _NOTHING)
        chunks.append(Chunk(series, period, rows_of_chunk, time, content, n_current))
    return chunks


def _contents(
    rows: "pa.Table", codes: np.ndarray[Any, Any], time: str | None, periods: Mapping[int, str]
) -> dict[int, tuple[str, int]]:
    """Return content hash and number of the current rows of each chunk that has some."""
    if SUPERSEDED_AT in rows.column_names and rows[SUPERSEDED_AT].null_count < len(rows):
        is_current = rows[SUPERSEDED_AT].is_null()
        rows, codes = rows.filter(is_current), codes[is_current.to_numpy()]
    month = months(rows[time]) if time is not None else np.zeros(len(rows), dtype="datetime64[M]")
    is_first = np.ones(len(rows), dtype=np.bool_)
    is_first[1:] = (codes[1:] != codes[:-1]) | (month[1:] != month[:-1])
    starts = np.flatnonzero(is_first).tolist()
    hashes = rows_hashes(rows, starts, [*starts[1:], len(rows)])
    by_month: dict[int, dict[str, str]] = defaultdict(dict)
    for start, value in zip(starts, hashes, strict=True):
        by_month[codes[start]][str(month[start])] = value
    counts = np.bincount(codes)
    return {code: (joined_hash(periods[code], parts), int(counts[code])) for code, parts in by_month.items()}


def _chunk_codes(
    rows: "pa.Table", table: Table, time: str | None, periods: Mapping[Series, Collection[str]]
) -> tuple[np.ndarray[Any, Any], list[tuple[Series, str]]]:
    codes, names = series_codes(rows, table)
    if not table.is_monthly or time is None:
        return codes, [(name, WHOLE) for name in names]
    month = months(rows[time])
    base = month.min()
    width = int((month.max() - base).astype(int)) + 1
    combined, codes = np.unique(codes * width + (month - base).astype(int), return_inverse=True)
    targets = [(names[code // width], str(base + int(code % width))) for code in combined]
    chosen = [(name, period_of(text, periods.get(name, ()))) for name, text in targets]
    distinct = sorted(set(chosen))
    position = {target: index for index, target in enumerate(distinct)}
    return np.array([position[target] for target in chosen])[codes], distinct


def series_content(files: Collection[DataFile]) -> str:
    """Return the content hash of a series from the names of its files."""
    return series_hash({file.period: file.content for file in files if file.n_current})


def write_chunk(folder: Path, chunk: Chunk, table: Table) -> DataFile:
    """Write a chunk to a new file in its series' folder, which exists; neither the log nor the disk knows it yet."""
    columns = _columns_hash(chunk.rows.schema)
    home = folder_of(chunk.series, table)
    path = f"{home}/{chunk.period}.{chunk.content}.{columns}-{uuid4().hex[:12]}.parquet"
    target = folder / path
    texts = [field.name for field in chunk.rows.schema if pa.types.is_string(field.type)]
    try:
        with pa.OSFile(str(target), "wb") as sink:
            pq.write_table(chunk.rows, sink, compression="snappy", use_dictionary=texts)
    except OSError:
        target.unlink(missing_ok=True)
        raise
    first, last = _range(chunk.rows, chunk.time)
    recorded = [_range(chunk.rows, name)[1] for name in BOOKKEEPING if name in chunk.rows.column_names]
    return DataFile(
        path=path,
        series=chunk.series,
        period=chunk.period,
        content=chunk.content,
        columns=columns,
        size_bytes=target.stat().st_size,
        n_rows=len(chunk.rows),
        n_current=chunk.n_current,
        first=first,
        last=last,
        last_recorded=max((moment for moment in recorded if moment is not None), default=None),
    )


def _columns_hash(schema: "pa.Schema") -> str:
    names = sorted(f"{field.name}:{field.type}" for field in schema)
    return hashlib.sha256("|".join(names).encode()).hexdigest()[:8]


def _range(rows: "pa.Table", name: str | None) -> tuple[int | None, int | None]:
    if name is None or rows[name].null_count == len(rows):
        return None, None
    known = microseconds(rows[name].drop_null())
    return int(known.min()), int(known.max())


def statistics(file: DataFile, table: Table, time: str | None) -> str:
    """Return the Delta statistics of a file: counts, the range of its time column, when it was last recorded."""
    low: dict[str, str] = {}
    high: dict[str, str] = {}
    nulls: dict[str, int] = {}
    if time is not None and file.first is not None and file.last is not None:
        low[time], high[time] = _text(file.first), _text(file.last)
    if table.point_in_time:
        nulls[SUPERSEDED_AT] = file.n_current
        if file.last_recorded is not None:
            high[RECORDED_AT] = _text(file.last_recorded)
    return json.dumps({"numRecords": file.n_rows, "minValues": low, "maxValues": high, "nullCount": nulls})


def _text(microsecond: int) -> str:
    return f"{np.datetime64(microsecond, 'us')}Z"
