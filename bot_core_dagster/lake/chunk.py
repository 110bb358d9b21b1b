"""Chunks: the rows of one series and period, which one file holds.

Belongs here: which rows go together, in which order, and what they are as content. Not here: files (`lake.data_file`),
lengths of periods (`lake.periods`).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from bot_core_dagster.lake.content import rows_hashes, tree_hash
from bot_core_dagster.lake.keys import (
    IntArray,
    Series,
    closed_up,
    is_ascending,
    microseconds,
    months,
    row_numbers,
    series_codes,
)
from bot_core_dagster.lake.periods import WHOLE, joined_hash, period_of
from bot_core_dagster.lake.rows import rows_at, time_column
from bot_core_dagster.lake.table import BOOKKEEPING, RECORDED_AT, SUPERSEDED_AT, Table

_NOTHING: Final = (tree_hash("nothing", {}), 0)
_EVER: Final = np.iinfo(np.int64)


@dataclass(frozen=True)
class Chunk:
    """Rows of one series and period, all versions, without the series columns, sorted by time, key and recorded_at.

    content : hash of the current rows, which the file is named after
    n_current : how many these are
    first, last : range of the time column, microseconds since 1970 UTC; None without one
    last_recorded : latest recorded_at or superseded_at, the same unit; None where the table has none
    """

    series: Series
    period: str
    rows: "pa.Table"
    content: str
    n_current: int
    first: int | None
    last: int | None
    last_recorded: int | None


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
    own = rows_at(rows.drop_columns(list(table.series_columns)), keep)
    kept, codes = _in_order(own, codes[keep], table, time)
    starts = np.flatnonzero(np.diff(codes, prepend=-1)).tolist()
    periods_of = {code: targets[code][1] for code in codes[starts].tolist()}
    contents = _contents(kept, codes, time if table.is_monthly else None, periods_of)
    first, last = _extremes(kept, [time] if time else [], starts)
    _, recorded = _extremes(kept, BOOKKEEPING, starts)
    chunks = []
    for place, (start, end) in enumerate(zip(starts, [*starts[1:], len(kept)], strict=True)):
        code = int(codes[start])
        content, n_current = contents.get(code, _NOTHING)
        own = kept.slice(start, end - start)
        chunks.append(Chunk(*targets[code], own, content, n_current, first[place], last[place], recorded[place]))
    return chunks


def _in_order(rows: "pa.Table", codes: IntArray, table: Table, time: str | None) -> tuple["pa.Table", IntArray]:
    """Return the rows by chunk, time, key and recorded_at, in one piece, and the chunk of each."""
    by = dict.fromkeys([*((time,) if time else ()), *table.row_key])
    recorded = [rows[RECORDED_AT]] if RECORDED_AT in rows.column_names else []
    numbers = row_numbers([codes, *(rows[name] for name in by), *recorded])
    if not is_ascending(numbers):
        order = np.argsort(numbers, kind="stable")
        rows, codes = rows.take(order), codes[order]
    return rows.combine_chunks(), codes


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
    combined, codes = closed_up(codes * width + (month - base).astype(np.int64))
    targets = [(names[code // width], str(base + code % width)) for code in combined.tolist()]
    chosen = [(name, period_of(text, periods.get(name, ()))) for name, text in targets]
    distinct = sorted(set(chosen))
    position = {target: index for index, target in enumerate(distinct)}
    return np.array([position[target] for target in chosen])[codes], distinct


def _extremes(
    rows: "pa.Table", names: Sequence[str], starts: Sequence[int]
) -> tuple[list[int | None], list[int | None]]:
    """Return earliest and latest time of each stretch of rows, over these columns as far as there are any."""
    low, high = np.full(len(starts), _EVER.max), np.full(len(starts), _EVER.min)
    for name in names:
        if name not in rows.column_names or rows[name].null_count == len(rows):
            continue
        times, is_known = microseconds(rows[name]), rows[name].is_valid().to_numpy()
        low = np.minimum(low, np.minimum.reduceat(np.where(is_known, times, _EVER.max), starts))
        high = np.maximum(high, np.maximum.reduceat(np.where(is_known, times, _EVER.min), starts))
    is_none = (low > high).tolist()
    each = zip(low.tolist(), high.tolist(), is_none, strict=True)
    pairs = [(None, None) if none else (first, last) for first, last, none in each]
    return [first for first, _ in pairs], [last for _, last in pairs]
