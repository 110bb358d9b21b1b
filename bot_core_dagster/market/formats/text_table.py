"""Text tables: lines of delimited text as columns of strings and numbers, each row with its line number.

Belongs here: splitting lines, turning text into numbers, saying which rows cannot. Not here: times (`time_text`), which
column is which (one file per format).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.payload import Payload
from bot_core_dagster.market.formats.raw_bars import VALUES, joined, unread_rows

DELIMITERS: Final = (",", "\t", ";")
MAX_COLUMNS: Final = 64
_SHOWN: Final = 40
_NUMBER: Final = r"^(?i)[+-]?(\d+\.?\d*|\.\d+|nan|inf|infinity)([eE][+-]?\d+)?$"


@dataclass(frozen=True)
class TextTable:
    """The rows of a text that have the right number of columns.

    header : the column names in lower case, without <> and quotes; empty where there is no header
    columns : one Arrow array of strings per column, of length n_rows
    line : int64 of shape (n_rows,), from 1
    unread : rows with another number of columns
    """

    header: tuple[str, ...]
    columns: tuple[pa.ChunkedArray, ...]
    line: npt.NDArray[np.int64]
    unread: pd.DataFrame

    def where(self, keep: npt.NDArray[np.bool_], unread: pd.DataFrame) -> "TextTable":
        """Return the table of the rows to keep, with `unread` added."""
        if keep.all():
            return TextTable(self.header, self.columns, self.line, joined(self.unread, unread))
        columns = tuple(column.filter(pa.array(keep)) for column in self.columns)
        return TextTable(self.header, columns, self.line[keep], joined(self.unread, unread))


def delimiter_of(line: str) -> str:
    """Return the delimiter that splits `line` most often: comma, tab or semicolon."""
    return max(DELIMITERS, key=line.count)


def header_names(line: str) -> tuple[str, ...]:
    """Return the cells of a line as column names: lower case, without blanks, quotes and <> around them."""
    return tuple(cell.strip().strip("\"'<>").strip().lower() for cell in line.split(delimiter_of(line)))


def text_table(payload: Payload, *, has_header: bool) -> TextTable:
    """Split a text into columns; rows with another number of columns than its first line are unread.

    Raises
    ------
    FormatError
        If it has no rows or more than MAX_COLUMNS columns.
    """
    first = payload.first_lines(1)[0]
    n_columns = first.count(delimiter_of(first)) + 1
    if n_columns > MAX_COLUMNS:
        raise FormatError(f"{payload.name}: {n_columns} columns in line 1; expected at most {MAX_COLUMNS}")
    odd: list[tuple[int, str]] = []

    def set_aside(row: csv.InvalidRow) -> str:
        odd.append(
            (
                row.number,
                f"wrong number of columns ({row.actual_columns} instead of {n_columns}: {row.text[:_SHOWN]!r})",
            )
        )
        return "skip"

    columns = _split(payload, delimiter_of(first), n_columns, has_header, set_aside)
    odd_line = np.array([number for number, _ in odd], dtype="int64")
    first_line = 1 + has_header
    line = np.arange(first_line, first_line + len(columns[0]) + len(odd), dtype="int64")
    if odd:
        line = np.setdiff1d(line, odd_line, assume_unique=True)
    header = header_names(first) if has_header else ()
    table = TextTable(header, columns, line, unread_rows(odd_line, [reason for _, reason in odd]))
    table = _without_blank_lines(table)
    if not len(table.line):
        raise FormatError(f"{payload.name}: no rows; expected bars")
    return table


def numbers(table: TextTable, places: dict[str, int]) -> tuple[pd.DataFrame, npt.NDArray[np.bool_], pd.DataFrame]:
    """Turn columns of `table` into a float64 frame of VALUES.

    Parameters
    ----------
    table : TextTable
    places : dict
        Position of the column of each of VALUES that the file has; the others become NaN.

    Returns
    -------
    values : DataFrame of shape (n_rows, 6)
        Read only: its columns may be those of `table`.
    keep : ndarray of bool, shape (n_rows,)
        False where a cell is no number; an empty volume or spread is NaN, not a fault.
    unread : DataFrame
        Those rows, with the reason.
    """
    keep = np.ones(len(table.line), dtype=bool)
    values = {name: np.full(len(table.line), np.nan) for name in VALUES if name not in places}
    unread = []
    for name, place in places.items():
        values[name], is_bad = _floats(table.columns[place], may_be_empty=name in ("volume", "spread"))
        bad = np.flatnonzero(is_bad & keep)
        if len(bad):
            cells = table.columns[place].take(pa.array(bad)).to_pylist()
            reasons = [f"{name} is not a number ({cell[:_SHOWN]!r})" for cell in cells]
            unread.append(unread_rows(table.line[bad], reasons))
            keep &= ~is_bad
    return pd.DataFrame({name: values[name] for name in VALUES}, copy=False), keep, joined(*unread)


def _split(
    payload: Payload, delimiter: str, n_columns: int, has_header: bool, set_aside: Callable[[csv.InvalidRow], str]
) -> tuple[pa.ChunkedArray, ...]:
    names = [f"column_{place}" for place in range(n_columns)]
    try:
        table = csv.read_csv(
            pa.BufferReader(payload.content),
            # Arrow numbers the rows it hands to set_aside on one thread only.
            read_options=csv.ReadOptions(use_threads=False, skip_rows=int(has_header), column_names=names),
            # A quote that never ends would swallow the lines after it: quotes are cut off the cells below instead.
            parse_options=csv.ParseOptions(
                delimiter=delimiter, quote_char=False, ignore_empty_lines=False, invalid_row_handler=set_aside
            ),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise FormatError(f"{payload.name}: cannot be split into columns: {error}; expected one bar a line") from None
    if b'"' not in payload.content:
        return tuple(table.columns)
    return tuple(pc.utf8_trim(column, '"') for column in table.columns)


def _without_blank_lines(table: TextTable) -> TextTable:
    is_blank = np.ones(len(table.line), dtype=bool)
    for column in table.columns:
        is_blank &= pc.equal(column, "").to_numpy()
        if not is_blank.any():
            return table
    return table.where(~is_blank, unread_rows(np.empty(0, dtype="int64"), []))


def _floats(column: pa.ChunkedArray, *, may_be_empty: bool) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the numbers and where there is none."""
    try:
        number = pc.cast(column, pa.float64()).to_numpy()
        return number, np.zeros(len(number), dtype=bool)
    except pa.ArrowInvalid:
        text = pc.utf8_trim_whitespace(column)
    is_number = pc.match_substring_regex(text, _NUMBER).to_numpy()
    number = pd.to_numeric(pd.Series(text.to_pylist(), dtype="object").where(is_number), errors="coerce")
    is_bad = ~is_number & ~(may_be_empty & pc.equal(text, "").to_numpy())
    return number.to_numpy(dtype="float64", na_value=np.nan), is_bad
