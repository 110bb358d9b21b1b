"""How MLflow runs end when their training could not say so: as the Dagster run did.

Belongs here: finding open MLflow runs, and ending those whose Dagster run is over. Not here: how a training ends its
own run (`resources.tracking`), when one looks (`sensors.mlflow_runs`), how a dead Dagster run is told
(`resources.run_history`).

A process that is killed leaves its MLflow run open. Once Dagster knows the run's end, the MLflow run gets it too, with
the same time: SUCCESS → FINISHED, FAILURE → FAILED, CANCELED → KILLED, and KILLED where Dagster knows the run no more
and its process is gone. Runs that are not open are never touched: a training that ended well stays FINISHED in a
Dagster run that failed for another symbol.

Looking costs one SQLite query and none of mlflow; that is imported only when there is something to end.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import dagster as dg

from resources.mlflow_store import MlflowStore
from resources.run_history import PROCESS_TAG, is_alive

DAGSTER_RUN_TAG: Final = "dagster_run_id"
"""As dagster-mlflow calls it."""

_END_OF: Final = {
    dg.DagsterRunStatus.SUCCESS: "FINISHED",
    dg.DagsterRunStatus.FAILURE: "FAILED",
    dg.DagsterRunStatus.CANCELED: "KILLED",
}
_OPEN: Final = """
select runs.run_uuid, dagster.value, process.value
from runs
join tags as dagster on dagster.run_uuid = runs.run_uuid and dagster.key = ?
join tags as process on process.run_uuid = runs.run_uuid and process.key = ?
where runs.status = 'RUNNING' and runs.lifecycle_stage = 'active'
"""
_BUSY_WITHIN_S: Final = 5.0


@dataclass(frozen=True)
class OpenRun:
    """An MLflow run that is open, the Dagster run it belongs to, and the process that trains."""

    run_id: str
    dagster_run_id: str
    process: str


def end_if_open(client: Any, run_id: str, status: str, end_time_ms: int | None = None) -> None:
    """End an MLflow run, now or as of a time; one that has ended already stays as it is."""
    if client.get_run(run_id).info.status == "RUNNING":
        client.set_terminated(run_id, status, end_time=end_time_ms)


def open_runs(store: MlflowStore) -> list[OpenRun]:
    """Return the trainings that are open in the store; none where there is no store, which is not made.

    A database that is just being made, or busy for 5 s, has none either: the next look finds them.
    """
    if not store.database.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{store.database.as_uri()}?mode=ro", timeout=_BUSY_WITHIN_S, uri=True)) as found:
            return [OpenRun(*row) for row in found.execute(_OPEN, (DAGSTER_RUN_TAG, PROCESS_TAG))]
    except sqlite3.OperationalError:
        return []


def end_runs_of_finished(store: MlflowStore, instance: dg.DagsterInstance) -> Mapping[str, str]:
    """End the open MLflow runs whose Dagster run is over; return the status each was given, by MLflow run id."""
    ends = _ends(store, instance)
    if ends:
        client = store.open().client
        for run_id, (status, end_time_ms) in ends.items():
            end_if_open(client, run_id, status, end_time_ms)
    return {run_id: status for run_id, (status, _) in ends.items()}


def _ends(store: MlflowStore, instance: dg.DagsterInstance) -> dict[str, tuple[str, int | None]]:
    """Return how and when (ms since 1970 UTC; None is now) each open run has to end; those to leave are not in it."""
    are_open = open_runs(store)
    ids = sorted({run.dagster_run_id for run in are_open})
    records = instance.get_run_records(dg.RunsFilter(run_ids=ids)) if ids else []
    known = {record.dagster_run.run_id: record for record in records}
    ends: dict[str, tuple[str, int | None]] = {}
    for run in are_open:
        record = known.get(run.dagster_run_id)
        if record is None:
            if not is_alive(run.process):
                ends[run.run_id] = ("KILLED", None)
        elif status := _END_OF.get(record.dagster_run.status):
            ends[run.run_id] = (status, int(record.end_time * 1000) if record.end_time else None)
    return ends
