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
from bot_core_dagster.market.bar import PRICE_COLUMNS, QUARANTINE_COLUMNS, VALUE_COLUMNS, empty_bars
from bot_core_dagster.market.calendars import TradingCalendar, calendar
from bot_core_dagster.market.glitches import is_glitch
from bot_core_dagster.market.schema import ROW_RULES, broken_rules, distinct, schema_error
from bot_core_dagster.market.source import Fetched
from bot_core_dagster.market.trading_hours import EARLIEST, FIRST_YEAR, LAST_YEAR, LATEST
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import Timeframe

NO_TIME: Final = "no open_time"
UNKNOWN_YEAR: Final = f"open_time outside {FIRST_YEAR} to {LAST_YEAR}"
CONFLICT: Final = "conflicting rows for one bar"
GLITCH: Final = "price glitch condemned by immediate reversal"

_Reasons = dict[int, str]
"""Why rows are refused, by position: few of most sources are."""
_Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Admission:
    """What became of the rows of one source: n_read = bars + quarantined + n_duplicates.

    bars : bar frame, ascending in open_time, one row a bar; where all rows came so, it shares their memory
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
    rows = fetched.bars.copy(deep=False)
    rows.index = pd.RangeIndex(len(rows))
    lines = rows.pop("line").astype("float64") if "line" in rows else pd.Series(np.nan, index=rows.index)
    timeframe = _require_one_series(rows, instrument)
    reasons, grid = _row_reasons(rows, calendar(instrument.calendar), timeframe)
    repeats, conflicts = _same_times(rows, _is_good(rows, reasons))
    reasons |= dict.fromkeys(conflicts.tolist(), CONFLICT)
    kept = _ascending(rows, np.setdiff1d(np.flatnonzero(_is_good(rows, reasons)), repeats, assume_unique=True))
    possible = _taken(rows, kept)
    condemned = is_glitch(np.array([possible[name].to_numpy() for name in PRICE_COLUMNS]).T)
    reasons |= dict.fromkeys(kept[condemned].tolist(), GLITCH)
    bars = _finish(_taken(possible, np.flatnonzero(~condemned)), grid, timeframe)
    unread = fetched.quarantined
    return Admission(
        bars=bars,
        quarantined=_quarantine(rows, reasons, lines, unread),
        n_read=len(rows) + (0 if unread is None else len(unread)),
        n_duplicates=len(repeats),
        n_conflicts=rows["open_time"].iloc[conflicts].nunique(),
        notes=(*fetched.notes, *_order_note(rows, lines), *_grid_notes(bars, grid, instrument)),
    )


def _require_one_series(rows: pd.DataFrame, instrument: Instrument) -> Timeframe:
    wrong = schema_error(rows)
    if wrong:
        raise QualityError(f"{instrument.symbol}: the source gave no bar frame: {wrong}; mend the source")
    for column, expected in (("symbol", instrument.symbol), ("timeframe", None)):
        came = sorted(distinct(rows[column]))
        if len(came) > 1 or (came and expected not in (None, came[0])):
            wanted = expected or f"one {column}"
            raise QualityError(
                f"{instrument.symbol}: expected rows of {wanted}, got {', '.join(came)}; admit them apart"
            )
    return Timeframe(rows["timeframe"].iloc[0]) if len(rows) else instrument.timeframe


def _row_reasons(rows: pd.DataFrame, own: TradingCalendar, timeframe: Timeframe) -> tuple[_Reasons, TradingCalendar]:
    """Return why rows taken alone are refused, and the calendar with the grid of the others."""
    broken = broken_rules(rows)
    impossible = np.flatnonzero(broken >= 0)
    values = rows.iloc[impossible][list(VALUE_COLUMNS)].to_dict("records")
    reasons = {row: ROW_RULES[broken[row]].reason(of) for row, of in zip(impossible.tolist(), values, strict=True)}
    times = rows["open_time"]
    reasons |= dict.fromkeys(np.flatnonzero(times.isna()).tolist(), NO_TIME)
    reasons |= dict.fromkeys(np.flatnonzero(times.lt(EARLIEST) | times.ge(LATEST)).tolist(), UNKNOWN_YEAR)
    good = np.flatnonzero(_is_good(rows, reasons))
    open_times = pd.DatetimeIndex(times if len(good) == len(times) else times.iloc[good])
    grid = own.with_grid_of(open_times, timeframe)
    off_grid = good[~grid.is_on_grid(open_times, timeframe)]
    _refuse_if_most_are_off(rows, off_grid, len(good), grid, timeframe)
    for row in off_grid.tolist():
        reasons[row] = f"open_time off the {timeframe} grid ({times.iloc[row]:%H:%M:%S.%f})"
    return reasons, grid


def _refuse_if_most_are_off(
    rows: pd.DataFrame, off_grid: _Places, n_good: int, grid: TradingCalendar, timeframe: Timeframe
) -> None:
    if 2 * len(off_grid) > n_good:
        first = rows["open_time"].iloc[off_grid[0]]
        raise QualityError(
            f"{rows['symbol'].iloc[0]}: expected {timeframe} bars of the {grid.name} calendar, but {len(off_grid):,} "
            f"of {n_good:,} open off every grid that it knows, first {first}; check the timeframe and the zone"
        )


def _is_good(rows: pd.DataFrame, reasons: _Reasons) -> npt.NDArray[np.bool_]:
    """Return whether there is no reason against each row (n_rows,)."""
    is_good = np.ones(len(rows), dtype=bool)
    is_good[list(reasons)] = False
    return is_good


def _same_times(rows: pd.DataFrame, is_good: npt.NDArray[np.bool_]) -> tuple[_Places, _Places]:
    """Return which good rows only repeat an earlier one, and which contradict another of the same time."""
    times = rows["open_time"][is_good]
    if (np.diff(_counts(times)) > 0).all():
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    shared = rows.loc[times.index[times.duplicated(keep=False)]]
    is_repeat = shared.duplicated(["open_time", *VALUE_COLUMNS])
    distinct_rows = shared[~is_repeat]
    is_conflict = distinct_rows["open_time"].duplicated(keep=False)
    return shared.index[is_repeat].to_numpy(), distinct_rows.index[is_conflict].to_numpy()


def _ascending(rows: pd.DataFrame, places: _Places) -> _Places:
    """Return the places of rows in the order of their times, those of one time as they came."""
    counts = _counts(rows["open_time"])[places]
    return places if (np.diff(counts) > 0).all() else places[np.argsort(counts, kind="stable")]


def _counts(times: "pd.Series[pd.Timestamp]") -> npt.NDArray[np.int64]:
    """Return times (n_rows,) as microseconds since 1970 UTC, without a copy; NaT is the smallest number."""
    return np.asarray(times.values, dtype="M8[us]").view(np.int64)


def _taken(rows: pd.DataFrame, places: _Places) -> pd.DataFrame:
    """Return the rows in these places, numbered from 0: the frame itself where they are all of them, in order."""
    if len(places) == len(rows) and (np.diff(places) == 1).all():
        return rows
    taken = rows.take(places)
    taken.index = pd.RangeIndex(len(taken))
    return taken


def _finish(rows: pd.DataFrame, grid: TradingCalendar, timeframe: Timeframe) -> pd.DataFrame:
    if rows.empty:
        return empty_bars()
    bars = rows.copy(deep=False)
    bars["close_time"] = grid.bar_close(pd.DatetimeIndex(bars["open_time"]), timeframe)
    return bars


def _quarantine(rows: pd.DataFrame, reasons: _Reasons, lines: pd.Series, unread: pd.DataFrame | None) -> pd.DataFrame:
    places = sorted(reasons)
    found = rows.take(places)
    said = pd.Series([reasons[place] for place in places], index=found.index, dtype=object)
    found = found.assign(reason=said, line=lines.take(places), origin=found["source"])
    parts = [found[list(QUARANTINE_COLUMNS)]]
    if unread is not None and len(unread):
        parts.insert(0, unread[list(QUARANTINE_COLUMNS)].astype(parts[0].dtypes.to_dict()))
    together: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return together


def _order_note(rows: pd.DataFrame, lines: pd.Series) -> tuple[str, ...]:
    times = rows["open_time"].dropna()
    steps_back = times.index[1:][np.diff(_counts(times)) < 0]
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
    sides = set(distinct(bars["price_side"])) - {instrument.price_side}
    if sides:
        notes.append(f"prices are {', '.join(sorted(sides))}, the watchlist says {instrument.price_side}")
    return tuple(notes)
