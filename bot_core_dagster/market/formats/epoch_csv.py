"""Format `epoch-csv`: delimited numbers without a header, a count since 1970 first, the other columns in any order.

Belongs here: telling by the prices of all rows which column is which, or refusing to. Not here: headerless formats of a
known order (`binance_klines`, `lean`).

A declared order follows the name: `epoch-csv:time,volume,open,high,low,close`, with - for a column to ignore.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.file_format import FileFormat, bars_of_table
from bot_core_dagster.market.formats.payload import Payload
from bot_core_dagster.market.formats.raw_bars import VALUES, Fact, RawBars, Request
from bot_core_dagster.market.formats.text_table import TextTable, delimiter_of, text_table

COLUMN_NAMES: Final = ("time", *VALUES, "-")
_PRICES: Final = ("open", "high", "low", "close")
_REQUIRED: Final = ("time", *_PRICES)
_AGREE: Final = 0.99
"""Share of rows in which the high must be the largest price and the low the smallest."""
_ALIKE: Final = 0.1
"""Prices of one bar differ by less, as |log ratio|, in most bars; volumes and counts follow no price so closely."""


def _is_it(payload: Payload) -> bool:
    first = payload.first_lines(1)[0]
    cells = first.split(delimiter_of(first))
    return 5 <= len(cells) <= 9 and cells[0].strip().isdigit() and len(cells[0].strip()) in (10, 13, 16)


def _parse(payload: Payload, request: Request) -> RawBars:
    table = text_table(payload, has_header=False)
    if request.columns:
        order, note = _declared(payload.name, table, request.columns), "columns as declared"
    else:
        order = _detected(payload.name, table)
        note = f"columns told by the prices of {len(table.line):,} rows: {','.join(order)}"
    places: dict[str, int] = {name: order.index(name) for name in VALUES if name in order}
    no_volume = Fact("none", "the file has no volume", is_evident=True)
    return bars_of_table(
        payload.name,
        table,
        table.columns[order.index("time")],
        places,
        zone=Fact("UTC", "times count since 1970 UTC", is_evident=True),
        volume_unit=None if "volume" in order else no_volume,
        notes=(note,),
    )


def _declared(name: str, table: TextTable, columns: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [column for column in columns if column not in COLUMN_NAMES]
    missing = [column for column in _REQUIRED if columns.count(column) != 1]
    if unknown or missing or len(columns) != len(table.columns):
        raise FormatError(
            f"{name}: the declared order {','.join(columns)} does not fit; expected {len(table.columns)} names out of "
            f"{', '.join(COLUMN_NAMES)}, with {', '.join(_REQUIRED)} once each"
        )
    return columns


def _detected(name: str, table: TextTable) -> tuple[str, ...]:
    """Return the name of each column, by evidence of all rows; FormatError where that is not enough."""
    columns = [pd.to_numeric(pd.Series(one.to_pylist()), errors="coerce").to_numpy("float64") for one in table.columns]
    prices = _price_columns(columns)
    if len(prices) != 4:
        raise _undecided(name, f"{len(prices)} columns look like prices, 4 are needed", len(columns))
    order = ["-"] * len(columns)
    order[0] = "time"
    for column, price in zip(
        prices, _price_names(name, [columns[place] for place in prices], len(columns)), strict=True
    ):
        order[column] = price
    volume = _volume_column(columns, [place for place in range(1, len(columns)) if order[place] == "-"])
    if volume is None and "-" in order:
        raise _undecided(name, "the volume cannot be told from the other columns", len(columns))
    if volume is not None:
        order[volume] = "volume"
    return tuple(order)


def _price_columns(columns: list[npt.NDArray[np.float64]]) -> list[int]:
    """Return the positions of the largest set of columns that stay within _ALIKE of each other."""
    logs = [np.log(np.where(column > 0, column, np.nan)) for column in columns]
    best: list[int] = []
    for one in range(1, len(columns)):
        near = [
            other
            for other in range(1, len(columns))
            if np.isfinite(logs[one] - logs[other]).any() and np.nanmedian(np.abs(logs[one] - logs[other])) < _ALIKE
        ]
        best = max(best, near, key=len)
    return best


def _price_names(name: str, prices: list[npt.NDArray[np.float64]], n_columns: int) -> list[str]:
    """Return which of four price columns is the open, the high, the low and the close."""
    stacked = np.array(prices)
    is_high = (stacked >= stacked.max(axis=0)).mean(axis=1)
    is_low = (stacked <= stacked.min(axis=0)).mean(axis=1)
    high, low = int(is_high.argmax()), int(is_low.argmax())
    told = np.sum(is_high >= _AGREE) == 1 and np.sum(is_low >= _AGREE) == 1
    if not told or high == low:
        raise _undecided(name, "no column is the highest, or none the lowest, in nearly all rows", n_columns)
    first, second = (place for place in range(4) if place not in (high, low))
    open_, close = (first, second) if _follows(prices[first], prices[second]) else (second, first)
    if _follows(prices[first], prices[second]) == _follows(prices[second], prices[first]):
        raise _undecided(name, "open and close cannot be told apart", n_columns)
    names = {open_: "open", high: "high", low: "low", close: "close"}
    return [names[place] for place in range(4)]


def _follows(open_: npt.NDArray[np.float64], close: npt.NDArray[np.float64]) -> bool:
    """Return whether bars open where the one before closed: far nearer than the other way round."""
    if len(open_) < 3:
        return False
    this_way = np.nanmedian(np.abs(open_[1:] - close[:-1]))
    other_way = np.nanmedian(np.abs(close[1:] - open_[:-1]))
    return bool(2 * this_way < other_way)


def _volume_column(columns: list[npt.NDArray[np.float64]], places: list[int]) -> int | None:
    """Return the only column left, or the only one that is not a count; None where that does not decide."""
    if len(places) > 1:
        places = [place for place in places if (columns[place] % 1 != 0).any()]
    return places[0] if len(places) == 1 else None


def _undecided(name: str, reason: str, n_columns: int) -> FormatError:
    names = ",".join(("time", "open", "high", "low", "close", "volume", "-", "-", "-")[:n_columns])
    return FormatError(
        f"{name}: {reason}; declare the {n_columns} columns in their order, e.g. --format epoch-csv:{names}"
    )


FORMAT: Final = FileFormat(
    "epoch-csv", "no header; seconds, ms or µs since 1970, then prices and volume", _is_it, _parse
)
