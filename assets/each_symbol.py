"""The one helper that materialises many symbols in one run.

Belongs here: that a symbol which fails stops its own downstream and nothing else, and that each good symbol gets one
event with its own data version. Not here: what is read (`assets.reading`), how it is stored (`assets.storing`), what
any asset computes (the core), the check that turns the run red (`assets.checks`).

Dagster stamps all partitions of a run alike when an asset returns a result, so the helper defers that
(`dagster/defer_asset_events`, internal to the pinned Dagster; a test asserts its effect) and logs the events itself.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

import dagster as dg

from assets.metadata import shown
from assets.reading import Load, Read, Upstream, load_each, stored_bars
from assets.storing import Made, Store, replace_rows, store_each
from bot_core_dagster.errors import BotCoreError
from bot_core_dagster.lake import Lake, SeriesChange
from bot_core_dagster.lineage import Outcome, record_outcomes
from bot_core_dagster.settings import Instrument, Settings
from resources.event_log import events_together, write_batches_at_once
from resources.run_history import claim_run

Content = TypeVar("Content")

BATCH_SYMBOLS: Final = 100
"""Symbols in memory at once, and in one commit."""
BATCH_S: Final = 30.0
"""What a slow source has brought is stored after this long, whoever is still to come."""
PROGRESS_S: Final = 1.0
"""Between two lines that say how far a run is."""
PATIENCE_S: Final = 2_700.0
"""Under the run's limit of an hour: symbols that were not reached by then fail, the others are stored."""


def materialize_each_symbol(
    context: dg.AssetExecutionContext,
    lake: Lake,
    settings: Settings,
    symbols: Sequence[str],
    make: Callable[[Instrument, Content], Made],
    *,
    load: Load[Content] = stored_bars,  # type: ignore[assignment]
    store: Store = replace_rows,
    regardless_of: Collection[str] = (),
    passes_through: tuple[type[BotCoreError], ...] = (),
) -> None:
    """Make, store and report each of the run's symbols; a `BotCoreError` fails its symbol only.

    Parameters
    ----------
    symbols : the part of the run's partitions to make; empty for all of them
    make : computes one symbol from what `load` gave for it
    regardless_of : upstream assets that may fail: what they made before still holds
    passes_through : errors that fail the whole step instead, for Dagster to try it again
    """
    claim_run(context)
    write_batches_at_once(context.instance)
    cast("dict[str, str]", context.run.tags)["dagster/defer_asset_events"] = "true"
    run = _Run(context, lake, Upstream.of(context, lake, regardless_of), time.monotonic(), passes_through)
    for symbol in list(symbols) or list(context.partition_keys):
        run.admit(settings, symbol)
    for batch in run.batches(make, load):
        run.finish(batch, store)
    run.report_failures()


