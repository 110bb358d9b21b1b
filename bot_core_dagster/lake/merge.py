"""What a write makes of the rows that are stored: merged rows and the count of what changed.

Belongs here: matching by key, corrections, provenance, point-in-time bookkeeping. Not here: reading and committing
(`lake.writer`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake.keys import IntArray, Series, microseconds, places_of, ranked, row_numbers, series_codes
from bot_core_dagster.lake.rows import rows_at
from bot_core_dagster.lake.table import BOOKKEEPING, RECORDED_AT, SUPERSEDED_AT, Table

BoolArray = np.ndarray[Any, np.dtype[np.bool_]]

SIMULATED: Final = "simulated"
"""The same word as `market.bar.SIMULATED` (a test compares them), without importing pandas."""


@dataclass
class Tally:
    """Counts of one symbol while a write is worked out; times in microseconds UTC."""

    n_new: int = 0
    n_changed: int = 0
    n_unchanged: int = 0
    n_removed: int = 0
    times: list[int] = field(default_factory=list)


Tallies = dict[str, Tally]


@dataclass(frozen=True)
class Match:
    """Given rows against stored current rows.

    position : place among the stored rows, -1 for a new key; shape (n_given,)
    is_changed : the key is stored with other values; shape (n_given,)
    """

    position: IntArray
    is_changed: BoolArray

    @property
    def is_new(self) -> BoolArray:
        """Given rows whose key is not stored; shape (n_given,)."""
        return self.position < 0

    @property
    def is_written(self) -> BoolArray:
        """Given rows that are not stored as they are; shape (n_given,)."""
        return self.is_new | self.is_changed


def match_rows(
    stored: "pa.Table", given: "pa.Table", table: Table, time: str | None, is_current: BoolArray | None = None
) -> Match:
    """Match given rows to stored current ones (all by default) by key; null equals null."""
    candidates = _in_range_of(given, stored, time)
    candidates = candidates if is_current is None else candidates[is_current[candidates]]
    position = np.full(len(given), -1)
    is_changed = np.zeros(len(given), dtype=np.bool_)
    if not len(candidates):
        return Match(position, is_changed)
    key = list(table.key)
    keys = pa.concat_tables([given.select(key), rows_at(stored.select(key), candidates)])
    numbers = row_numbers(keys.columns)
    found = places_of(numbers[: len(given)], numbers[len(given) :])
    met = np.flatnonzero(found >= 0)
    position[met] = candidates[found[met]]
    is_changed[met] = _differ(rows_at(stored, position[met]), rows_at(given, met), table)
    return Match(position, is_changed)


def _in_range_of(given: "pa.Table", stored: "pa.Table", time: str | None) -> IntArray:
    if time is None or not len(given) or not len(stored):
        return np.arange(len(stored))
    wanted, there = microseconds(given[time]), microseconds(stored[time])
    return np.flatnonzero((there >= wanted.min()) & (there <= wanted.max()))


def _differ(stored: "pa.Table", given: "pa.Table", table: Table) -> BoolArray:
    differs = np.zeros(len(given), dtype=np.bool_)
    names = dict.fromkeys([*given.column_names, *stored.column_names])
    for name in names:
        if name in table.key or name in BOOKKEEPING:
            continue
        if name not in given.column_names or name not in stored.column_names:
            there = given if name in given.column_names else stored
            differs |= pc.is_valid(there[name]).to_numpy()
            continue
        old, new = stored[name], given[name]
        same = pc.or_(pc.fill_null(pc.equal(old, new), False), pc.and_(pc.is_null(old), pc.is_null(new)))
        differs |= ~same.to_numpy()
    return differs


def tally_given(tallies: Tallies, given: "pa.Table", match: Match, time: str | None) -> None:
    """Count the given rows of each symbol by what they met."""
    codes, symbols = _by_symbol(given)
    counts = [
        np.bincount(codes[mask], minlength=len(symbols)) for mask in (match.is_new, match.is_changed, ~match.is_written)
    ]
    for index, symbol in enumerate(symbols):
        tally = tallies[symbol]
        tally.n_new += int(counts[0][index])
        tally.n_changed += int(counts[1][index])
        tally.n_unchanged += int(counts[2][index])
    _note_times(tallies, given, match.is_written, time)


def tally_removed(tallies: Tallies, stored: "pa.Table", is_removed: BoolArray, time: str | None) -> None:
    """Count the stored rows of each symbol that have no successor."""
    codes, symbols = _by_symbol(stored)
    counts = np.bincount(codes[is_removed], minlength=len(symbols))
    for symbol, count in zip(symbols, counts, strict=True):
        tallies[symbol].n_removed += int(count)
    _note_times(tallies, stored, is_removed, time)


def _note_times(tallies: Tallies, rows: "pa.Table", mask: BoolArray, time: str | None) -> None:
    if time is None or not mask.any():
        return
    codes, symbols = _by_symbol(rows)
    moments = microseconds(rows[time])
    usable = mask & pc.is_valid(rows[time]).to_numpy()
    earliest = np.full(len(symbols), np.iinfo(np.int64).max)
    np.minimum.at(earliest, codes[usable], moments[usable])
    for symbol, moment in zip(symbols, earliest, strict=True):
        if moment != np.iinfo(np.int64).max:
            tallies[symbol].times.append(int(moment))


def _by_symbol(rows: "pa.Table") -> tuple[IntArray, list[str]]:
    codes, symbols = ranked(rows["symbol"])
    return codes, symbols.to_pylist()


@dataclass(frozen=True)
class Merged:
    """All rows of the touched files afterwards, which of them were added or altered, and the counts."""

    rows: "pa.Table"
    is_dirty: BoolArray
    tallies: Tallies


def merge_current(stored: "pa.Table", given: "pa.Table", table: Table, time: str | None) -> Merged:
    """Merge given rows into a table without history: the given row wins."""
    match = match_rows(stored, given, table, time)
    tallies: Tallies = defaultdict(Tally)
    tally_given(tallies, given, match, time)
    stays = np.ones(len(stored), dtype=np.bool_)
    stays[match.position[match.is_changed]] = False
    written = rows_at(given, np.flatnonzero(match.is_written))
    rows = _concat(rows_at(stored, np.flatnonzero(stays)), written)
    is_dirty = np.concatenate([np.zeros(int(stays.sum()), dtype=np.bool_), np.ones(len(written), dtype=np.bool_)])
    return Merged(rows, is_dirty, tallies)


def merge_versions(
    stored: "pa.Table",
    given: "pa.Table",
    table: Table,
    time: str | None,
    *,
    recorded_at: datetime | None,
    floor: datetime | None,
    voided: set[Series],
) -> Merged:
    """Merge given rows into a point-in-time table: a corrected row is closed and its correction added.

    Parameters
    ----------
    recorded_at : datetime, UTC or None
        When the given rows became known; None is now, or just after `floor` where the clock is behind it.
    floor : datetime, UTC or None
        The latest time recorded in the touched series.
    voided : set of series
        Every current row of these is closed, given or not.

    Raises
    ------
    LakeError
        If `recorded_at` lies before what these series have recorded.
    """
    is_current = pc.is_null(stored[SUPERSEDED_AT]).to_numpy()
    match = match_rows(stored, given, table, time, is_current)
    is_closed = np.zeros(len(stored), dtype=np.bool_)
    is_closed[match.position[match.is_changed]] = True
    tallies: Tallies = defaultdict(Tally)
    tally_given(tallies, given, match, time)
    if voided:
        is_void = is_current & _in_series(stored, table, voided)
        is_closed |= is_void
        is_void[match.position[~match.is_new]] = False
        tally_removed(tallies, stored, is_void, time)
    if not is_closed.any() and not match.is_written.any():
        return Merged(stored, is_closed, tallies)
    moment = _recording_time(recorded_at, floor, stored.filter(pa.array(is_closed)))
    written = rows_at(given, np.flatnonzero(match.is_written))
    rows = _concat(_closed(stored, is_closed, moment), _opened(written, moment))
    return Merged(rows, np.concatenate([is_closed, np.ones(len(written), dtype=np.bool_)]), tallies)


def close_versions(
    stored: "pa.Table", keys: "pa.Table", table: Table, time: str | None, *, floor: datetime | None
) -> Merged:
    """Close the current rows of these keys without a successor; keys that are not current change nothing."""
    is_current = pc.is_null(stored[SUPERSEDED_AT]).to_numpy()
    match = match_rows(stored, keys, table, time, is_current)
    is_closed = np.zeros(len(stored), dtype=np.bool_)
    is_closed[match.position[~match.is_new]] = True
    tallies: Tallies = defaultdict(Tally)
    if not is_closed.any():
        return Merged(stored, is_closed, tallies)
    tally_removed(tallies, stored, is_closed, time)
    moment = _recording_time(None, floor, stored.filter(pa.array(is_closed)))
    return Merged(_closed(stored, is_closed, moment), is_closed, tallies)


def _in_series(rows: "pa.Table", table: Table, wanted: set[Series]) -> BoolArray:
    codes, names = series_codes(rows, table)
    result: BoolArray = np.array([name in wanted for name in names], dtype=np.bool_)[codes]
    return result


def _recording_time(asked: datetime | None, floor: datetime | None, closed: "pa.Table") -> datetime:
    if asked is None:
        now = datetime.now(UTC)
        return now if floor is None or now > floor else floor + timedelta(microseconds=1)
    latest = pc.max(closed[RECORDED_AT]).as_py()
    if (floor is not None and asked < floor) or (latest is not None and asked <= latest):
        known = max(moment for moment in (floor, latest) if moment is not None)
        raise LakeError(
            f"recorded_at {asked.isoformat()} goes backwards: these series recorded {known.isoformat()}, and what "
            "was known before must stay readable; leave recorded_at out, or give a later one"
        )
    return asked


def _closed(stored: "pa.Table", is_closed: BoolArray, moment: datetime) -> "pa.Table":
    column = stored[SUPERSEDED_AT]
    ended = pc.if_else(pa.array(is_closed), pa.scalar(moment, column.type), column)
    return stored.set_column(stored.column_names.index(SUPERSEDED_AT), SUPERSEDED_AT, ended)


def _opened(written: "pa.Table", moment: datetime) -> "pa.Table":
    kind = pa.timestamp("us", tz="UTC")
    started = pa.repeat(pa.scalar(moment, kind), len(written))
    return written.append_column(RECORDED_AT, started).append_column(SUPERSEDED_AT, pa.nulls(len(written), kind))


def _concat(stored: "pa.Table", written: "pa.Table") -> "pa.Table":
    """Return both in one; given rows alone where nothing is stored are not copied."""
    if not len(stored) and set(stored.column_names) <= set(written.column_names):
        return written
    return pa.concat_tables([stored, written], promote_options="default").combine_chunks()


def simulated_series(source: "pa.ChunkedArray", codes: IntArray, names: Sequence[Series]) -> dict[Series, bool]:
    """Return of each series that has rows whether these are simulated.

    Parameters
    ----------
    source : the column `source`, shape (n_rows,)
    codes : each row's series, a place in `names`, shape (n_rows,)

    Raises
    ------
    LakeError
        If a series mixes simulated and real rows.
    """
    is_simulated = pc.equal(source, SIMULATED).fill_null(False).to_numpy()
    n_rows = np.bincount(codes, minlength=len(names)).tolist()
    n_simulated = np.bincount(codes[is_simulated], minlength=len(names)).tolist()
    counts = [(name, some, every) for name, some, every in zip(names, n_simulated, n_rows, strict=True) if every]
    mixed = [name for name, some, every in counts if 0 < some < every]
    if mixed:
        raise LakeError(
            f"{' '.join(mixed[0])} mixes simulated and real bars in a batch; expected one source; upsert them apart"
        )
    return {name: bool(some) for name, some, _ in counts}
