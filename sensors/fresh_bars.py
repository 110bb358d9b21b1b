"""The fresh-bars sensor: new or corrected bars bring their downstream up to date, for exactly those symbols.

Belongs here: who owns the downstream of a materialisation of `bars`. The run that made the bars owns what it selected
itself (the hourly job: quality and features; the research cycle: everything); once it has finished, this sensor owns
whatever still stands on another version of the bars. So nothing is computed twice, and a symbol that failed is not
tried again until its bars change. Not here: what is computed (`assets`).
"""

from collections.abc import Iterator, Sequence
from typing import Final

import dagster as dg

from assets.partitions import SYMBOLS, symbol_range_tags, symbols_run_config
from bot_core_dagster.lineage import assets_behind
from jobs import research_cycle
from resources.lake import LakeResource

DOWNSTREAM: Final = ("bar_quality", "features", "rsi_backtest")
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
def fresh_bars(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
    """Run the rest of the downstream of the symbols whose bars changed since the last tick."""
    cursor = int(context.cursor or 0)
    records = dg.AssetRecordsFilter(asset_key=_BARS, after_storage_id=cursor)
    events = context.instance.fetch_materializations(records, limit=BATCH, ascending=True).records
    finished = list(_of_finished_runs(context.instance, events))
    if not finished:
        waiting = f"{len(events)} materialisations of runs that are not finished" if events else "no new bars"
        return dg.SensorResult(skip_reason=waiting)
    there = list(context.instance.get_dynamic_partitions(str(SYMBOLS.name)))
    versions = {str(event.partition_key): _data_version(event) for event in finished}
    behind = assets_behind(lake.open(), DOWNSTREAM, of="bars", versions=versions)
    owed: dict[tuple[str, ...], list[str]] = {}
    for symbol, assets in behind.items():
        if symbol in there:
            owed.setdefault(assets, []).append(symbol)
    requests = [
        dg.RunRequest(
            asset_selection=[dg.AssetKey(name) for name in assets],
            run_config=symbols_run_config(list(assets), symbols),
            tags=symbol_range_tags(there) | {"bot_core/fresh_bars": ",".join(symbols)[:200]},
        )
        for assets, symbols in owed.items()
    ]
    skip = None if requests else "the bars' own runs brought their downstream up to date"
    return dg.SensorResult(run_requests=requests, skip_reason=skip, cursor=str(finished[-1].storage_id))


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
