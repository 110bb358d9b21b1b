"""What an asset made of each symbol, and the ways in which it is stored.

Belongs here: what is made, and one commit for many symbols: rows that replace, are merged, or were only added. Not
here: who is made when (`assets.each_symbol`), what is read (`assets.reading`).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from bot_core_dagster.errors import BotCoreError
from bot_core_dagster.lake import Lake, SeriesChange
from bot_core_dagster.lake.table import Table


@dataclass(frozen=True)
class Check:
    """The result of one asset check for one symbol."""

    name: str
    is_passed: bool
    is_fatal: bool
    reason: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """What an asset made of one symbol: rows by table, and what the UI shows of them.

    The symbol's data version is `version`, where none is given the content of all of its tables; its rows are those of
    the first.
    """

    tables: Sequence[tuple[Table, pd.DataFrame]]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    drawn: Callable[[], Mapping[str, Any]] = dict
    """Gives more metadata, of what is still being drawn when the rest is there."""
    checks: Sequence[Check] = ()
    failure: str = ""
    """Why the downstream must not use the symbol although its rows are kept; such a symbol gets no event."""
    within: Mapping[str, str] = field(default_factory=dict)
    """Which of the symbol's series the rows are of, as in `Lake.replace`; the same for all symbols of an asset."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """What it was made from beside assets: name -> version."""
    version: str = ""
    """What the downstream goes by, where rows change with the clock alone."""


Store = Callable[[Lake, Mapping[str, Made]], Mapping[str, SeriesChange]]


def replace_rows(lake: Lake, made: Mapping[str, Made]) -> Mapping[str, SeriesChange]:
    """Make each table's content of these symbols what was made: one commit a table, of rows in the order of its key."""
    first = next(iter(made.values()))
    by_table = []
    for position, (table, _) in enumerate(first.tables):
        frames = [made[symbol].tables[position][1] for symbol in sorted(made)]
        filled = [frame for frame in frames if len(frame)] or frames[:1]
        rows = pd.concat(filled, ignore_index=True)
        by_table.append(lake.replace(table, rows, list(made), within=first.within))
    return {symbol: _joined([changes[symbol] for changes in by_table]) for symbol in made}


def _joined(changes: Sequence[SeriesChange]) -> SeriesChange:
    if len(changes) == 1:
        return changes[0]
    joined = "".join(change.content_hash for change in changes)
    return replace(changes[0], content_hash=hashlib.sha256(joined.encode()).hexdigest())


def upsert_rows(lake: Lake, made: Mapping[str, Made]) -> Mapping[str, SeriesChange]:
    """Add the rows of all symbols to the one table, in one commit; those before them stay."""
    table = next(iter(made.values())).tables[0][0]
    filled = [one.tables[0][1] for one in made.values() if len(one.tables[0][1])]
    changes = lake.upsert(table, pd.concat(filled, ignore_index=True)) if filled else {}
    return {symbol: changes.get(symbol) or unchanged for symbol, unchanged in lake.unchanged(table, list(made)).items()}


def rows_added(lake: Lake, table: Table, symbols: Sequence[str], within: Mapping[str, str] | None = None) -> Store:
    """Return a store for what adds its rows while it is made, from now on: it tells how many each symbol has got."""
    before = lake.unchanged(table, symbols, within=within)

    def told(lake: Lake, made: Mapping[str, Made]) -> Mapping[str, SeriesChange]:
        after = lake.unchanged(table, list(made), within=within)
        return {symbol: replace(one, n_new=one.n_rows - before[symbol].n_rows) for symbol, one in after.items()}

    return told


def store_each(
    lake: Lake, made: Mapping[str, Made], store: Store, passes_through: tuple[type[BotCoreError], ...]
) -> tuple[Mapping[str, SeriesChange], dict[str, str]]:
    """Store all in one commit; where that is refused, one by one, so that only the refused symbol is lost."""
    try:
        return store(lake, made), {}
    except passes_through:
        raise
    except BotCoreError as error:
        if len(made) == 1:
            return {}, {symbol: str(error) for symbol in made}
    changes: dict[str, SeriesChange] = {}
    failed: dict[str, str] = {}
    for symbol, one in made.items():
        stored, refused = store_each(lake, {symbol: one}, store, passes_through)
        changes |= stored
        failed |= refused
    return changes, failed
