"""Format `dukascopy`: Dukascopy's historical export: dd.mm.yyyy, the price side in the file's name.

Belongs here: its dates and header. Not here: other CSV with a header (`header_csv`).
"""

import re
from typing import Final

import pyarrow.compute as pc

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.file_format import FileFormat, bars_of_table
from bot_core_dagster.market.formats.payload import Payload
from bot_core_dagster.market.formats.raw_bars import Fact, RawBars, Request
from bot_core_dagster.market.formats.text_table import header_names, text_table

_TIMES: Final = ("time", "gmt time", "local time", "time (utc)", "utc")
_UTC_NAMES: Final = ("gmt time", "time (utc)", "utc")
_COLUMNS: Final = ("open", "high", "low", "close", "volume")
_DATE: Final = re.compile(r"^\d\d\.\d\d\.\d{4} ")
_SIDE: Final = re.compile(r"(?:^|[^a-z])(bid|ask)(?:[^a-z]|$)", re.IGNORECASE)


def _is_it(payload: Payload) -> bool:
    header, *rows = payload.first_lines(2)
    names = header_names(header)
    return names[0] in _TIMES and set(_COLUMNS) <= set(names) and bool(rows) and bool(_DATE.match(rows[0]))


def _parse(payload: Payload, _: Request) -> RawBars:
    table = text_table(payload, has_header=True)
    if table.header[0] not in _TIMES or not set(_COLUMNS) <= set(table.header):
        found = ", ".join(table.header)
        raise FormatError(f"{payload.name}: expected Dukascopy's time, {', '.join(_COLUMNS)}, got {found}")
    iso = pc.replace_substring_regex(table.columns[0], r"^(\d\d)\.(\d\d)\.(\d{4}) ", r"\3-\2-\1 ")
    iso = pc.replace_substring_regex(iso, r" GMT([+-]\d{4})$", r"\1")
    side = _SIDE.search(payload.name)
    return bars_of_table(
        payload.name,
        table,
        iso,
        {name: table.header.index(name) for name in _COLUMNS},
        zone=Fact("UTC", f"column {table.header[0]}") if table.header[0] in _UTC_NAMES else None,
        label=Fact("open", "as Dukascopy documents"),
        side=Fact(side[1].lower(), "in the file's name", is_evident=True) if side else None,
        volume_unit=Fact("base", "as Dukascopy documents"),
    )


FORMAT: Final = FileFormat("dukascopy", "Time,Open,High,Low,Close,Volume with dd.mm.yyyy times", _is_it, _parse)
