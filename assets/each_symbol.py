"""The one helper that materialises many symbols in one run.

Belongs here: that a symbol which fails stops its own downstream and nothing else, and that each good symbol gets one
event with its own data version. Not here: what any asset computes (the core), the check that turns the run red
(`assets.checks`).

Dagster stamps all partitions of a run alike when an asset returns a result, so the helper defers that
(`dagster/defer_asset_events`, internal to the pinned Dagster; a test asserts its effect) and logs the events itself.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import dagster as dg
import pandas as pd

from bot_core_dagster.errors import BotCoreError, SourceError
from bot_core_dagster.lake import BARS, Lake, SeriesChange
from bot_core_dagster.lake.table import Table
from bot_core_dagster.lineage import Outcome, outcomes_of, record_outcomes
from bot_core_dagster.settings import Instrument, Settings
from resources.run_history import claim_run

Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Check:
    """The result of one asset check for one symbol."""

    name: str
    is_passed: bool
    is_fatal: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """What an asset made of one symbol: rows by table, and what the UI shows of them.

    The symbol's data version is the content of all of its tables; its rows are those of the first.
    """

    tables: Sequence[tuple[Table, pd.DataFrame]]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    failure: str = ""
    """Why the downstream must not use the symbol although its rows are kept; such a symbol gets no event."""


Store = Callable[[Lake, Mapping[str, Made]], Mapping[str, SeriesChange]]


def stored_bars(lake: Lake, instruments: Sequence[Instrument]) -> dict[str, pd.DataFrame]:
    """Return the current bars of each instrument on its own timeframe; a symbol without bars is absent."""
    loaded: dict[str, pd.DataFrame] = {}
    for timeframe in {instrument.timeframe for instrument in instruments}:
        stored = set(lake.symbols(BARS, timeframe))
        wanted = [instrument.symbol for instrument in instruments if instrument.timeframe == timeframe]
        loaded |= lake.bars_of([symbol for symbol in wanted if symbol in stored], timeframe)
    return loaded


def replace_rows(lake: Lake, made: Mapping[str, Made]) -> Mapping[str, SeriesChange]:
    """Make each table's content of these symbols what was made: one commit a table."""
    first = next(iter(made.values()))
    by_table = []
    for position, (table, _) in enumerate(first.tables):
        frames = [one.tables[position][1] for one in made.values()]
        filled = [frame for frame in frames if len(frame)] or frames[:1]
        by_table.append(lake.replace(table, pd.concat(filled, ignore_index=True), list(made)))
    return {symbol: _joined([changes[symbol] for changes in by_table]) for symbol in made}


def _joined(changes: Sequence[SeriesChange]) -> SeriesChange:
    if len(changes) == 1:
        return changes[0]
    joined = "".join(change.content_hash for change in changes)
    return replace(changes[0], content_hash=hashlib.sha256(joined.encode()).hexdigest())


def materialize_each_symbol(
    context: dg.AssetExecutionContext,
    lake: Lake,
    settings: Settings,
    symbols: Sequence[str],
    make: Callable[[Instrument, Loaded], Made],
    *,
    load: Callable[[Lake, Sequence[Instrument]], Mapping[str, Loaded]] = stored_bars,  # type: ignore[assignment]
    store: Store = replace_rows,
) -> None:
    """Make, store and report each of the run's symbols; a `BotCoreError` fails its symbol only.

    Parameters
    ----------
    symbols : the part of the run's partitions to make; empty for all of them
    make : computes one symbol from what `load` gave for it
    """
    claim_run(context)
    cast("dict[str, str]", context.run.tags)["dagster/defer_asset_events"] = "true"
    upstream = _Upstream.read(context, lake)
    chosen = list(symbols) or list(context.partition_keys)
    failed = {symbol: upstream.failures[symbol] for symbol in chosen if symbol in upstream.failures}
    instruments, unknown = _on_the_watchlist(settings, [symbol for symbol in chosen if symbol not in failed])
    made, unmade = _make_each(context, instruments, load(lake, instruments), make)
    changes, unstored = _store_each(lake, made, store)
    failed |= unknown | unmade | unstored | {symbol: one.failure for symbol, one in made.items() if one.failure}
    version = (context.assets_def.code_versions_by_key or {}).get(context.asset_key) or ""
    common = {"asset": context.asset_key.to_user_string(), "run_id": context.run.run_id, "code_version": version}
    at = datetime.now(UTC)
    good = [
        Outcome(
            symbol=symbol,
            made_at=at,
            n_rows=change.n_rows,
            content_hash=change.content_hash,
            inputs=upstream.hashes(symbol),
            **common,
        )
        for symbol, change in changes.items()
        if symbol not in failed
    ]
    bad = [
        Outcome(symbol=symbol, made_at=at, is_made=False, reason=why, inputs=upstream.hashes(symbol), **common)
        for symbol, why in failed.items()
    ]
    record_outcomes(lake, [*good, *bad])
    for symbol in changes:
        _report_checks(context, symbol, made[symbol])
    for outcome in good:
        context.log_event(_materialization(context, outcome, made[outcome.symbol], changes[outcome.symbol], upstream))
    for symbol, reason in failed.items():
        context.log.error(f"{context.asset_key.to_user_string()} of {symbol} was not made: {reason}")


