"""The history of runs in a Dagster instance: which of them are dead, and how much of it is kept.

Belongs here: failing runs whose process is gone, deleting old runs with their logs. Not here: when (`schedules`,
`sensors`), for how long (`settings.RetentionSettings`), files of the lake (`bot_core_dagster.lake`).

Dagster's default launcher cannot tell that a run's process was killed; such a run would stay "started" for an hour.

`instance.delete_run` also deletes the run's materialisations, so a run that holds the latest one of an asset or a
partition stays, however old it is.
"""

import os
import socket
import time
from datetime import datetime
from typing import Final

import dagster as dg
import psutil

_FINISHED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)

PROCESS_TAG: Final = "bot_core/process"
_CLOCK_CORRECTION_S: Final = 60.0
"""A process's start is told by the system clock, which may be set while it runs; an id is not reused this soon."""

_UNCLAIMED_S: Final = 60.0
"""A run that lives is claimed within seconds of its start, by whichever machine executes it."""


def claim_run(context: dg.AssetExecutionContext) -> None:
    """Note on the run which process executes it."""
    if PROCESS_TAG not in context.run.tags:
        context.instance.add_run_tags(context.run.run_id, {PROCESS_TAG: process_identity()})


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark the runs as failed that are under way in a process of this machine which is gone; return their ids."""
    under_way = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]))
    dead = [run for run in under_way if (process := _process_of(instance, run)) and not is_alive(process)]
    for run in dead:
        instance.report_run_failed(run, "The run's process is gone: killed, or the machine went down. Nothing is lost.")
    return [run.run_id for run in dead]


def _process_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """Return which process executes a run: as claimed; where none claims it for a minute, the one that Dagster noted.

    What Dagster notes first names no machine: it is taken to be this one.
    """
    if PROCESS_TAG in run.tags:
        return run.tags[PROCESS_TAG]
    for noted in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        process_id = noted.get_dagster_event().engine_event_data.metadata.get("pid")
        if process_id is not None and time.time() - noted.timestamp > _UNCLAIMED_S:
            return f"{socket.gethostname()} {process_id.value} {noted.timestamp:.2f}"
    return None


def process_identity() -> str:
    """Return which process this is, in words that no later process will match."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.2f}"


def is_alive(identity: str) -> bool:
    """Return whether the process is there; one of another machine is taken to be."""
    host, pid, started = identity.split(" ")
    if host != socket.gethostname():
        return True
    try:
        process = psutil.Process(int(pid))
        is_same = abs(process.create_time() - float(started)) < _CLOCK_CORRECTION_S
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


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
