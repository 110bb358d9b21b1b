"""An MLflow run through dagster-mlflow's resource: the active one of this process while its training lasts.

Belongs here: starting a run, entering that resource with it, leaving it as told. Not here: what is kept of a
training and how it ended (`resources.tracking`).

The resource is given its run (`mlflow_run_id`): left to itself it would put all trainings of a Dagster run into one
MLflow run. Its hook is not used, since that marks failed runs FINISHED, and what it does at an error finds the run left
already, since it would call every interrupt KILLED. It is imported on use, as mlflow takes seconds.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import dagster as dg

from bot_core_dagster.errors import ServiceError
from bot_core_dagster.places import MLFLOW_EXPERIMENT
from resources.mlflow_store import MlflowStore


@contextmanager
def active_run(
    context: dg.AssetExecutionContext, store: MlflowStore, name: str, tags: Mapping[str, str]
) -> Iterator[Any]:
    """Start a run and give dagster-mlflow's resource, with all of mlflow's functions, while it is the active one.

    Its id is `mlflow_run_id`; what a model logs by `mlflow.log_metric` and the like goes there. The block ends it by
    `leave_run`.

    Raises
    ------
    ServiceError
        If the store cannot be opened, or another run is active in this process.
    """
    opened = store.open()
    import mlflow

    if active := mlflow.active_run():
        raise ServiceError(
            f"MLflow run {active.info.run_id} is active in this process, and would get what belongs to {name}; "
            "next: mlflow.end_run() before training here"
        )
    run_id = opened.client.create_run(opened.experiment_id, run_name=name, tags=tags).info.run_id
    config = {
        "experiment_name": MLFLOW_EXPERIMENT,
        "mlflow_tracking_uri": store.uri,
        "mlflow_run_id": run_id,
        "extra_tags": {"mlflow.runName": name},  # which it has named after the job
    }
    with ExitStack() as held:
        with warnings.catch_warnings():
            for category in (dg.BetaWarning, DeprecationWarning):  # beta itself, and it asks Dagster the old way
                warnings.simplefilter("ignore", category)
            from dagster_mlflow import mlflow_tracking

            built = dg.build_resources(
                {"mlflow": mlflow_tracking},
                instance=context.instance,
                resource_config={"mlflow": {"config": config}},
                dagster_run=context.run,
                log_manager=context.log,
            )
            resources = held.enter_context(built)
        yield resources.mlflow


def leave_run(mlflow: Any, status: str) -> None:
    """End the active run, unless it has ended already: then its end stays as it is."""
    client, run_id = mlflow.tracking_client, mlflow.mlflow_run_id
    known = client.get_run(run_id).info
    is_open = known.status == "RUNNING"
    mlflow.end_run(status if is_open else known.status)
    if not is_open:
        client.set_terminated(run_id, known.status, end_time=known.end_time)
