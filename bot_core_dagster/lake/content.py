"""The identity of content: sha256 over canonical rows, whatever files hold them and in whatever order.

Belongs here: hashes of rows, months, years, series, symbols. Not here: where they are kept (file names: `lake.chunk`).

A tree: rows of a month → month → year → series → symbol, so that a write rehashes the months that it touched. NaN
equals null, -0.0 equals 0.0, a column that is null throughout a month does not count, bookkeeping times do not count.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from bot_core_dagster.lake.table import BOOKKEEPING


def rows_hash(rows: "pa.Table") -> str:
    """Return the sha256 of current rows of one series, sorted by their key, without the series columns."""
    digest = hashlib.sha256(f"rows {len(rows)}".encode())
    for name in sorted(rows.column_names):
        column = rows[name]
        if name in BOOKKEEPING or column.null_count == len(column):
            continue
        digest.update(f"|{name}:{column.type}|".encode())
        _update(digest, column)
    return digest.hexdigest()


def tree_hash(kind: str, parts: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """Return the sha256 of named hashes, in the order of their names."""
    pairs = sorted(dict(parts).items())
    text = kind + "".join(f"|{len(name)}:{name}={value}" for name, value in pairs)
    return hashlib.sha256(text.encode()).hexdigest()


def _update(digest: Any, column: "pa.ChunkedArray") -> None:
    kind = column.type
    if pa.types.is_string(kind):
        coded = column.combine_chunks().dictionary_encode()
        digest.update(repr(coded.dictionary.to_pylist()).encode())
        indices = coded.indices.fill_null(-1) if coded.null_count else coded.indices
        digest.update(indices.to_numpy(zero_copy_only=False).astype("<i4").tobytes())
    elif pa.types.is_floating(kind):
        numbers = column.to_numpy() + 0.0
        digest.update(np.where(np.isnan(numbers), np.nan, numbers).astype("<f8").tobytes())
    else:
        whole = column.cast(pa.int32() if pa.types.is_date(kind) else pa.int64())
        if column.null_count:
            digest.update(np.packbits(column.is_null().to_numpy()).tobytes())
            whole = whole.fill_null(0)
        digest.update(whole.to_numpy().astype("<i8").tobytes())
