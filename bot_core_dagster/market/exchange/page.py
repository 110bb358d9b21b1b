"""One page of an exchange's candles as bars.

Belongs here: which rows of a reply can be read, are new and are closed. Not here: asking for the page (`client`), which
bars are believed (`market.intake`).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from bot_core_dagster.market.bar import BAR_COLUMNS, PRICE_COLUMNS, QUARANTINE_COLUMNS, empty_bars
from bot_core_dagster.settings import Instrument

_CELLS: Final = ("open_time", *PRICE_COLUMNS, "volume")
"""The order of ccxt's OHLCV rows."""


@dataclass(frozen=True)
class Window:
    """What a page was asked for, in ms since 1970: rows that open at `since` or later and close by `until`.

    Rows that open after `latest`, when they were asked for, are impossible.
    """

    since: int
    until: int
    latest: int


@dataclass(frozen=True)
class Page:
    """A page that was read.

    bars : bar frame of the new closed bars, sorted by time, each once; rows that contradict each other are all there
    quarantined : frame of `market.bar.QUARANTINE_COLUMNS`
    last_open : open time of the last new row in ms, closed or not, readable or not; None where there is no new row
    is_stale : the page has rows, all of them from before `since`
    """

    bars: pd.DataFrame
    quarantined: pd.DataFrame
    last_open: int | None
    is_stale: bool


def read_page(rows: list[Any], window: Window, instrument: Instrument, source: str) -> Page:
    """Return the bars of one reply.

    Parameters
    ----------
    rows : list of [open_time in ms, open, high, low, close, volume]
        As ccxt parsed them: None where a cell is missing or not a number. In any order, overlapping or repeated.

    Returns
    -------
    Page
        A row that cannot be read is quarantined, unless it is old or still open by the part of it that can: its time.
    """
    has_volume = any(_is_row(row) and row[5] is not None for row in rows)
    times = [row[0] if _is_row(row) and _is_time(row[0], window.latest) else None for row in rows]
    fresh = [time for time in times if time is not None and time >= window.since]
    readable, refused = [], []
    for row, time in zip(rows, times, strict=True):
        if time is not None and not window.since <= time <= window.until - instrument.timeframe.ms:
            continue
        problem = _problem(row, time, has_volume)
        if problem:
            refused.append((row, problem))
        else:
            readable.append(row[: len(_CELLS)])
    return Page(
        bars=_bar_frame(readable, instrument, source),
        quarantined=_quarantine(refused, instrument, source),
        last_open=max(fresh, default=None),
        is_stale=not fresh and any(time is not None for time in times),
    )


def is_candle(row: Any) -> bool:
    """Return whether a row has a time and four prices, whatever they are."""
    return _is_row(row) and isinstance(row[0], int) and all(isinstance(cell, int | float) for cell in row[1:5])


def _is_row(row: Any) -> bool:
    return isinstance(row, list) and len(row) >= len(_CELLS)


def _is_time(cell: Any, latest: int) -> bool:
    return isinstance(cell, int) and 0 < cell <= latest


def _problem(row: Any, time: int | None, has_volume: bool) -> str:
    if not _is_row(row):
        return f"expected a row of {len(_CELLS)} cells, came {str(row)[:60]!r}"
    if time is None:
        return f"open_time {row[0]!r} is not a time in ms before the exchange's clock"
    needed = _CELLS if has_volume else _CELLS[:-1]
    unread = [name for name, cell in zip(needed, row, strict=False) if not isinstance(cell, int | float)]
    return f"{', '.join(unread)}: not a number" if unread else ""


def _bar_frame(rows: list[list[Any]], instrument: Instrument, source: str) -> pd.DataFrame:
    if not rows:
        return empty_bars()
    cells = pd.DataFrame(rows, columns=list(_CELLS)).drop_duplicates()
    cells = cells.sort_values("open_time", kind="stable", ignore_index=True)
    values = cells[list(_CELLS[1:])].astype("float64")
    open_time = pd.to_datetime(cells["open_time"], unit="ms", utc=True).dt.as_unit("us")
    return values.assign(
        symbol=instrument.symbol,
        timeframe=str(instrument.timeframe),
        open_time=open_time,
        close_time=open_time + instrument.timeframe.delta,
        spread=np.nan,
        price_side="trade",
        volume_unit="base",
        source=source,
    )[list(BAR_COLUMNS)]


def _quarantine(refused: list[tuple[Any, str]], instrument: Instrument, source: str) -> pd.DataFrame:
    rows = [_readable_cells(row) for row, _ in refused]
    frame = pd.DataFrame(rows, columns=list(_CELLS), dtype="float64")
    open_time = pd.to_datetime(frame["open_time"], unit="ms", utc=True, errors="coerce").dt.as_unit("us")
    return frame.assign(
        symbol=instrument.symbol,
        timeframe=str(instrument.timeframe),
        open_time=open_time,
        close_time=open_time + instrument.timeframe.delta,
        spread=np.nan,
        price_side="trade",
        volume_unit="base",
        source=source,
        reason=[problem for _, problem in refused],
        line=np.nan,
        origin=source,
    )[list(QUARANTINE_COLUMNS)]


def _readable_cells(row: Any) -> list[float]:
    if not _is_row(row):
        return [np.nan] * len(_CELLS)
    return [float(cell) if isinstance(cell, int | float) else np.nan for cell in row[: len(_CELLS)]]
