"""Format `csv`: delimited text whose first line names the columns, as Binance tools and most scripts write it.

Belongs here: the names that columns have in the wild. Not here: headers of one program's own (`mt5_export`,
`mt5_rates`, `dukascopy`, `binance_klines`).
"""

from typing import Final

import pyarrow.compute as pc

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.file_format import FileFormat, bars_of_table
from bot_core_dagster.market.formats.payload import Payload
from bot_core_dagster.market.formats.raw_bars import Fact, RawBars, Request
from bot_core_dagster.market.formats.text_table import TextTable, header_names, text_table

TIMES: Final = ("open_time", "open time", "timestamp", "datetime", "date", "time", "unix", "close_time", "close time")
_PRICES: Final = ("open", "high", "low", "close")
_VOLUMES: Final = {"volume": None, "vol": None, "tick_volume": "ticks", "quote_volume": "quote"}
_TICKERS: Final = ("symbol", "ticker", "pair")


def _is_it(payload: Payload) -> bool:
    names = header_names(payload.first_lines(1)[0])
    return set(_PRICES) <= set(names) and any(name in names for name in TIMES)


def _parse(payload: Payload, _: Request) -> RawBars:
    table = text_table(payload, has_header=True)
    if not _is_it(payload):
        found = ", ".join(table.header)
        raise FormatError(f"{payload.name}: expected columns {', '.join(_PRICES)} and a time, got {found}")
    _refuse_twice(payload.name, table)
    time_name = next(name for name in TIMES if name in table.header)
    volume = next((name for name in _VOLUMES if name in table.header), None)
    places = {name: table.header.index(name) for name in _PRICES}
    if volume:
        places["volume"] = table.header.index(volume)
    unit = Fact(_VOLUMES[volume] or "", f"column {volume}", is_evident=True) if volume and _VOLUMES[volume] else None
    time = table.columns[table.header.index(time_name)]
    if time_name == "date" and "time" in table.header:
        time = pc.binary_join_element_wise(time, table.columns[table.header.index("time")], " ")
        time = pc.replace_substring(pc.replace_substring(time, ".", "-", max_replacements=2), "/", "-")
    return bars_of_table(
        payload.name,
        table,
        time,
        places,
        label=_label(time_name),
        volume_unit=unit if volume else Fact("none", "the file has no volume", is_evident=True),
        notes=_notes(payload.name, table),
    )


def _label(time_name: str) -> Fact | None:
    kind = time_name.split("_")[0].split(" ")[0]
    return Fact(kind, f"column {time_name}", is_evident=True) if kind in ("open", "close") else None


def _refuse_twice(name: str, table: TextTable) -> None:
    twice = sorted({cell for cell in table.header if cell and table.header.count(cell) > 1})
    if twice:
        raise FormatError(f"{name}: column {', '.join(twice)} is there more than once; keep one of each name")


def _notes(name: str, table: TextTable) -> tuple[str, ...]:
    notes = []
    unnamed = [str(place + 1) for place, cell in enumerate(table.header) if not cell]
    if unnamed:
        notes.append(f"column {', '.join(unnamed)} has no name and is ignored")
    for column in _TICKERS:
        if column in table.header:
            tickers = pc.unique(table.columns[table.header.index(column)]).to_pylist()
            if len(tickers) > 1:
                shown = ", ".join(sorted(tickers)[:5])
                raise FormatError(f"{name}: bars of {len(tickers)} symbols ({shown}); import a file for each")
            notes.append(f"the file calls it {tickers[0]}")
    return tuple(notes)


FORMAT: Final = FileFormat("csv", "a header with a time, open, high, low and close", _is_it, _parse)
