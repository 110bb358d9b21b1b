"""What an asset reads of each symbol: its rows with their version, and what became of the assets before it.

Belongs here: loading symbol by symbol where loading all at once fails, and the upstream's outcomes and events. Not
here: what is made of it (`assets.each_symbol`), tables and hashes (`bot_core_dagster.lake`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Generic, TypeVar

import dagster as dg
import pandas as pd

from bot_core_dagster.errors import BotCoreError
from bot_core_dagster.lake import BARS, Lake, SeriesChange, StoredSeries
from bot_core_dagster.lineage import Outcome, outcomes_of
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import Timeframe

Content = TypeVar("Content")


@dataclass(frozen=True)
class Read(Generic[Content]):
    """What was read of one symbol; versions: upstream asset -> content hash of exactly these rows."""

    content: Content
    versions: Mapping[str, str] = field(default_factory=dict)


KEPT_BARS: Final = 500_000
"""What the last read gave is kept for the next one, unless it is more than this (100 MB)."""

_kept: Final = dict[tuple[Path, Timeframe], Mapping[str, StoredSeries]]()

Load = Callable[[Lake, Sequence[Instrument]], Mapping[str, Read[Content]]]


def stored_bars(lake: Lake, instruments: Sequence[Instrument]) -> dict[str, Read[pd.DataFrame]]:
    """Return the current bars of each instrument on its own timeframe; a symbol without bars is absent."""
    loaded: dict[str, Read[pd.DataFrame]] = {}
    for timeframe in {instrument.timeframe for instrument in instruments}:
        stored = set(lake.symbols(BARS, timeframe))
        symbols = [one.symbol for one in instruments if one.timeframe == timeframe and one.symbol in stored]
        series = _series(lake, symbols, timeframe) if symbols else {}
        loaded |= {symbol: Read(one.bars, {"bars": one.content_hash}) for symbol, one in series.items()}
    return loaded


def _series(lake: Lake, symbols: Sequence[str], timeframe: Timeframe) -> Mapping[str, StoredSeries]:
    """Return the symbols' series; the last ones that were read, where their content is still the same.

    The steps of a run read the same bars one after the other. Each gets a copy of its own.
    """
    kept = _kept.get((lake.root, timeframe), {})
    now = lake.content_hashes(BARS, symbols, timeframe)
    if any(symbol not in kept or kept[symbol].content_hash != now[symbol] for symbol in symbols):
        kept = lake.series_of(symbols, timeframe)
        _kept.clear()
        if sum(len(one.bars) for one in kept.values()) <= KEPT_BARS:
            _kept[lake.root, timeframe] = kept
    return {symbol: replace(kept[symbol], bars=kept[symbol].bars.copy()) for symbol in symbols}


def own_series(lake: Lake, instruments: Sequence[Instrument]) -> dict[str, SeriesChange]:
    """Return rows and content hash of each instrument's bars on its own timeframe, from the lake's log alone."""
    now: dict[str, SeriesChange] = {}
    for timeframe in {instrument.timeframe for instrument in instruments}:
        now |= lake.unchanged(BARS, [one.symbol for one in instruments if one.timeframe == timeframe], timeframe)
    return {instrument.symbol: now[instrument.symbol] for instrument in instruments}


def load_each(
    lake: Lake, instruments: Sequence[Instrument], load: Load[Content]
) -> tuple[dict[str, Read[Content]], dict[str, str]]:
    """Load all in one read; where that fails, one by one, so that only the unreadable symbol is lost."""
    try:
        return dict(load(lake, instruments)), {}
    except BotCoreError as error:
        if len(instruments) == 1:
            return {}, {instruments[0].symbol: str(error)}
    loaded: dict[str, Read[Content]] = {}
    failed: dict[str, str] = {}
    for instrument in instruments:
        one, why = load_each(lake, [instrument], load)
        loaded |= one
        failed |= why
    return loaded, failed


@dataclass(frozen=True)
class Upstream:
    """The latest outcomes and events of the assets that one is made from, by asset and symbol."""

    outcomes: Mapping[str, Mapping[str, Outcome]]
    pointers: Mapping[str, Mapping[str, int]]
    may_fail: Collection[str] = ()

    @classmethod
    def of(cls, context: dg.AssetExecutionContext, lake: Lake, may_fail: Collection[str]) -> "Upstream":
        """Return what is known before the asset reads anything."""
        keys = sorted(context.assets_def.asset_deps[context.asset_key])
        outcomes: dict[str, dict[str, Outcome]] = {key.to_user_string(): {} for key in keys}
        for outcome in outcomes_of(lake, list(outcomes)):
            outcomes[outcome.asset][outcome.symbol] = outcome
        kind = dg.DagsterEventType.ASSET_MATERIALIZATION
        events = {key.to_user_string(): context.instance.get_latest_storage_id_by_partition(key, kind) for key in keys}
        return cls(outcomes, events, may_fail)

    def failure(self, symbol: str) -> str | None:
        """Return why the symbol must not be made here, None where nothing stands against it."""
        for asset, by_symbol in self.outcomes.items():
            outcome = by_symbol.get(symbol)
            if outcome is not None and not outcome.is_made and asset not in self.may_fail:
                return f"{asset} failed: {outcome.reason}"
        return None

    def contradiction(self, symbol: str, read: Mapping[str, str]) -> str | None:
        """Return why what was read is not what the upstream speaks of: a verdict on other bars is none on these."""
        for asset, by_symbol in self.outcomes.items():
            if asset in read or asset in self.may_fail or symbol not in by_symbol:
                continue
            for name, version in by_symbol[symbol].inputs.items():
                if read.get(name, version) != version:
                    return f"the {name} have changed since {asset} read them; next: bot-core run"
        return None

    def inputs(self, symbol: str, read: Mapping[str, str]) -> dict[str, str]:
        """Return the content hash of each upstream asset: as read, else as its outcome says."""
        told = {asset: by[symbol].content_hash for asset, by in self.outcomes.items() if symbol in by}
        return told | dict(read)

    def event_tags(self, symbol: str, inputs: Mapping[str, str]) -> dict[str, str]:
        """Return Dagster's tags for the inputs of a materialisation; of others than assets it would say: removed."""
        versions = {
            f"dagster/input_data_version/{asset}": version
            for asset, version in inputs.items()
            if asset in self.outcomes
        }
        pointers = {
            f"dagster/input_event_pointer/{asset}": str(storage_ids[symbol])
            for asset, storage_ids in self.pointers.items()
            if symbol in storage_ids
        }
        return versions | pointers
