"""Keys as integers: which rows are of one series or month, share a key, and in which order they stand.

Belongs here: numbers in place of texts and times, since whole columns of integers are compared, sorted and searched
fastest. Not here: what a write makes of rows that share a key (`lake.merge`), files (`lake.data_file`).
"""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake.table import Table

IntArray = np.ndarray[Any, np.dtype[np.int64]]

Series = tuple[str, ...]
"""Values of a table's series columns, e.g. ("BTCUSDT", "1h")."""

_DAY_US: Final = 86_400_000_000
_MAX_NUMBERS: Final = 2**62


def microseconds(column: "pa.ChunkedArray") -> IntArray:
    """Return times as int64 microseconds since 1970 UTC; a null is 0."""
    whole = column.cast(pa.int64())
    result: IntArray = (whole.fill_null(0) if column.null_count else whole).to_numpy()
    return result


def months(column: "pa.ChunkedArray") -> np.ndarray[Any, Any]:
    """Return the UTC calendar month of each time as datetime64[M]."""
    days = microseconds(column) // _DAY_US
    first, last = (days.min(), days.max()) if len(days) else (0, 0)
    month_of_day: np.ndarray[Any, Any] = np.arange(first, last + 1).astype("datetime64[D]").astype("datetime64[M]")
    return month_of_day[days - first]


def series_codes(rows: "pa.Table", table: Table) -> tuple[IntArray, list[Series]]:
    """Return the series of each row as an index, and the series in sorted order.

    Raises
    ------
    LakeError
        If a series column holds a null or an empty text.
    """
    codes = np.zeros(len(rows), dtype=np.int64)
    names: list[Series] = [()]
    for column in table.series_columns:
        ranks, values = ranked(rows[column])
        texts = values.to_pylist()
        if rows[column].null_count or "" in texts:
            raise LakeError(f"table {table.name}: column {column} has an empty value; expected a name in every row")
        codes = codes * len(texts) + ranks
        names = [(*name, text) for name in names for text in texts]
    if len(names) <= 1:
        return codes, names
    present, codes = closed_up(codes)
    return codes, [names[code] for code in present.tolist()]


def ranked(column: "pa.ChunkedArray") -> tuple[IntArray, "pa.Array"]:
    """Return the place of each row's value among the sorted distinct values, and these; nulls are past the last.

    One value throughout, as series columns often hold, is seen without an index of values (measured: in a quarter of
    the time).
    """
    column = pc.add(column, 0.0) if pa.types.is_floating(column.type) else column
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if len(whole) and not whole.null_count and pc.all(pc.equal(whole, whole[0])).as_py():
        return np.broadcast_to(np.int64(0), len(whole)), whole.slice(0, 1)
    coded = whole.dictionary_encode()
    values = coded.dictionary
    order = pc.sort_indices(values).to_numpy()
    places = np.full(len(values) + 1, len(values))
    places[order] = np.arange(len(values))
    return places[coded.indices.fill_null(len(values))], values.take(order)


def row_numbers(columns: Iterable["pa.ChunkedArray | IntArray"]) -> IntArray:
    """Return a number for each row, in the order of the rows by these columns and equal where these are.

    Parameters
    ----------
    columns : Arrow columns, or integers from 0 on; each of shape (n_rows,)
        The first counts most. Null equals null and comes last; NaN is a null; -0.0 equals 0.0.
    """
    numbers: IntArray = np.zeros(1, dtype=np.int64)
    n_numbers = 1
    for column in columns:
        own, n_own = _own_numbers(column)
        if n_numbers * n_own > _MAX_NUMBERS:
            present, numbers = closed_up(numbers)
            n_numbers = len(present)
        if n_numbers * n_own > _MAX_NUMBERS:
            present, own = closed_up(own)
            n_own = len(present)
        numbers, n_numbers = numbers * n_own + own, n_numbers * n_own
    return numbers


def closed_up(numbers: IntArray) -> tuple[IntArray, IntArray]:
    """Return the distinct numbers in order, and the place of each number among them.

    The sort is the one that knows runs: stored rows are a few of them (measured on 34,000 rows of 50 files: in a fifth
    of `np.unique`'s time).
    """
    order = np.argsort(numbers, kind="stable")
    in_order = numbers[order]
    is_first = np.ones(len(numbers), dtype=np.bool_)
    np.not_equal(in_order[1:], in_order[:-1], out=is_first[1:])
    places = np.empty(len(numbers), dtype=np.int64)
    places[order] = np.cumsum(is_first) - 1
    return in_order[is_first], places


def is_ascending(numbers: IntArray) -> bool:
    """Return whether each number is greater than the one before it: in order, and none twice."""
    return bool((numbers[1:] > numbers[:-1]).all())


def places_of(wanted: IntArray, there: IntArray) -> IntArray:
    """Return where each wanted number is in `there`, which has none twice; -1 where it is not."""
    if not len(there):
        return np.full(len(wanted), -1)
    order = np.arange(len(there)) if is_ascending(there) else np.argsort(there, kind="stable")
    in_order = there[order]
    at = np.minimum(np.searchsorted(in_order, wanted), len(there) - 1)
    return np.where(in_order[at] == wanted, order[at], -1)


def _own_numbers(column: "pa.ChunkedArray | IntArray") -> tuple[IntArray, int]:
    """Return numbers from 0 on of one column, and a bound that all are under."""
    if isinstance(column, np.ndarray):
        return column, int(column.max(initial=0)) + 1
    if pa.types.is_timestamp(column.type) and not column.null_count and len(column):
        times = microseconds(column)
        first = int(times.min())
        if int(times.max()) - first < _MAX_NUMBERS:
            return times - first, int(times.max()) - first + 1
    ranks, values = ranked(column)
    return ranks, len(values) + 1