@dataclass
class _Run:
    """One asset over the symbols of one run: who is to be made, who has failed and why."""

    context: dg.AssetExecutionContext
    lake: Lake
    upstream: Upstream
    started: float
    passes_through: tuple[type[BotCoreError], ...]
    wanted: list[Instrument] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Mapping[str, str]] = field(default_factory=dict)
    said: float = field(default_factory=time.monotonic)

    def admit(self, settings: Settings, symbol: str) -> None:
        """Note a symbol as one to make, or why it cannot be."""
        reason = self.upstream.failure(symbol)
        try:
            instrument = settings.instrument(symbol)
        except BotCoreError as error:
            reason = reason or str(error)
        if reason:
            self.failed[symbol] = reason
        else:
            self.wanted.append(instrument)

    def batches(self, make: Callable[[Instrument, Content], Made], load: Load[Content]) -> Iterator[dict[str, Made]]:
        """Yield what was made, as soon as there is enough of it or it has taken long enough."""
        n_done = 0
        for place in range(0, len(self.wanted), BATCH_SYMBOLS):
            instruments = self.wanted[place : place + BATCH_SYMBOLS]
            loaded, unreadable = load_each(self.lake, instruments, load)
            self.failed |= unreadable
            made: dict[str, Made] = {}
            since = time.monotonic()
            for instrument in instruments:
                one = self._made(instrument, loaded, make)
                made |= {instrument.symbol: one} if one else {}
                n_done += 1
                self._say_progress(n_done, instrument.symbol)
                if made and time.monotonic() - since > BATCH_S:
                    yield made
                    made, since = {}, time.monotonic()
            if made:
                yield made

    def _made(
        self, instrument: Instrument, loaded: Mapping[str, Read[Content]], make: Callable[[Instrument, Content], Made]
    ) -> Made | None:
        symbol = instrument.symbol
        if symbol in self.failed:
            return None
        if symbol not in loaded:
            self.failed[symbol] = f"no {instrument.timeframe} bars in the lake; next: bot-core import"
            return None
        if time.monotonic() - self.started > PATIENCE_S:
            self.failed[symbol] = f"not reached within {PATIENCE_S / 60:.0f} minutes; the next run brings it"
            return None
        contradiction = self.upstream.contradiction(symbol, loaded[symbol].versions)
        if contradiction:  # nothing was made of these rows: the symbol stays behind them, and is tried again
            self.failed[symbol] = contradiction
            return None
        self.versions[symbol] = loaded[symbol].versions
        try:
            return make(instrument, loaded[symbol].content)
        except self.passes_through:
            raise
        except BotCoreError as error:
            self.failed[symbol] = str(error)
            return None

    def _say_progress(self, n_done: int, symbol: str) -> None:
        now = time.monotonic()
        if now - self.said > PROGRESS_S or n_done == len(self.wanted):
            self.said = now
            self.context.log.info(f"{self.asset}: {n_done} of {len(self.wanted)} symbols, {symbol} done")

    def finish(self, made: Mapping[str, Made], store: Store) -> None:
        """Store a batch, record its outcomes, and log checks and events of its symbols.

        What is drawn beside is waited for when the rows are stored.
        """
        changes, refused = store_each(self.lake, made, store, self.passes_through)
        self.failed |= refused | {symbol: one.failure for symbol, one in made.items() if one.failure}
        drawn = {symbol: self._drawn(symbol, made[symbol]) for symbol in changes}
        good = [
            self._outcome(symbol, _versioned(change, made[symbol]), made=made[symbol])
            for symbol, change in changes.items()
            if symbol not in self.failed
        ]
        record_outcomes(self.lake, good)
        with events_together(self.context.instance):
            for symbol in changes:
                self._log_checks(symbol, made[symbol])
            for outcome in good:
                self._log_materialization(outcome, {**drawn[outcome.symbol], **made[outcome.symbol].metadata}, changes)

    def _drawn(self, symbol: str, made: Made) -> dict[str, Any]:
        """Return the metadata of what was drawn of a symbol; rows that cannot be drawn are kept, and it fails."""
        try:
            return dict(made.drawn())
        except BotCoreError as error:
            self.failed[symbol] = str(error)
            return {}

    def report_failures(self) -> None:
        """Record the outcomes of the symbols that failed, and say why."""
        record_outcomes(self.lake, [self._outcome(symbol, None, reason) for symbol, reason in self.failed.items()])
        for symbol, reason in self.failed.items():
            self.context.log.error(f"{self.asset} of {symbol} was not made: {reason}")

    @property
    def asset(self) -> str:
        """The asset's key, as outcomes name it."""
        return str(self.context.asset_key.to_user_string())

    def _outcome(self, symbol: str, change: SeriesChange | None, reason: str = "", made: Made | None = None) -> Outcome:
        return Outcome(
            asset=self.asset,
            symbol=symbol,
            run_id=self.context.run.run_id,
            made_at=datetime.now(UTC),
            is_made=change is not None,
            reason=reason,
            n_rows=change.n_rows if change else 0,
            content_hash=change.content_hash if change else "",
            inputs=self.upstream.inputs(symbol, self.versions.get(symbol, {})) | dict(made.inputs if made else {}),
            failed_checks={one.name: one.reason for one in (made.checks if made else ()) if not one.is_passed},
            code_version=(self.context.assets_def.code_versions_by_key or {}).get(self.context.asset_key) or "",
        )

    def _log_checks(self, symbol: str, made: Made) -> None:
        for check in made.checks:
            severity = dg.AssetCheckSeverity.ERROR if check.is_fatal else dg.AssetCheckSeverity.WARN
            self.context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=self.context.asset_key,
                    check_name=check.name,
                    passed=check.is_passed,
                    severity=severity,
                    metadata={"reason": check.reason, **check.metadata},
                    partition=symbol,
                )
            )

    def _log_materialization(
        self, outcome: Outcome, metadata: Mapping[str, Any], changes: Mapping[str, SeriesChange]
    ) -> None:
        change = changes[outcome.symbol]
        counts = {"rows": change.n_rows, "new_rows": change.n_new, "changed_rows": change.n_changed}
        self.context.log_event(
            dg.AssetMaterialization(
                asset_key=self.context.asset_key,
                partition=outcome.symbol,
                metadata=shown({**metadata, **counts}),
                tags={
                    "dagster/data_version": outcome.content_hash,
                    "dagster/data_version_is_user_provided": "true",
                    "dagster/code_version": outcome.code_version,
                    **self.upstream.event_tags(outcome.symbol, outcome.inputs),
                },
            )
        )


def _versioned(change: SeriesChange, made: Made) -> SeriesChange:
    return replace(change, content_hash=made.version or change.content_hash)
