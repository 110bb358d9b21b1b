"""The formats that Bot Core reads, and which one a file is.

Belongs here: the list and its order. Not here: the formats (one file each). A new one is a file with a FORMAT and a
line here.
"""

from typing import Final

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats import (
    binance_klines,
    dukascopy,
    epoch_csv,
    header_csv,
    json_arrays,
    lean,
    mt5_export,
    mt5_rates,
    parquet,
)
from bot_core_dagster.market.formats.file_format import FileFormat
from bot_core_dagster.market.formats.payload import Payload

_MODULES: Final = (
    parquet,
    json_arrays,
    mt5_export,
    mt5_rates,
    dukascopy,
    binance_klines,
    lean,
    epoch_csv,
    header_csv,
)
"""The first that recognises a file wins: special ones before general ones."""

FORMATS: Final[dict[str, FileFormat]] = {module.FORMAT.name: module.FORMAT for module in _MODULES}
_SHOWN: Final = 80


def format_named(name: str) -> tuple[FileFormat, tuple[str, ...] | None]:
    """Return the format of that name and the column order declared after it ("epoch-csv:time,open,…"), None without.

    Raises
    ------
    FormatError
        If there is none; the message lists those there are.
    """
    head, _, columns = name.partition(":")
    if head not in FORMATS:
        raise FormatError(f"unknown format {head!r}; there are {', '.join(FORMATS)}")
    if columns and head != epoch_csv.FORMAT.name:
        raise FormatError(f"format {head} has an order of columns of its own; only {epoch_csv.FORMAT.name}: takes one")
    return FORMATS[head], tuple(cell.strip() for cell in columns.split(",")) if columns else None


def detected_format(payload: Payload) -> FileFormat:
    """Return the format that recognises the payload.

    Raises
    ------
    FormatError
        If none does: names what the file begins with and what would be recognised.
    """
    for file_format in FORMATS.values():
        if file_format.is_it(payload):
            return file_format
    known = "; ".join(f"{one.name}: {one.example}" for one in FORMATS.values())
    first = payload.first_lines(1)[0][:_SHOWN]
    raise FormatError(f"{payload.name}: begins with {first!r}, no known format; known ({known}); give --format")
