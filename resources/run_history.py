"""The history of runs in a Dagster instance, and how much of it is kept.

Belongs here: deleting old runs with their logs. Not here: when (`schedules`), for how long (`settings.RetentionSettings`),
files of the lake (`bot_core_dagster.lake`).

`instance.delete_run` also deletes the run's materialisations, so a run that holds the latest one of an asset or a
partition stays, however old it is.
"""

from datetime import datetime
from typing import Final

import dagster as dg

_FINISHED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def delete_old_runs(instance: dg.DagsterInstance, created_before: datetime) -> int:
    """Delete finished runs that were created before a time and hold no latest materialisation; return how many."""
    old = instance.get_run_records(dg.RunsFilter(statuses=list(_FINISHED), created_before=created_before))
    kept = _runs_of_latest_materializations(instance) if old else set()
    gone = [record.dagster_run.run_id for record in old if record.dagster_run.run_id not in kept]
    for run_id in gone:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
    return len(gone)


def _runs_of_latest_materializations(instance: dg.DagsterInstance) -> set[str]:
    kept: set[str] = set()
    for key in instance.all_asset_keys():
        latest = instance.get_latest_materialization_event(key)
        kept.update([latest.run_id] if latest else [])
        kind = dg.DagsterEventType.ASSET_MATERIALIZATION
        ids = list(instance.get_latest_storage_id_by_partition(key, kind).values())
        if ids:
            records = instance.fetch_materializations(dg.AssetRecordsFilter(key, storage_ids=ids), limit=len(ids))
            kept.update(record.run_id for record in records.records)
    return kept
