"""Format `mt5-rates`: the columns of MetaTrader 5's copy_rates functions, saved as CSV, in the server's time.

Belongs here: its columns. Not here: what it shares with MetaTrader's own export (`mt5`).

copy_rates gives seconds since 1970 of the server's wall clock, which is not UTC though it looks so: a numeric time is
taken for such a wall clock.
"""

from dataclasses import replace
from typing import Final

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.file_format import FileFormat
from bot_core_dagster.market.formats.mt5 import iso_dates, mt5_bars
from bot_core_dagster.market.formats.payload import Payload
from bot_core_dagster.market.formats.raw_bars import RawBars, Request
from bot_core_dagster.market.formats.text_table import header_names, text_table

_PLACES: Final = {"open": "open", "high": "high", "low": "low", "close": "close", "volume": "tick_volume"}


def _is_it(payload: Payload) -> bool:
    names = header_names(payload.first_lines(1)[0])
    return {"time", *_PLACES.values(), "spread"} <= set(names)


def _parse(payload: Payload, _: Request) -> RawBars:
    table = text_table(payload, has_header=True)
    if not _is_it(payload):
        found = ", ".join(table.header)
        raise FormatError(f"{payload.name}: expected time, {', '.join(_PLACES.values())}, spread, got {found}")
    time = table.columns[table.header.index("time")]
    places = {value: table.header.index(column) for value, column in _PLACES.items()}
    raw = mt5_bars(payload.name, table, iso_dates(time), places, table.header.index("spread"))
    is_count = "since 1970" in raw.notes[0]
    return replace(raw, is_utc=False, notes=("seconds of the server's clock", *raw.notes[1:])) if is_count else raw


FORMAT: Final = FileFormat("mt5-rates", "time,open,high,low,close,tick_volume,spread[,real_volume]", _is_it, _parse)
