"""Format `json`: an array of arrays [time, open, high, low, close, volume, …], as ccxt and exchanges reply.

Belongs here: bounds on what JSON may hold. Not here: JSON of other shapes, which is refused.
"""

import json
import math
from typing import Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.file_format import FileFormat
from bot_core_dagster.market.formats.payload import Payload
from bot_core_dagster.market.formats.raw_bars import VALUES, Fact, RawBars, Request, unread_rows
from bot_core_dagster.market.formats.time_text import EARLIEST, LATEST, epoch_times

_N_FIELDS: Final = 6
_SHOWN: Final = 60
_MAX_COUNT: Final = 2**63 - 1


def _is_it(payload: Payload) -> bool:
    return payload.content[:64].lstrip()[:1] in (b"[", b"{")


def _parse(payload: Payload, _: Request) -> RawBars:
    rows = _rows(payload)
    reasons = [_fault(row) for row in rows]
    good = [row for row, reason in zip(rows, reasons, strict=True) if reason is None]
    if not good:
        raise FormatError(f"{payload.name}: no element is a bar; the first: {reasons[0]}")
    parsed = epoch_times(np.array([int(row[0]) for row in good], dtype="int64"))
    if parsed is None:
        raise FormatError(f"{payload.name}: {good[0][0]} is no time in s, ms, µs or ns since 1970")
    time, note = parsed
    line = np.array([place for place, reason in enumerate(reasons, start=1) if reason is None], dtype="int64")
    values = pd.DataFrame([[float(cell) for cell in row[1:_N_FIELDS]] for row in good], columns=list(VALUES[:5]))
    keep = (time >= EARLIEST) & (time <= LATEST)
    told = {place: reason for place, reason in enumerate(reasons, start=1) if reason}
    told |= {int(place): f"not a time ({rows[place - 1][0]})" for place in line[~keep]}
    return RawBars(
        time=time[keep],
        is_utc=True,
        values=values.assign(spread=np.nan)[list(VALUES)][keep].reset_index(drop=True),
        line=line[keep],
        unread=unread_rows(np.array(sorted(told), dtype="int64"), [told[place] for place in sorted(told)]),
        label=Fact("open", "the convention of exchanges' candle arrays"),
        notes=(note, "line numbers are positions in the array"),
    )


def _rows(payload: Payload) -> list[Any]:
    try:
        parsed = json.loads(payload.content)
    except RecursionError:
        raise FormatError(f"{payload.name}: JSON nested too deeply; expected an array of arrays") from None
    except ValueError as error:
        raise FormatError(f"{payload.name}: not JSON ({error}); expected an array of arrays") from None
    if not isinstance(parsed, list) or not parsed:
        kind = "an empty array" if parsed == [] else f"a JSON {type(parsed).__name__}"
        raise FormatError(
            f"{payload.name}: expected an array of arrays [time, open, high, low, close, volume], got {kind}"
        )
    return parsed


def _fault(row: Any) -> str | None:
    """Return why an element is no bar, None where it is one."""
    if not isinstance(row, list) or len(row) < _N_FIELDS:
        return f"not an array of {_N_FIELDS} or more ({json.dumps(row)[:_SHOWN]})"
    time, *cells = row[:_N_FIELDS]
    if not _is_count(time):
        return f"not a time ({json.dumps(time)[:_SHOWN]})"
    bad = next((cell for cell in cells if not _is_number(cell)), None)
    if bad is not None or None in cells:
        return f"not a number ({json.dumps(bad)[:_SHOWN]})"
    return None


def _is_count(cell: Any) -> bool:
    """Return whether a cell is a whole number of 64 bits, or the text of one."""
    if isinstance(cell, str):
        return cell.isascii() and cell.isdigit() and len(cell) <= len(str(_MAX_COUNT)) and int(cell) <= _MAX_COUNT
    is_whole = isinstance(cell, int) or (isinstance(cell, float) and cell.is_integer())
    return is_whole and not isinstance(cell, bool) and 0 < cell <= _MAX_COUNT


def _is_number(cell: Any) -> bool:
    """Return whether a cell is a number or, as Binance sends prices, the text of one; `market.intake` judges NaN."""
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        return False
    try:
        return math.isfinite(float(cell)) or isinstance(cell, float | str)
    except (ValueError, OverflowError):
        return False


FORMAT: Final = FileFormat("json", "[[time, open, high, low, close, volume, …], …]", _is_it, _parse)
