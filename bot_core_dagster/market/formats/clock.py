"""The clock of a file: its zone and label settled, by declaration, documentation or evidence, and said.

Belongs here: the order in which these count, and what happens to weeks that contradict the rest. Not here: how well a
zone fits (`weekly_hours`, `server_clock`), what a zone is (`zones`).

Declared wins; a zone that contradicts the trading calendar is refused all the same. Then what the format documents.
Then, for FX and metals, evidence: the one clock whose weekly open and close fit. Crypto has no weekly open: its times
without a zone are read as UTC and as open times, which is what exchanges give, and the notes say so. (A label read
wrongly that way makes each bar known one bar late, never early.)
"""

from typing import Final

import numpy as np

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.calendars import TradingCalendar
from bot_core_dagster.market.formats.odd_weeks import with_odd_weeks
from bot_core_dagster.market.formats.raw_bars import RawBars
from bot_core_dagster.market.formats.time_reading import Reading, reading_of
from bot_core_dagster.market.formats.zones import CLOCKS, UTC, Zone, zone_named
from bot_core_dagster.timeframe import Timeframe

_TELLING: Final = Timeframe.H1.delta
"""Longer bars are too coarse to tell the weekly open and close of a single week."""
LABELS: Final = ("open", "close")
_MAX_MISFIT: Final = 0.2
_MAX_CONTRADICTED: Final = 0.1
"""Shares of weeks: holidays, stray bars and changed server clocks are rarer, a wrong zone contradicts most weeks."""


def settled(
    name: str,
    raw: RawBars,
    *,
    tz: str | None,
    label: str | None,
    timeframe: Timeframe,
    calendar: TradingCalendar,
) -> tuple[RawBars, str]:
    """Return the bars with their open times in UTC, and their zone and label in words.

    Raises
    ------
    FormatError
        If zone or label are neither known nor evident, or contradict the trading calendar or the file itself.
    """
    zones, zone_why = _zones(name, raw, tz, calendar)
    labels, label_why = _labels(name, raw, label, calendar)
    readings = [reading_of(raw, zone, one, timeframe, calendar) for zone in zones for one in labels]
    best = min(readings, key=lambda reading: reading.n_misfits)
    if len(readings) > 1:
        options = [*(["--tz"] if len(zones) > 1 else []), *(["--label"] if len(labels) > 1 else [])]
        _refuse_undecided(name, best, readings, " and ".join(options))
    if best.fit is not None:
        _refuse_contradicted(name, raw, best, timeframe, calendar)
    said = f"zone: {best.zone.name} ({zone_why}); label: {best.label} time ({label_why})"

    def reread(zone: Zone) -> Reading:
        return reading_of(raw, zone, best.label, timeframe, calendar)

    is_telling = best.fit is not None and timeframe.delta <= _TELLING
    return with_odd_weeks(raw, best, reread if is_telling else None, may_reread=len(zones) > 1), said


def _zones(name: str, raw: RawBars, tz: str | None, calendar: TradingCalendar) -> tuple[tuple[Zone, ...], str]:
    if raw.is_utc:
        if tz is not None and zone_named(tz).key != "UTC":
            raise FormatError(f"{name}: its times have a zone of their own, --tz {tz} contradicts it; leave --tz out")
        return (UTC,), "in the file"
    if tz is not None:
        return (zone_named(tz),), "declared"
    if raw.zone is not None:
        return (zone_named(raw.zone.value),), raw.zone.why
    if calendar.name == "crypto":
        return (UTC,), "exchanges' convention, nothing in the file says so; declare --tz if not"
    return CLOCKS, "by the weekly open and close"


def _labels(name: str, raw: RawBars, label: str | None, calendar: TradingCalendar) -> tuple[tuple[str, ...], str]:
    if label is not None and label not in LABELS:
        raise FormatError(f"{name}: unknown label {label!r}; expected open or close (--label)")
    if raw.label is not None and label not in (None, raw.label.value) and raw.label.is_evident:
        raise FormatError(
            f"{name}: labelled by {raw.label.value} time ({raw.label.why}), --label {label} contradicts it"
        )
    if label is not None:
        return (label,), "declared"
    if raw.label is not None:
        return (raw.label.value,), raw.label.why
    if calendar.name == "crypto":
        return ("open",), "exchanges' convention, nothing in the file says so; declare --label close if not"
    return LABELS, "by the weekly open and close"


def _refuse_undecided(name: str, best: Reading, readings: list[Reading], options: str) -> None:
    assert best.fit is not None  # only FX and metals have several readings
    n_weeks = len(best.fit.week)
    rivals = [one for one in readings if not np.array_equal(one.open_time, best.open_time, equal_nan=True)]
    tied = [one for one in rivals if one.n_misfits == best.n_misfits]
    if tied or best.n_misfits > _MAX_MISFIT * n_weeks:
        shown = ", ".join(f"{one.zone.name} by {one.label}" for one in [best, *tied][:4])
        raise FormatError(
            f"{name}: the weekly open and close of {n_weeks} weeks do not tell zone and label of its times "
            f"(best: {shown}); declare {options}"
        )


def _refuse_contradicted(
    name: str, raw: RawBars, best: Reading, timeframe: Timeframe, calendar: TradingCalendar
) -> None:
    assert best.fit is not None
    n_contradicted, n_weeks = int(best.fit.is_contradicted.sum()), len(best.fit.week)
    if n_contradicted <= _MAX_CONTRADICTED * n_weeks:
        return
    fitting = [
        zone.name
        for zone in CLOCKS
        if (fit := reading_of(raw, zone, best.label, timeframe, calendar).fit) is not None
        and fit.is_misfit.sum() <= _MAX_MISFIT * n_weeks
    ]
    advice = f"{fitting[0]} would fit: --tz {fitting[0]}" if fitting else "no known zone fits: is the calendar another?"
    raise FormatError(
        f"{name}: zone {best.zone.name} contradicts the {calendar.name} calendar: bars in closed hours "
        f"in {n_contradicted} of {n_weeks} weeks; {advice}"
    )
