"""Rows in the types of the lake: the bridge between frames and files.

Belongs here: canonical column types, one row a key. Not here: keys as numbers (`lake.keys`), files (`lake.data_file`),
what a write does to stored rows (`lake.merge`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from bot_core_dagster.errors import LakeError, TimeError
from bot_core_dagster.lake.keys import is_ascending, row_numbers
from bot_core_dagster.lake.table import BOOKKEEPING, Table

if TYPE_CHECKING:
    import pandas as pd

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
    rows = _canonical_rows(frame, order, table, stored)
    numbers = row_numbers(rows[name] for name in table.key)
    if is_ascending(numbers) or len(np.unique(numbers)) == len(rows):
        return rows
    return _canonical_rows(_each_key_once(frame[order], table), order, table, stored)


def _canonical_rows(
    frame: "pd.DataFrame", order: Sequence[str], table: Table, stored: "pa.Schema | None"
) -> "pa.Table":
    columns = {}
    for name in order:
        try:
            columns[name] = _array(frame[name])
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
            raise LakeError(
                f"table {table.name}: column {name}: expected one type a column, got: {error}; make it one"
            ) from None
    rows = pa.table(columns)
    fields = [pa.field(field.name, _kept_type(field, table, stored)) for field in rows.schema]
    try:
        return rows.cast(pa.schema(fields))
    except pa.ArrowInvalid as error:
        raise LakeError(f"table {table.name}: a column does not fit its stored type: {error}") from None


def _array(column: "pd.Series[Any]") -> "pa.Array | pa.ChunkedArray":
    """Return the column in Arrow; one text throughout is converted once (measured: in a third of the time)."""
    from pandas.api.types import infer_dtype

    if column.dtype == object and infer_dtype(column, skipna=False) == "string":
        texts = column.tolist()
        if texts.count(texts[0]) == len(texts):
            return pa.repeat(texts[0], len(texts))
    return pa.Array.from_pandas(column)


def _each_key_once(frame: "pd.DataFrame", table: Table) -> "pd.DataFrame":
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


def rows_at(rows: "pa.Table", places: np.ndarray[Any, Any]) -> "pa.Table":
    """Return the rows at these places; a run of them is a view, not a copy."""
    if len(places) and (np.diff(places) == 1).all():
        return rows.slice(places[0], len(places))
    return rows.take(places)
