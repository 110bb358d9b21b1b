"""The identity of content: sha256 over canonical rows, whatever files hold them and in whatever order.

Belongs here: hashes of rows and of named hashes. Not here: which stretch of time is hashed (`lake.periods`), where
hashes are kept (file names: `lake.data_file`).

A tree: rows of a month → month → quarter → year → series → symbol, so that a write rehashes the months that it touched.
NaN equals null, -0.0 equals 0.0, a column that is null throughout a month does not count, bookkeeping times do not
count.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from bot_core_dagster.lake.keys import ranked
from bot_core_dagster.lake.table import BOOKKEEPING

_TEXT_BYTES: Final = 16


def rows_hashes(rows: "pa.Table", starts: Sequence[int], ends: Sequence[int]) -> list[str]:
    """Return the sha256 of each stretch of rows.

    Parameters
    ----------
    rows : Table of current rows, sorted by series and key, without the series columns
    starts, ends : first row and row after the last of each stretch
    """
    digests = [hashlib.sha256(f"rows {end - start}".encode()) for start, end in zip(starts, ends, strict=True)]
    for name in sorted(set(rows.column_names) - set(BOOKKEEPING)):
        column = rows[name]
        heading = f"|{name}:{column.type}|".encode()
        values, is_null = _canonical(column)
        has_nulls = bool(is_null.any())
        is_float = pa.types.is_floating(column.type)
        for digest, start, end in zip(digests, starts, ends, strict=True):
            if has_nulls and (missing := is_null[start:end]).any():
                if missing.all():
                    continue
                digest.update(heading)
                digest.update(b"" if is_float else np.packbits(missing).tobytes())
            else:
                digest.update(heading)
            digest.update(values[start:end].tobytes())
    return [digest.hexdigest() for digest in digests]


def tree_hash(kind: str, parts: dict[str, str]) -> str:
    """Return the sha256 of named hashes, in the order of their names."""
    text = kind + "".join(f"|{len(name)}:{name}={value}" for name, value in sorted(parts.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(column: "pa.ChunkedArray") -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return values of one fixed width, those of nulls alike, and which are null; both of shape (n_rows,)."""
    if pa.types.is_floating(column.type):
        numbers = column.to_numpy() + 0.0
        is_null = np.isnan(numbers)
        numbers[is_null] = np.nan
        return numbers.astype("<f8", copy=False), is_null
    is_null = column.is_null().to_numpy() if column.null_count else np.zeros(len(column), dtype=np.bool_)
    if pa.types.is_string(column.type):
        return _text_digests(column), is_null
    whole = column.cast(pa.int32()).cast(pa.int64()) if pa.types.is_date(column.type) else column.cast(pa.int64())
    return (whole.fill_null(0) if column.null_count else whole).to_numpy().astype("<i8", copy=False), is_null


def _text_digests(column: "pa.ChunkedArray") -> np.ndarray[Any, Any]:
    ranks, texts = ranked(column)
    digests = [hashlib.sha256(text.encode()).digest()[:_TEXT_BYTES] for text in texts.to_pylist()]
    known = np.frombuffer(b"".join([*digests, bytes(_TEXT_BYTES)]), dtype=f"V{_TEXT_BYTES}")
    return np.broadcast_to(known[0], len(ranks)) if len(texts) == 1 and not column.null_count else known[ranks]
