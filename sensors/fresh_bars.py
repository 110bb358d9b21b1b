"""The fresh-bars sensor: new or corrected bars bring their downstream up to date, for exactly those symbols.

Belongs here: who owns the downstream of a materialisation of `bars`. The run that made the bars owns what it selected
itself (the hourly job: quality and features; the research cycle: everything); once it has finished, this sensor owns
whatever still stands on another version of the bars. So nothing is computed twice, and a symbol that failed is not
tried again until its bars change. Bars that came by `bot-core import` have no materialisation: they are seen by their
content, and the sensor owns everything of them. It also owns the backtests whose parameters or settings have changed: a
roll-back reaches them without new bars. Not here: what is computed (`assets`).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import dagster as dg

from assets.current import Wanted, traded_otherwise, wanted_now, wanted_of
from assets.partitions import SYMBOLS, stretches, symbol_range_tags
from assets.reading import own_series
from bot_core_dagster.lake import Lake
from bot_core_dagster.lineage import assets_behind, outcomes_of
from bot_core_dagster.settings import Instrument
from jobs import research_cycle
from resources.lake import LakeResource
from resources.market import SettingsResource

Assets = tuple[str, ...]

BATCH: Final = 1_000
_BARS: Final = dg.AssetKey("bars")
_UNFINISHED: Final = {
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
}


@dg.sensor(job=research_cycle, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def fresh_bars(context: dg.SensorEvaluationContext, lake: LakeResource, settings: SettingsResource) -> dg.SensorResult:
    """Run what stands on other bars than the lake has now, for exactly those symbols."""
    cursor = int(context.cursor or 0)
    records = dg.AssetRecordsFilter(asset_key=_BARS, after_storage_id=cursor)
    events = context.instance.fetch_materializations(records, limit=BATCH, ascending=True).records
    finished = list(_of_finished_runs(context.instance, events))
    there = list(context.instance.get_dynamic_partitions(str(SYMBOLS.name)))
    store = lake.open()
    known = settings.load()
    instruments = [one for one in known.watchlist if one.symbol in there]
    unjudged = _imported(store, instruments)
    imported = {} if _is_collecting(context.instance) else unjudged
    versions = {str(event.partition_key): _data_version(event) for event in finished} | imported
    now = wanted_now(store, known, instruments)
    judged = {key: inputs for key, inputs in now.items() if key[1] in imported or key[1] not in unjudged}
    behind = _joined(assets_behind(store, wanted_of(versions, known)), traded_otherwise(store, judged))
    behind |= {symbol: ("bars", *behind.get(symbol, ())) for symbol in imported}
    owed: dict[tuple[str, ...], list[str]] = {}
    for symbol, assets in behind.items():
        if symbol in there:
            owed.setdefault(assets, []).append(symbol)
    requests = [
        _request(now, assets, stretch) for assets, symbols in owed.items() for stretch in stretches(there, symbols)
    ]
    skip = None if requests else "no new bars, or their own runs brought their downstream up to date"
    newest = str(finished[-1].storage_id) if finished else context.cursor
    return dg.SensorResult(run_requests=requests, skip_reason=skip, cursor=newest)


def _imported(lake: Lake, instruments: Sequence[Instrument]) -> dict[str, str]:
    """Return the version of the bars that are not those of the latest outcome: they came by an import."""
    told = {one.symbol: one.content_hash for one in outcomes_of(lake, ["bars"]) if one.is_made}
    there = {symbol: one.content_hash for symbol, one in own_series(lake, instruments).items() if one.n_rows}
    return {symbol: version for symbol, version in there.items() if told.get(symbol) != version}


def _is_collecting(instance: dg.DagsterInstance) -> bool:
    """Return whether a run is under way that may have stored bars and not yet said so."""
    return bool(instance.get_runs(dg.RunsFilter(statuses=list(_UNFINISHED)), limit=1))


def _joined(one: Mapping[str, Assets], other: Mapping[str, Assets]) -> dict[str, Assets]:
    symbols = [*one, *(symbol for symbol in other if symbol not in one)]
    return {symbol: tuple(dict.fromkeys((*one.get(symbol, ()), *other.get(symbol, ())))) for symbol in symbols}


def _request(now: Wanted, assets: Assets, symbols: list[str]) -> dg.RunRequest:
    """Return the run of these assets and symbols; the same assets of the same inputs are asked for once."""
    inputs = [[asset, symbol, now.get((asset, symbol), {})] for asset in assets for symbol in symbols]
    return dg.RunRequest(
        run_key=hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest(),
        asset_selection=[dg.AssetKey(name) for name in assets],
        tags=symbol_range_tags(symbols) | {"bot_core/fresh_bars": ",".join(symbols)[:200]},
    )


def _of_finished_runs(instance: dg.DagsterInstance, events: Sequence[dg.EventLogRecord]) -> Iterator[dg.EventLogRecord]:
    finished: set[str] = set()
    for event in events:
        if event.run_id not in finished:
            run = instance.get_run_by_id(event.run_id)
            if run is not None and run.status in _UNFINISHED:
                return
            finished.add(event.run_id)
        yield event


def _data_version(event: dg.EventLogRecord) -> str:
    materialization = event.asset_materialization
    tags = materialization.tags if materialization else None
    return (tags or {}).get("dagster/data_version", "")
