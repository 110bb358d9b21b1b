"""Reading a file of bars: the one way in.

Belongs here: the order of the steps, and what a declaration overrides. Not here: the steps (`payload`, `archive`,
`registry`, the formats, `clock`).
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.bar import BAR_COLUMNS, PRICE_SIDES, QUARANTINE_COLUMNS, VALUE_COLUMNS
from bot_core_dagster.market.calendars import TradingCalendar
from bot_core_dagster.market.formats.archive import unzipped
from bot_core_dagster.market.formats.clock import settled
from bot_core_dagster.market.formats.parquet import MAGIC
from bot_core_dagster.market.formats.payload import Payload, checked_text, chunks_of, regular_file
from bot_core_dagster.market.formats.raw_bars import Fact, RawBars, Request
from bot_core_dagster.market.formats.registry import detected_format, format_named
from bot_core_dagster.market.formats.volume_unit import volume_unit_of
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.timeframe import Timeframe

_ZIP_MAGIC: Final = b"PK"
_CONVENTION: Final = "convention, nothing in the file says so"


def read_bars_file(
    path: Path,
    *,
    symbol: str,
    timeframe: Timeframe,
    calendar: TradingCalendar,
    format: str | None = None,  # noqa: A002 the name of the command's option
    tz: str | None = None,
    label: str | None = None,
    side: str | None = None,
) -> Fetched:
    """Return the bars of a file, as they stand there, with what was detected or declared of them in `notes`.

    Parameters
    ----------
    path : Path
        A regular file: text, a zip of one text, or Parquet.
    symbol : str
        The instrument's id; files rarely name it.
    timeframe : Timeframe
        Must be the most common spacing of the file's times.
    calendar : TradingCalendar
        The instrument's: what the weekly open of the times is compared with.
    format : str or None
        A name of FORMATS, `epoch-csv:time,open,…` with the order of columns; None detects it.
    tz : str or None
        Zone of times that have none: an IANA key, an offset, or "America/New_York+7". None: the file's own, the
        format's, or what the weekly open shows; for crypto UTC, as exchanges write it, and the notes say so.
    label : str or None
        "open" or "close": what the time of a bar is; None as for `tz`, for crypto "open".
    side : str or None
        "bid", "ask", "mid" or "trade"; None: the format's, for crypto "trade".

    Returns
    -------
    Fetched
        bars : every row that could be read, unfiltered, in the file's order, with an extra column `line` (int64, the
        line in the file from 1); impossible rows are `market.intake`'s to refuse.
        quarantined : rows that could not be read, with line and reason.

    Raises
    ------
    FormatError
        If the file is not safe or not of its format, contradicts a declaration or the trading calendar, or does not
        tell what must then be declared; the message names the option.
    """
    payload = _payload(path)
    file_format, columns = format_named(format) if format else (detected_format(payload), None)
    raw = file_format.parse(payload, Request(columns, side, symbol, str(timeframe)))
    price_side = _price_side(payload.name, side, raw.side, calendar)
    volume_unit = raw.volume_unit or _volume_unit(raw, calendar)
    raw, clock_note = settled(payload.name, raw, tz=tz, label=label, timeframe=timeframe, calendar=calendar)
    _check_spacing(payload.name, raw, timeframe)
    notes = (
        f"format: {file_format.name} ({'declared' if format else 'detected'})",
        clock_note,
        f"price side: {price_side.value} ({price_side.why})",
        f"volume unit: {volume_unit.value} ({volume_unit.why})",
        *raw.notes,
    )
    fixed = {"symbol": symbol, "timeframe": str(timeframe), "source": f"file:{payload.name}"}
    fixed |= {"price_side": price_side.value, "volume_unit": volume_unit.value}
    return Fetched(_bars(raw, fixed, timeframe, calendar), _quarantined(raw, fixed), notes)


def _payload(path: Path) -> Payload:
    with regular_file(path) as file:
        magic = file.read(len(MAGIC))
        file.seek(0)
        if magic.startswith(_ZIP_MAGIC):
            return unzipped(path.name, file)
        content = file.read() if magic == MAGIC else checked_text(path.name, chunks_of(file))
    return Payload(path.name, None, content)


def _price_side(name: str, declared: str | None, known: Fact | None, calendar: TradingCalendar) -> Fact:
    """Return what was declared, else what the format knows, else for crypto the convention."""
    if declared is not None and declared not in PRICE_SIDES:
        raise FormatError(f"{name}: unknown price side {declared!r}; expected one of {', '.join(PRICE_SIDES)} (--side)")
    if known is not None and declared in (None, known.value):
        return known
    if known is not None and known.is_evident:
        raise FormatError(f"{name}: its prices are {known.value} ({known.why}), --side {declared} contradicts that")
    if declared is not None:
        return Fact(declared, "declared")
    if calendar.name != "crypto":
        raise FormatError(
            f"{name}: nothing in the file says which prices these are; declare --side bid, ask, mid or trade"
        )
    return Fact("trade", f"{_CONVENTION}; declare --side if not")


def _volume_unit(raw: RawBars, calendar: TradingCalendar) -> Fact:
    """Return what bars with one price show, else the convention: exchanges count base currency, FX feeds ticks."""
    if calendar.name != "crypto":
        return Fact("ticks", _CONVENTION)
    return volume_unit_of(raw.values) or Fact("base", _CONVENTION)


def _check_spacing(name: str, raw: RawBars, timeframe: Timeframe) -> None:
    counts = raw.time.view("int64")
    steps = np.diff(counts)
    if (steps < 0).any():
        steps = np.diff(np.sort(counts))
    if not steps.any():
        return
    found = pd.Series(steps[steps > 0]).mode().iloc[0] / 1e6
    if found != timeframe.delta.total_seconds():
        known = next(
            (f"--timeframe {one}" for one in Timeframe if one.delta.total_seconds() == found), "no known timeframe"
        )
        raise FormatError(
            f"{name}: expected bars of {timeframe}, but most are {found:g} s apart ({known}); check --timeframe"
        )


def _bars(raw: RawBars, fixed: dict[str, str], timeframe: Timeframe, hours: TradingCalendar) -> pd.DataFrame:
    open_time = pd.DatetimeIndex(raw.time).as_unit("us").tz_localize("UTC")
    close_time = hours.with_grid_of(open_time, timeframe).bar_close(open_time, timeframe)
    columns: dict[str, Any] = {name: raw.values[name].to_numpy(copy=True) for name in VALUE_COLUMNS}
    columns |= {"open_time": open_time, "close_time": close_time, "line": raw.line, **fixed}
    return pd.DataFrame({name: columns[name] for name in (*BAR_COLUMNS, "line")}, copy=False)


def _quarantined(raw: RawBars, fixed: dict[str, str]) -> pd.DataFrame:
    rows = raw.unread.assign(**fixed, origin=fixed["source"])
    nothing = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
    rows = rows.assign(open_time=nothing, close_time=nothing, **dict.fromkeys(VALUE_COLUMNS, np.nan))
    return rows.astype(dict.fromkeys((*VALUE_COLUMNS, "line"), "float64"))[list(QUARANTINE_COLUMNS)]
