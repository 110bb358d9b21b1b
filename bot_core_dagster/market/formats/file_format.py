"""A file format: its name, how it is recognised, and how it is parsed.

Belongs here: the shape of an entry of the registry, and what formats of delimited text share. Not here: the formats
themselves (one file each), the list of them (`registry`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.payload import Payload
from bot_core_dagster.market.formats.raw_bars import Fact, RawBars, Request, joined, where_kept
from bot_core_dagster.market.formats.text_table import TextTable, numbers
from bot_core_dagster.market.formats.time_text import times_of


@dataclass(frozen=True)
class FileFormat:
    """An entry of the registry.

    name : what `--format` takes
    example : how to recognise it, for messages and documentation
    is_it : whether a payload is of this format; looks at the first lines and the member's name only
    parse : the payload's rows; FormatError where it is not of this format after all
    """

    name: str
    example: str
    is_it: Callable[[Payload], bool]
    parse: Callable[[Payload, Request], RawBars]


def bars_of_table(
    name: str,
    table: TextTable,
    time: pa.ChunkedArray,
    places: dict[str, int],
    *,
    zone: Fact | None = None,
    label: Fact | None = None,
    side: Fact | None = None,
    volume_unit: Fact | None = None,
    notes: tuple[str, ...] = (),
) -> RawBars:
    """Return the rows of `table` as raw bars.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    table : TextTable
    time : ChunkedArray of shape (n_rows,)
        Each row's time as ISO text or count since 1970.
    places : dict
        Position of the column of each value that the file has.
    zone, label, side, volume_unit : Fact or None
        What the format knows of them.
    notes : tuple of str

    Raises
    ------
    FormatError
        If no row has a time and prices.
    """
    times = times_of(name, table, time)
    values, is_number, not_numbers = numbers(table, places)
    keep = times.keep & is_number
    if not keep.any():
        reason = joined(times.unread, not_numbers)["reason"].iloc[0]
        raise FormatError(f"{name}: no row can be read as a bar; the first: {reason}; is the format another one?")
    not_numbers = not_numbers[~not_numbers["line"].isin(times.unread["line"])]
    return RawBars(
        time=times.time[keep],
        is_utc=times.is_utc,
        values=where_kept(values, keep),
        line=table.line[keep],
        unread=joined(table.unread, times.unread, not_numbers),
        zone=zone,
        label=label,
        side=side,
        volume_unit=volume_unit,
        notes=(times.note, *notes),
    )
