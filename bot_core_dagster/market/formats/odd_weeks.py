"""Odd weeks: weeks of a file whose clock is not that of the rest.

Belongs here: reading them otherwise, or setting them aside, and saying so. Not here: the clock of the rest (`clock`).

A MetaTrader server changes its clock now and then: the real export is European until 2019, follows New York from 2020
on, and is an hour off for most of the week of 30 October 2017. A week whose open and close contradict the file's clock
and fit the other clock that servers have is read in that one where the zone is detected, and set aside where it was
declared or documented. A week of which the weekly hours say one clock and the hours of activity the other is set aside.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from bot_core_dagster.market.formats.raw_bars import RawBars, joined, unread_rows, where_kept
from bot_core_dagster.market.formats.server_clock import follows_new_york
from bot_core_dagster.market.formats.time_reading import Reading
from bot_core_dagster.market.formats.weekly_hours import week_numbers
from bot_core_dagster.market.formats.zones import EUROPEAN_SERVER, NEW_YORK_SERVER, SERVER_CLOCKS, Zone

_SHOWN: Final = 3

Weeks = npt.NDArray[np.int64]
Reread = Callable[[Zone], Reading]


def with_odd_weeks(raw: RawBars, best: Reading, reread: Reread | None, *, may_reread: bool) -> RawBars:
    """Return the bars with open times in UTC as `time`, their odd weeks read otherwise or unread, as notes say.

    Parameters
    ----------
    raw : RawBars
    best : Reading
        That of the file as a whole.
    reread : function
        The reading in another zone, with the same label; None where weeks are not to be compared: crypto has no weekly
        hours.
    may_reread : bool
        Whether weeks that contradict `best` may be read in another clock: not where the zone was declared or
        documented.
    """
    is_unclear = np.isnat(best.open_time)
    if reread is None and raw.refused is None and not is_unclear.any():
        return replace(raw, time=best.open_time, is_utc=True)
    open_time, notes = best.open_time.copy(), []
    reason = np.empty(len(open_time), dtype=object)
    reason.fill("")
    reason[is_unclear] = f"the clock of {best.zone.name} shows this time twice or never"
    if reread is not None:
        number = week_numbers(best.wall)
        odd, other = _explained(best, reread)
        is_odd = np.isin(number, odd)
        if other is not None and may_reread:
            open_time[is_odd] = other.open_time[is_odd]
            notes.append(f"{_weeks(number, best.wall, odd)} contradict it and are read as {other.zone.name}")
        elif other is not None:
            reason[is_odd] = f"its week contradicts {best.zone.name} in its open or close; {other.zone.name} fits"
            notes.append(f"{_weeks(number, best.wall, odd)} contradict it: quarantined ({other.zone.name} fits them)")
        doubtful, note = _doubtful(raw, best, reread, number)
        reason[np.isin(number, doubtful)] = (
            f"the clock of its week is unknown (its Friday close fits {best.zone.name}, its hours of activity "
            f"{NEW_YORK_SERVER.name})"
        )
        notes.extend(note)
    if raw.refused is not None:
        reason = np.where(raw.refused != "", raw.refused, reason)
    return _kept(raw, open_time, reason, notes)


def _kept(
    raw: RawBars, open_time: npt.NDArray[np.datetime64], reason: npt.NDArray[np.object_], notes: list[str]
) -> RawBars:
    """Return the rows without a reason against them; the others are unread."""
    is_bad = reason != ""
    return replace(
        raw,
        time=open_time[~is_bad],
        is_utc=True,
        values=where_kept(raw.values, ~is_bad),
        line=raw.line[~is_bad],
        unread=joined(raw.unread, unread_rows(raw.line[is_bad], list(reason[is_bad]))),
        refused=None,
        notes=(*raw.notes, *notes),
    )


def _explained(best: Reading, reread: Reread) -> tuple[Weeks, Reading | None]:
    """Return the weeks that `best` does not explain and another server clock does, and that clock."""
    assert best.fit is not None  # asked for FX and metals only
    odd = best.fit.week[best.fit.is_misfit]
    others = [reread(zone) for zone in SERVER_CLOCKS if len(odd) and zone != best.zone]
    explained = [(odd[np.isin(odd, one.fit.week[~one.fit.is_misfit])], one) for one in others if one.fit is not None]
    weeks, other = max(explained, key=lambda pair: len(pair[0]), default=(odd, None))
    return weeks, other if len(weeks) else None


def _doubtful(raw: RawBars, best: Reading, reread: Reread, number: Weeks) -> tuple[Weeks, list[str]]:
    """Return the weeks whose Friday close fits the European clock and whose activity does not, and notes."""
    none = np.empty(0, dtype="int64")
    if best.fit is None or best.zone != EUROPEAN_SERVER or not best.fit.opens_late.any():
        return none, []
    rival = reread(NEW_YORK_SERVER)
    differing = np.unique(number[best.open_time != rival.open_time])
    late = np.intersect1d(best.fit.week[best.fit.opens_late], differing)
    if not len(late):
        return none, []
    order = np.argsort(best.wall, kind="stable")
    ticks = raw.values["volume"].to_numpy()[order]
    follows = follows_new_york(best.wall[order], ticks, number[order], late, np.setdiff1d(number, differing))
    if follows is None:
        return none, [f"{_weeks(number, best.wall, late)} cannot be checked for a clock that follows New York"]
    weeks = np.array([week for week in late if follows.get(int(week), False)], dtype="int64")
    if not len(weeks):
        return none, []
    shown = _weeks(number, best.wall, weeks)
    return weeks, [f"{shown} of unknown clock, its weekly hours and its hours of activity disagree: quarantined"]


def _weeks(number: Weeks, wall: npt.NDArray[np.datetime64], weeks: Weeks) -> str:
    """Return weeks in words, by the date of their first bar."""
    dates = [str(wall[number == week].min().astype("M8[D]")) for week in weeks[:_SHOWN]]
    more = f" and {len(weeks) - _SHOWN} more" if len(weeks) > _SHOWN else ""
    return f"{len(weeks)} week{'s' if len(weeks) > 1 else ''} (from {', '.join(dates)}{more})"
