"""Format `lean`: QuantConnect Lean's quote bars: zipped, headerless, bid and ask.

Belongs here: hour, daily and minute files of LEAN_FORMAT.md. Not here: tick and second files, which are no bars of
ours.
"""

import re
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.file_format import FileFormat, bars_of_table
from bot_core_dagster.market.formats.payload import Payload
from bot_core_dagster.market.formats.raw_bars import Fact, RawBars, Request
from bot_core_dagster.market.formats.text_table import TextTable, text_table

_N_COLUMNS: Final = 11
_INTRADAY_MEMBER: Final = re.compile(r"^(\d{8})_(.+)_(minute|second|tick)_quote\.csv$", re.IGNORECASE)
_DATED: Final = re.compile(r"^\d{8} \d\d:\d\d,")
_BID: Final = {"open": 1, "high": 2, "low": 3, "close": 4}
_ASK: Final = {"open": 6, "high": 7, "low": 8, "close": 9}


def _is_it(payload: Payload) -> bool:
    first = payload.first_lines(1)[0]
    if first.count(",") != _N_COLUMNS - 1:
        return False
    return bool(_DATED.match(first) or (payload.member and _INTRADAY_MEMBER.match(payload.member)))


def _parse(payload: Payload, request: Request) -> RawBars:
    table = text_table(payload, has_header=False)
    if len(table.columns) != _N_COLUMNS:
        raise FormatError(f"{payload.name}: expected Lean's {_N_COLUMNS} columns, got {len(table.columns)}")
    side = request.side or "bid"
    if side not in ("bid", "ask"):
        raise FormatError(f"{payload.name}: Lean has bid and ask bars, no {side} bars; give --side bid or --side ask")
    raw = bars_of_table(
        payload.name,
        table,
        _times(payload, table),
        _BID if side == "bid" else _ASK,
        zone=Fact("UTC", "Lean's data zone of FX"),
        label=Fact("open", "as Lean documents"),
        side=Fact(side, "the file has bid and ask" + ("" if request.side else "; --side ask takes the other")),
        volume_unit=Fact("none", "Lean's FX has none", is_evident=True),
        notes=(f"the file calls it {_symbol(payload)}", "spread: ask open minus bid open"),
    )
    spread = _opens(table, _ASK["open"]) - _opens(table, _BID["open"])
    is_read = np.isin(table.line, raw.line)
    return replace(raw, values=raw.values.assign(spread=spread[is_read]))


def _times(payload: Payload, table: TextTable) -> pa.ChunkedArray:
    """Return ISO texts: dated in the text, or ms since the midnight that the member's name dates."""
    member = _INTRADAY_MEMBER.match(payload.member or "")
    if not member:
        return pc.replace_substring_regex(table.columns[0], r"^(\d{4})(\d\d)(\d\d) ", r"\1-\2-\3 ")
    if member[3].lower() != "minute":
        raise FormatError(
            f"{payload.name}: Lean {member[3].lower()} files are no bars of ours; give minute, hour or daily"
        )
    midnight = pd.to_datetime(member[1], format="%Y%m%d", errors="coerce")
    if pd.isna(midnight):
        raise FormatError(f"{payload.name}: {member[1]} in {payload.member} is no date; expected YYYYMMDD")
    ms = pd.to_numeric(table.columns[0].to_pandas(), errors="coerce")
    in_day = ms.where(ms.between(0, 86_400_000, inclusive="left"))
    iso = (midnight + pd.to_timedelta(in_day, unit="ms")).dt.strftime("%Y-%m-%d %H:%M:%S.%f")
    return pa.chunked_array([pa.array(iso.where(in_day.notna(), table.columns[0].to_pandas()), pa.string())])


def _symbol(payload: Payload) -> str:
    member = _INTRADAY_MEMBER.match(payload.member or "")
    return member[2] if member else (payload.member or payload.name).rsplit(".", 1)[0]


def _opens(table: TextTable, place: int) -> npt.NDArray[np.float64]:
    """Return an open price (n_rows,), NaN where there is none."""
    return np.asarray(pd.to_numeric(table.columns[place].to_pandas(), errors="coerce"), dtype="float64")


FORMAT: Final = FileFormat("lean", "zip of 11 columns: time, bid OHLC and size, ask OHLC and size", _is_it, _parse)
