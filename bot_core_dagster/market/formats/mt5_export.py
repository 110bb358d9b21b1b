"""Format `mt5-export`: MetaTrader 5's export of bars: tab-separated DATE, TIME, OPEN … in the server's time.

Belongs here: its columns. Not here: what it shares with copy_rates files (`mt5`).
"""

from typing import Final

import pyarrow.compute as pc

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.file_format import FileFormat
from bot_core_dagster.market.formats.mt5 import iso_dates, mt5_bars
from bot_core_dagster.market.formats.payload import Payload
from bot_core_dagster.market.formats.raw_bars import RawBars, Request
from bot_core_dagster.market.formats.text_table import header_names, text_table

_PLACES: Final = {"open": "open", "high": "high", "low": "low", "close": "close", "volume": "tickvol"}


def _is_it(payload: Payload) -> bool:
    names = header_names(payload.first_lines(1)[0])
    return "date" in names and set(_PLACES.values()) <= set(names)


def _parse(payload: Payload, _: Request) -> RawBars:
    table = text_table(payload, has_header=True)
    if not _is_it(payload):
        found = ", ".join(table.header)
        raise FormatError(f"{payload.name}: expected date, {', '.join(_PLACES.values())}, got {found}")
    time = table.columns[table.header.index("date")]
    if "time" in table.header:
        time = pc.binary_join_element_wise(time, table.columns[table.header.index("time")], " ")
    places = {value: table.header.index(column) for value, column in _PLACES.items()}
    spread = table.header.index("spread") if "spread" in table.header else None
    return mt5_bars(payload.name, table, iso_dates(time), places, spread)


FORMAT: Final = FileFormat(
    "mt5-export", "tab-separated DATE TIME OPEN HIGH LOW CLOSE TICKVOL VOL SPREAD", _is_it, _parse
)
