"""Time text: columns of times, written as text or as a count since 1970, as numpy times.

Belongs here: parsing, and telling times with a zone from wall-clock times. Not here: what zone a wall clock has
(`clock`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.raw_bars import unread_rows
from bot_core_dagster.market.formats.text_table import TextTable

EARLIEST: Final = np.datetime64("1970-01-02", "us")
LATEST: Final = np.datetime64("2099-12-31", "us")
"""A time outside is no time of a bar: a wrong unit or a broken row."""

_ZONE: Final = r"(?:Z|[+-]\d\d:?\d\d)$"
_TIME: Final = r"^\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?:Z|[+-]\d\d:?\d\d)?$"
_UNITS: Final = {"s": 10**9, "ms": 10**12, "us": 10**15, "ns": 10**18}
_SHOWN: Final = 40
_NO_ZONE: Final = "times without a zone"
_HOUR_ALONE: Final = len("2024-01-31 16")
"""Arrow takes such a text for a time, `_TIME` does not."""


@dataclass(frozen=True)
class Times:
    """Parsed times of the rows of a table.

    time : datetime64[us] of shape (n_rows,); NaT where unread
    is_utc : True where the text names its zone or counts since 1970
    keep : bool of shape (n_rows,), False where the cell is no time
    unread : the rows that are not kept
    note : how the times are written, in words
    """

    time: npt.NDArray[np.datetime64]
    is_utc: bool
    keep: npt.NDArray[np.bool_]
    unread: pd.DataFrame
    note: str


def times_of(name: str, table: TextTable, column: pa.ChunkedArray) -> Times:
    """Parse a column of ISO times ("2024-01-31 16:00[:00[.000]][+00:00]") or of counts since 1970 in s, ms, µs or ns.

    Raises
    ------
    FormatError
        If no row has a time, or some rows have a zone and others none.
    """
    head = pc.utf8_trim_whitespace(column[:100])
    if pc.match_substring_regex(head, r"^\d{9,19}(\.0*)?$").to_numpy().mean() > 0.5:
        micro, note = _epoch(name, pc.utf8_trim_whitespace(column))
        return _told(table, column, micro, is_utc=True, note=note)
    plain = _plain_iso(column)
    if plain is not None:
        return _told(table, column, plain, is_utc=False, note=_NO_ZONE)
    text = pc.utf8_trim_whitespace(column)
    has_zone = pc.match_substring_regex(text, _ZONE).to_numpy()
    is_time = pc.match_substring_regex(text, _TIME).to_numpy()
    with_zone, without = np.flatnonzero(has_zone & is_time), np.flatnonzero(~has_zone & is_time)
    if len(with_zone) and len(without):
        raise FormatError(
            f"{name}: mixed zones: line {table.line[with_zone[0]]} has one ({text[with_zone[0]]}), line "
            f"{table.line[without[0]]} has none ({text[without[0]]}); write all times alike"
        )
    is_utc = bool(len(with_zone))
    micro = _iso(text, is_time, is_utc=is_utc)
    note = f"times with a zone ({_offsets(text, is_time)})" if is_utc else _NO_ZONE
    return _told(table, column, micro, is_utc=is_utc, note=note)


def _epoch_unit(counts: npt.NDArray[np.int64]) -> str | None:
    """Return the unit (s, ms, us, ns) in which most counts since 1970 lie in 1973 to 2286; None where there is none."""
    median = int(np.median(counts)) if len(counts) else 0
    return next((unit for unit, size in _UNITS.items() if size // 10 <= median < size * 10), None)


def epoch_times(counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.datetime64], str] | None:
    """Return counts since 1970 as datetime64[us] and a note naming the units; None where they are no times.

    Each count has the unit of its own size: Binance's archives go from ms to µs on 2025-01-01, and a joined file has
    both.
    """
    if _epoch_unit(counts) is None:
        return None
    micro = np.full(len(counts), np.iinfo(np.int64).min, dtype="int64")
    found = []
    for unit, size in _UNITS.items():
        is_unit = (counts >= size // 10) & (counts < size * 10 if unit != "ns" else np.True_)
        if is_unit.any():
            per_second = size // 10**9
            found.append(unit)
            scaled = counts[is_unit]
            micro[is_unit] = scaled * (10**6 // per_second) if per_second <= 10**6 else scaled // 1000
    return micro.view("M8[us]"), f"times in {' and '.join(found)} since 1970 UTC"


def _epoch(name: str, text: pa.ChunkedArray) -> tuple[npt.NDArray[np.datetime64], str]:
    try:
        counts = pc.cast(text, pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        is_count = pc.match_substring_regex(text, r"^(\d{1,18}|[1-8]\d{18})(\.0*)?$")
        whole = pc.replace_substring_regex(text, r"\.0*$", "")
        counts = pc.cast(pc.if_else(is_count, whole, "0"), pa.int64()).to_numpy()
    parsed = epoch_times(counts)
    if parsed is None:
        raise FormatError(f"{name}: {counts[0]} is no time in s, ms, µs or ns since 1970; expected one such column")
    return parsed


def _plain_iso(column: pa.ChunkedArray) -> npt.NDArray[np.datetime64] | None:
    """Return times that are all written plainly, without zone and blanks; None where a row needs a closer look."""
    try:
        times = pc.cast(column, pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None
    has_hour_alone = pc.any(pc.equal(pc.binary_length(column), _HOUR_ALONE)).as_py()
    return None if has_hour_alone else np.asarray(times.to_numpy())


def _iso(text: pa.ChunkedArray, is_time: npt.NDArray[np.bool_], *, is_utc: bool) -> npt.NDArray[np.datetime64]:
    kept = text if is_time.all() else pc.if_else(pa.array(is_time), text, None)
    kind = pa.timestamp("us", "UTC") if is_utc else pa.timestamp("us")
    try:
        parsed = pc.cast(kept, kind).to_pandas()
    except pa.ArrowInvalid:  # one text that looks like a time and is none (31 February) fails them all
        parsed = pd.to_datetime(kept.to_pandas(), format="ISO8601", utc=True, errors="coerce")
    return pd.DatetimeIndex(parsed).tz_localize(None).as_unit("us").to_numpy()


def _offsets(text: pa.ChunkedArray, is_time: npt.NDArray[np.bool_]) -> str:
    ends = pc.replace_substring_regex(text.filter(pa.array(is_time)), r"^.{16}[0-9:.]*", "")
    return ", ".join(sorted(pc.unique(ends).to_pylist())[:4])


def _told(
    table: TextTable, column: pa.ChunkedArray, micro: npt.NDArray[np.datetime64], *, is_utc: bool, note: str
) -> Times:
    keep = (micro >= EARLIEST) & (micro <= LATEST)
    bad = np.flatnonzero(~keep)
    cells = pc.utf8_trim_whitespace(column.take(pa.array(bad))).to_pylist()
    unread = unread_rows(table.line[bad], [f"not a time ({cell[:_SHOWN]!r})" for cell in cells])
    return Times(micro, is_utc, keep, unread, note)
