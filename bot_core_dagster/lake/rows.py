"""Rows in the types of the lake, cut into series: the bridge between frames and files.

Belongs here: canonical column types, key columns, series of rows. Not here: files (`lake.chunk`), what a write does to
stored rows (`lake.merge`).
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bot_core_dagster.errors import LakeError, TimeError
from bot_core_dagster.lake.table import BOOKKEEPING, Table

if TYPE_CHECKING:
    import pandas as pd

Series = tuple[str, ...]
"""Values of a table's series columns, e.g. ("BTCUSDT", "1h")."""

TIME: Final = pa.timestamp("us", tz="UTC")


def rows_of_frame(frame: "pd.DataFrame", table: Table, stored: "pa.Schema | None") -> "pa.Table":
    """Return the frame in canonical types: us UTC times, int64, float64 (NaN is null), bool, str; equal rows once.

    Columns come in the order series, key, others; a column that `stored` knows gets its type.

    Raises
    ------
    LakeError
        If a key column is missing, two different rows share a key, or a type cannot be kept.
    TimeError
        If a time has no zone.
    """
    missing = [name for name in table.key if name not in frame.columns]
    if missing:
        raise LakeError(
            f"table {table.name}: expected the key columns {', '.join(table.key)}; missing {', '.join(missing)}"
        )
    order = [*table.series_columns, *table.row_key]
    order += [name for name in frame.columns if name not in order and name not in BOOKKEEPING]
    frame = _each_key_once(frame[order], table)
    try:
        rows = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        raise LakeError(f"table {table.name}: expected one type a column, got: {error}") from None
    fields = [pa.field(field.name, _kept_type(field, table, stored)) for field in rows.schema]
    try:
        return rows.cast(pa.schema(fields))
    except pa.ArrowInvalid as error:
        raise LakeError(f"table {table.name}: a column does not fit its stored type: {error}") from None


def _each_key_once(frame: "pd.DataFrame", table: Table) -> "pd.DataFrame":
    twice = frame.duplicated(list(table.key), keep=False)
    if not twice.any():
        return frame
    frame = frame.drop_duplicates()
    twice = frame.duplicated(list(table.key))
    if twice.any():
        first = frame.loc[twice, list(table.key)].iloc[0].to_dict()
        raise LakeError(
            f"table {table.name}: expected one row a key, got two that differ for {first}; quarantine them first"
        )
    return frame


def _kept_type(field: "pa.Field", table: Table, stored: "pa.Schema | None") -> "pa.DataType":
    kind = field.type
    if pa.types.is_timestamp(kind) and kind.tz is None:
        raise TimeError(
            f"table {table.name}: column {field.name} has naive times; give them a zone: dt.tz_localize('UTC')"
        )
    if stored is not None and field.name in stored.names:
        return stored.field(field.name).type
    if pa.types.is_timestamp(kind):
        return TIME
    for matches, kept in _KEPT:
        if matches(kind):
            return kept
    raise LakeError(
        f"table {table.name}: column {field.name} is {kind}; expected text, numbers, booleans, dates or times"
    )


_KEPT: Final[tuple[tuple[Any, "pa.DataType"], ...]] = (
    (pa.types.is_boolean, pa.bool_()),
    (pa.types.is_integer, pa.int64()),
    (pa.types.is_floating, pa.float64()),
    (pa.types.is_date, pa.date32()),
    (pa.types.is_dictionary, pa.string()),
    (pa.types.is_string, pa.string()),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_null, pa.string()),
)


def time_column(table: Table, schema: "pa.Schema") -> str | None:
    """Return the first key column that holds times; None where the table has none."""
    for name in table.row_key:
        if name in schema.names and pa.types.is_timestamp(schema.field(name).type):
            return name
    return None


def series_codes(rows: "pa.Table", table: Table) -> tuple[np.ndarray[Any, Any], list[Series]]:
    """Return the series of each row as an index, and the series in sorted order.

    Raises
    ------
    LakeError
        If a series column holds a null or an empty text.
    """
    codes = np.zeros(len(rows), dtype=np.int64)
    names: list[Series] = [()]
    for column in table.series_columns:
        values = pc.unique(rows[column]).to_pylist()
        if None in values or "" in values:
            raise LakeError(f"table {table.name}: column {column} has an empty value; expected a name in every row")
        values = sorted(values)
        codes = codes * len(values) + np.asarray(pc.index_in(rows[column], pa.array(values)), dtype=np.int64)
        names = [(*name, value) for name in names for value in values]
    present, codes = np.unique(codes, return_inverse=True)
    return codes, [names[code] for code in present]


def microseconds(column: "pa.ChunkedArray") -> np.ndarray[Any, Any]:
    """Return times as int64 microseconds since 1970 UTC; a null is 0."""
    whole = column.cast(pa.int64())
    result: np.ndarray[Any, Any] = (whole.fill_null(0) if column.null_count else whole).to_numpy()
    return result


def months(column: "pa.ChunkedArray") -> np.ndarray[Any, Any]:
    """Return the UTC calendar month of each time as datetime64[M]."""
    result: np.ndarray[Any, Any] = microseconds(column).view("datetime64[us]").astype("datetime64[M]")
    return result