@dataclass(frozen=True)
class _Upstream:
    """The outcomes and latest events of the assets that this one is made from, by symbol."""

    outcomes: Mapping[str, Mapping[str, Outcome]]
    pointers: Mapping[str, Mapping[str, int]]

    @classmethod
    def read(cls, context: dg.AssetExecutionContext, lake: Lake) -> "_Upstream":
        keys = sorted(context.assets_def.asset_deps[context.asset_key])
        outcomes: dict[str, dict[str, Outcome]] = {key.to_user_string(): {} for key in keys}
        for outcome in outcomes_of(lake, list(outcomes)):
            outcomes[outcome.asset][outcome.symbol] = outcome
        kind = dg.DagsterEventType.ASSET_MATERIALIZATION
        return cls(
            outcomes,
            {key.to_user_string(): context.instance.get_latest_storage_id_by_partition(key, kind) for key in keys},
        )

    @property
    def failures(self) -> dict[str, str]:
        return {
            symbol: f"{asset} failed: {outcome.reason}"
            for asset, by_symbol in self.outcomes.items()
            for symbol, outcome in by_symbol.items()
            if not outcome.is_made
        }

    def hashes(self, symbol: str) -> dict[str, str]:
        return {asset: by[symbol].content_hash for asset, by in self.outcomes.items() if symbol in by}

    def tags(self, symbol: str) -> dict[str, str]:
        versions = {f"dagster/input_data_version/{asset}": hash_ for asset, hash_ in self.hashes(symbol).items()}
        pointers = {
            f"dagster/input_event_pointer/{asset}": str(storage_ids[symbol])
            for asset, storage_ids in self.pointers.items()
            if symbol in storage_ids
        }
        return versions | pointers


def _on_the_watchlist(settings: Settings, symbols: Sequence[str]) -> tuple[list[Instrument], dict[str, str]]:
    found, unknown = [], {}
    for symbol in symbols:
        try:
            found.append(settings.instrument(symbol))
        except BotCoreError as error:
            unknown[symbol] = str(error)
    return found, unknown


def _make_each(
    context: dg.AssetExecutionContext,
    instruments: Sequence[Instrument],
    loaded: Mapping[str, Loaded],
    make: Callable[[Instrument, Loaded], Made],
) -> tuple[dict[str, Made], dict[str, str]]:
    made, failed = {}, {}
    step = max(1, len(instruments) // 10)
    for done, instrument in enumerate(instruments, start=1):
        try:
            if instrument.symbol not in loaded:
                raise SourceError(f"no {instrument.timeframe} bars in the lake; next: bot-core import")
            made[instrument.symbol] = make(instrument, loaded[instrument.symbol])
        except BotCoreError as error:
            failed[instrument.symbol] = str(error)
        if done % step == 0:
            name = context.asset_key.to_user_string()
            context.log.info(f"{name}: {done} of {len(instruments)} symbols, {instrument.symbol} done")
    return made, failed


def _store_each(
    lake: Lake, made: Mapping[str, Made], store: Store
) -> tuple[Mapping[str, SeriesChange], dict[str, str]]:
    """Store all in one commit; where that is refused, one by one, so that only the refused symbol is lost."""
    if not made:
        return {}, {}
    try:
        return store(lake, made), {}
    except BotCoreError as error:
        if len(made) == 1:
            return {}, {symbol: str(error) for symbol in made}
    changes: dict[str, SeriesChange] = {}
    failed: dict[str, str] = {}
    for symbol, one in made.items():
        stored, refused = _store_each(lake, {symbol: one}, store)
        changes |= stored
        failed |= refused
    return changes, failed


def _report_checks(context: dg.AssetExecutionContext, symbol: str, made: Made) -> None:
    for check in made.checks:
        severity = dg.AssetCheckSeverity.ERROR if check.is_fatal else dg.AssetCheckSeverity.WARN
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=context.asset_key,
                check_name=check.name,
                passed=check.is_passed,
                severity=severity,
                metadata=check.metadata,
                partition=symbol,
            )
        )


def _materialization(
    context: dg.AssetExecutionContext, outcome: Outcome, made: Made, change: SeriesChange, upstream: _Upstream
) -> dg.AssetMaterialization:
    counts = {"rows": change.n_rows, "new_rows": change.n_new, "changed_rows": change.n_changed}
    return dg.AssetMaterialization(
        asset_key=context.asset_key,
        partition=outcome.symbol,
        metadata={**made.metadata, **counts},
        tags={
            "dagster/data_version": outcome.content_hash,
            "dagster/data_version_is_user_provided": "true",
            "dagster/code_version": outcome.code_version,
            **upstream.tags(outcome.symbol),
        },
    )
