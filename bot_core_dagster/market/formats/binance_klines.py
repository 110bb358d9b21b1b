"""Format `binance-klines`: the archives of data.binance.vision: 12 columns, mostly headerless, times in ms or µs.

Belongs here: the order of its columns, and the check that it is one. Not here: Binance bars that tools wrote with a
header of their own (`header_csv`).

Binance documents: spot archives have µs times from 2025-01-01 on, ms before; futures archives have a header.
"""

from typing import Final

import numpy as np

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.file_format import FileFormat, bars_of_table
from bot_core_dagster.market.formats.payload import Payload
from bot_core_dagster.market.formats.raw_bars import Fact, RawBars, Request
from bot_core_dagster.market.formats.text_table import TextTable, text_table
from bot_core_dagster.market.formats.time_text import times_of
from bot_core_dagster.timeframe import Timeframe

_N_COLUMNS: Final = 12
_PLACES: Final = {"open": 1, "high": 2, "low": 3, "close": 4, "volume": 5}
_CLOSE_TIME: Final = 6


def _is_it(payload: Payload) -> bool:
    cells = payload.first_lines(1)[0].split(",")
    return len(cells) == _N_COLUMNS and (_has_header(payload) or (cells[0].isdigit() and cells[_CLOSE_TIME].isdigit()))


def _has_header(payload: Payload) -> bool:
    return payload.first_lines(1)[0].lower().startswith(("open_time,open,", "open time,open,"))


def _parse(payload: Payload, request: Request) -> RawBars:
    table = text_table(payload, has_header=_has_header(payload))
    if len(table.columns) != _N_COLUMNS:
        raise FormatError(f"{payload.name}: expected Binance's {_N_COLUMNS} columns, got {len(table.columns)}")
    _check_close_times(payload.name, table, Timeframe.parse(request.timeframe))
    return bars_of_table(
        payload.name,
        table,
        table.columns[0],
        _PLACES,
        zone=Fact("UTC", "times count since 1970 UTC", is_evident=True),
        label=Fact("open", "the open time comes first, the close time seventh", is_evident=True),
        side=Fact("trade", "as Binance documents", is_evident=True),
        volume_unit=Fact("base", "as Binance documents", is_evident=True),
    )


def _check_close_times(name: str, table: TextTable, timeframe: Timeframe) -> None:
    """Refuse a file whose seventh column is not the end of most bars: it is something else in 12 columns."""
    opens, closes = (times_of(name, table, table.columns[place]) for place in (0, _CLOSE_TIME))
    both = opens.keep & closes.keep
    length = (closes.time - opens.time)[both] / np.timedelta64(1, "s")
    expected = timeframe.delta.total_seconds()
    if not both.any() or abs(np.median(length) - expected) > 1:
        found = f"{np.median(length):g} s" if both.any() else "no times"
        raise FormatError(f"{name}: bars of {expected:g} s were expected, got {found}; give the file's --timeframe")


FORMAT: Final = FileFormat("binance-klines", "12 columns: open time, OHLCV, close time, …", _is_it, _parse)
