"""Intake: which rows of a source become bars.

Belongs here: what is refused (into quarantine, with the reason), what is dropped and counted, the order of the rest.
Not here: reading sources, whether a whole series may be used (`market.quality`), where rows are kept (`lake`).

Impossible rows are quarantined, improbable ones kept; nothing is filled or mended (CONVENTIONS 16). A bar outside
trading hours is improbable, not impossible: it is kept, and a note and `market.quality` say so. When a bar closes is
the calendar's to say, whatever the source wrote.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.errors import QualityError
from bot_core_dagster.market.bar import BAR_COLUMNS, PRICE_COLUMNS, QUARANTINE_COLUMNS, VALUE_COLUMNS, empty_bars
from bot_core_dagster.market.calendars import TradingCalendar, calendar
from bot_core_dagster.market.glitches import is_glitch
from bot_core_dagster.market.schema import ROW_RULES, broken_rules, schema_error
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.market.trading_hours import EARLIEST, FIRST_YEAR, LAST_YEAR, LATEST, microseconds
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import Timeframe

NO_TIME: Final = "no open_time"
UNKNOWN_YEAR: Final = f"open_time outside {FIRST_YEAR} to {LAST_YEAR}"
CONFLICT: Final = "conflicting rows for one bar"
GLITCH: Final = "price glitch condemned by immediate reversal"

_Reasons = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Admission:
    """What became of the rows of one source: n_read = bars + quarantined + n_duplicates.

    bars : bar frame, ascending in open_time, one row a bar
    quarantined : frame of `market.bar.QUARANTINE_COLUMNS`, what the source itself could not read first
    n_read : rows that came
    n_duplicates : rows dropped because an equal one was kept
    n_conflicts : bars of which no row was kept because rows contradict each other
    notes : what a user should know, the source's own notes first
    """

    bars: pd.DataFrame
    quarantined: pd.DataFrame
    n_read: int
    n_duplicates: int
    n_conflicts: int
    notes: tuple[str, ...]


def condemned_bars(quarantined: pd.DataFrame) -> pd.DataFrame:
    """Return the keys (symbol, timeframe, open_time) of bars that later bars condemned as glitches.

    A glitch that came as the newest bar was admitted then; its stored version must be withdrawn.
    """
    is_glitch_row = quarantined["reason"].astype("string").str.startswith(GLITCH).fillna(False).to_numpy(dtype=bool)
    return quarantined.loc[is_glitch_row, ["symbol", "timeframe", "open_time"]].drop_duplicates(ignore_index=True)


def admit(fetched: Fetched, instrument: Instrument) -> Admission:
    """Sort the rows of a source into bars, quarantined rows and duplicates.

    Parameters
    ----------
    fetched : what a source gave; its bars may carry an extra column `line` (the row's line in its file)
    instrument : whose bars they are; they may be of another timeframe than its own, of one only

    Raises
    ------
    QualityError
        If the frame is no bar frame, is not of one timeframe and this symbol, or if most bars lie on no grid of their
        timeframe: then the timeframe or the zone is wrong, not the rows.
    """
    rows = fetched.bars.reset_index(drop=True)
    lines = rows.pop("line").astype("float64") if "line" in rows else pd.Series(np.nan, index=rows.index)
    timeframe = _require_one_series(rows, instrument)
    reasons, grid = _row_reasons(rows, calendar(instrument.calendar), timeframe)
    reasons, is_duplicate = _resolve_same_times(rows, reasons)
    kept = np.flatnonzero((reasons == "") & ~is_duplicate)
    kept = kept[np.argsort(microseconds(pd.DatetimeIndex(rows["open_time"].iloc[kept])), kind="stable")]
    condemned = is_glitch(rows[list(PRICE_COLUMNS)].to_numpy()[kept])
    reasons[kept[condemned]] = GLITCH
    bars = _finish(rows.loc[kept[~condemned]], grid, timeframe)
    unread = fetched.quarantined
    return Admission(
        bars=bars,
        quarantined=_quarantine(rows, reasons, lines, unread),
        n_read=len(rows) + (0 if unread is None else len(unread)),
        n_duplicates=int(is_duplicate.sum()),
        n_conflicts=int(rows.loc[reasons == CONFLICT, "open_time"].nunique()),
        notes=(*fetched.notes, *_order_note(rows, lines), *_grid_notes(bars, grid, instrument)),
    )


def _require_one_series(rows: pd.DataFrame, instrument: Instrument) -> Timeframe:
    wrong = schema_error(rows)
    if wrong:
        raise QualityError(f"{instrument.symbol}: the source gave no bar frame: {wrong}; mend the source")
    for column, expected in (("symbol", instrument.symbol), ("timeframe", None)):
        came = sorted(rows[column].unique())
        if len(came) > 1 or (came and expected not in (None, came[0])):
            wanted = expected or f"one {column}"
            raise QualityError(
                f"{instrument.symbol}: expected rows of {wanted}, got {', '.join(came)}; admit them apart"
            )
    return Timeframe(rows["timeframe"].iloc[0]) if len(rows) else instrument.timeframe


def _row_reasons(rows: pd.DataFrame, own: TradingCalendar, timeframe: Timeframe) -> tuple[_Reasons, TradingCalendar]:
    """Return why each row taken alone is refused ("" if it is not), and the calendar with the grid of the others."""
    reasons = np.full(len(rows), "", dtype=object)
    broken = broken_rules(rows)
    impossible = np.flatnonzero(broken >= 0)
    for row, prices in zip(impossible, rows[list(VALUE_COLUMNS)].iloc[impossible].to_dict("records"), strict=True):
        reasons[row] = ROW_RULES[broken[row]].reason(prices)
    times = rows["open_time"]
    reasons[times.isna().to_numpy()] = NO_TIME
    reasons[(times.lt(EARLIEST) | times.ge(LATEST)).to_numpy()] = UNKNOWN_YEAR
    good = np.flatnonzero(reasons == "")
    open_times = pd.DatetimeIndex(times.iloc[good])
    grid = own.with_grid_of(open_times, timeframe)
    off_grid = good[~grid.is_on_grid(open_times, timeframe)]
    _refuse_if_most_are_off(rows, off_grid, len(good), grid, timeframe)
    for row in off_grid:
        reasons[row] = f"open_time off the {timeframe} grid ({times.iloc[row]:%H:%M:%S.%f})"
    return reasons, grid


def _refuse_if_most_are_off(
    rows: pd.DataFrame, off_grid: npt.NDArray[np.int64], n_good: int, grid: TradingCalendar, timeframe: Timeframe
) -> None:
    if 2 * len(off_grid) > n_good:
        first = rows["open_time"].iloc[off_grid[0]]
        raise QualityError(
            f"{rows['symbol'].iloc[0]}: expected {timeframe} bars of the {grid.name} calendar, but {len(off_grid):,} "
            f"of {n_good:,} open off every grid that it knows, first {first}; check the timeframe and the zone"
        )


def _resolve_same_times(rows: pd.DataFrame, reasons: _Reasons) -> tuple[_Reasons, npt.NDArray[np.bool_]]:
    """Return the reasons with those of conflicts, and which rows only repeat an earlier one."""
    is_duplicate = np.zeros(len(rows), dtype=bool)
    times = rows["open_time"][reasons == ""]
    if times.is_unique:
        return reasons, is_duplicate
    shared = rows.loc[times.index[times.duplicated(keep=False)]]
    is_duplicate[shared.index[shared.duplicated(["open_time", *VALUE_COLUMNS])]] = True
    distinct = shared[~is_duplicate[shared.index]]
    with_conflicts = reasons.copy()
    with_conflicts[distinct.index[distinct["open_time"].duplicated(keep=False)]] = CONFLICT
    return with_conflicts, is_duplicate


def _finish(rows: pd.DataFrame, grid: TradingCalendar, timeframe: Timeframe) -> pd.DataFrame:
    if rows.empty:
        return empty_bars()
    bars = rows[list(BAR_COLUMNS)].reset_index(drop=True)
    bars["close_time"] = grid.bar_close(pd.DatetimeIndex(bars["open_time"]), timeframe)
    return bars


def _quarantine(rows: pd.DataFrame, reasons: _Reasons, lines: pd.Series, unread: pd.DataFrame | None) -> pd.DataFrame:
    refused = reasons != ""
    found = rows[refused].assign(reason=reasons[refused], line=lines[refused], origin=rows.loc[refused, "source"])
    parts = [found[list(QUARANTINE_COLUMNS)]]
    if unread is not None and len(unread):
        parts.insert(0, unread[list(QUARANTINE_COLUMNS)].astype(parts[0].dtypes.to_dict()))
    together: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return together


def _order_note(rows: pd.DataFrame, lines: pd.Series) -> tuple[str, ...]:
    times = rows["open_time"].dropna()
    steps_back = times.index[times.diff() < pd.Timedelta(0)]
    if len(steps_back) == 0:
        return ()
    line = lines[steps_back[0]]
    where = f"row {steps_back[0] + 1}" if np.isnan(line) else f"line {line:.0f}"
    return (f"time goes backwards {len(steps_back):,} times, first at {where}: sorted",)


def _grid_notes(bars: pd.DataFrame, grid: TradingCalendar, instrument: Instrument) -> tuple[str, ...]:
    if bars.empty:
        return ()
    notes = []
    timeframe = bars["timeframe"].iloc[0]
    own = calendar(instrument.calendar)
    if grid != own:
        notes.append(
            f"{timeframe} bars start at {grid.day_start}, the {own.name} calendar's at {own.day_start}: kept so"
        )
    open_times = pd.DatetimeIndex(bars["open_time"])
    outside = open_times[~grid.may_have_bars(open_times, Timeframe(timeframe))]
    if len(outside):
        notes.append(
            f"{len(outside):,} of {len(bars):,} bars lie outside {own.name} trading hours, first "
            f"{outside[0]:%Y-%m-%d %H:%M}: kept"
        )
    sides = set(bars["price_side"].unique()) - {instrument.price_side}
    if sides:
        notes.append(f"prices are {', '.join(sorted(sides))}, the watchlist says {instrument.price_side}")
    return tuple(notes)
