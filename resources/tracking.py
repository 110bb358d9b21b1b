"""Trainings in MLflow, as a Dagster resource: one MLflow run each.

Belongs here: what is kept of a training, and how its run ends. Not here: opening the store (`resources.mlflow_store`),
the run as dagster-mlflow's (`resources.mlflow_active`), runs whose process died (`resources.mlflow_runs`), the model
registry (`resources.mlflow_models`).

Each training is a run of its own: of a Dagster run over many symbols, the trainings that ended well are FINISHED and
the one that raised is FAILED, whatever becomes of the Dagster run. One that is cut short ends as Dagster ends its run:
KILLED where a user cancelled it, FAILED where anyone else told its process to end. A retried training is a run of its
own too.
"""

import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dagster as dg

from bot_core_dagster.places import mlflow_home, mlflow_runs_page
from resources.mlflow_active import active_run, leave_run
from resources.mlflow_models import WantedModel, reconcile_models
from resources.mlflow_runs import DAGSTER_RUN_TAG, end_runs_of_finished
from resources.mlflow_store import MlflowStore
from resources.run_history import PROCESS_TAG, process_identity

NOT_FINITE_TAG: Final = "bot_core/not_finite"

_CANCELLED: Final = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)
_LONGEST_PARAMETER: Final = 6_000
_PARAMETERS_AT_ONCE: Final = 100
_METRICS_AT_ONCE: Final = 500


@dataclass(frozen=True)
class TrackedTraining:
    """An open MLflow run; `url` is its page while `bot-core up` runs.

    A figure that is not finite is left out, since MLflow would give an infinite one back as 1.8e308; the tag
    `bot_core/not_finite` names what was left out, with its epoch.
    """

    client: Any
    run_id: str
    url: str

    def log_parameters(self, parameters: Mapping[str, object]) -> None:
        """Keep parameters as texts; those longer than MLflow's 6,000 characters are cut and end in "…"."""
        from mlflow.entities import Param

        texts = [Param(name, _shortened(str(value))) for name, value in parameters.items()]
        for first in range(0, len(texts), _PARAMETERS_AT_ONCE):
            self.client.log_batch(self.run_id, params=texts[first : first + _PARAMETERS_AT_ONCE])

    def log_epochs(self, curves: Sequence[Mapping[str, float]]) -> None:
        """Keep what each epoch measured; the index is the epoch's number, from 0."""
        figures = [(name, float(value), epoch) for epoch, one in enumerate(curves) for name, value in one.items()]
        self._log(figures, {f"{name} (epoch {epoch})" for name, value, epoch in figures if not math.isfinite(value)})

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Keep figures of the whole training."""
        figures = [(name, float(value), 0) for name, value in metrics.items()]
        self._log(figures, {name for name, value, _ in figures if not math.isfinite(value)})

    def log_json(self, name: str, content: Mapping[str, object]) -> None:
        """Keep a mapping as the file `name` (such as card.json)."""
        self.client.log_dict(self.run_id, dict(content), name)

    def log_picture(self, name: str, png: bytes) -> None:
        """Keep a picture as the file `name` (such as curves.png)."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, name)
            file.write_bytes(png)
            self.client.log_artifact(self.run_id, str(file))

    def _log(self, figures: Sequence[tuple[str, float, int]], left_out: set[str]) -> None:
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        finite = [Metric(name, value, now_ms, step) for name, value, step in figures if math.isfinite(value)]
        for first in range(0, len(finite), _METRICS_AT_ONCE):
            self.client.log_batch(self.run_id, metrics=finite[first : first + _METRICS_AT_ONCE])
        if left_out:
            known = self.client.get_run(self.run_id).data.tags.get(NOT_FINITE_TAG, "")
            names = sorted(left_out | set(known.split(", ") if known else ()))
            self.client.set_tag(self.run_id, NOT_FINITE_TAG, _shortened(", ".join(names)))


class TrackingResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """MLflow's store at `root`; without one, in BOT_CORE_HOME."""

    root: str | None = None

    def store(self) -> MlflowStore:
        """Return the store, which need not be there yet."""
        return MlflowStore(Path(self.root) if self.root else mlflow_home())

    @contextmanager
    def training(
        self, context: dg.AssetExecutionContext, *, model_type: str, symbol: str, parameters: Mapping[str, object]
    ) -> Iterator[TrackedTraining]:
        """Give an MLflow run for the training of one symbol's model, and end it as the block ends.

        FINISHED where it ends well; where it raises, KILLED if a user is cancelling the Dagster run and FAILED if not.
        A run that has been ended meanwhile, since its Dagster run was, stays as it is.

        Raises
        ------
        ServiceError
            If the store cannot be opened, or another MLflow run is active in this process.
        """
        tags = _tags(context, model_type, symbol)
        with active_run(context, self.store(), f"{model_type} {symbol}", tags) as mlflow:
            run_id = mlflow.mlflow_run_id
            page = mlflow_runs_page(mlflow.experiment.experiment_id, run_id)
            training = TrackedTraining(mlflow.tracking_client, run_id, page)
            with _left_at_error(context, mlflow):
                training.log_parameters(parameters)
                yield training
            leave_run(mlflow, "FINISHED")

    def end_runs_of_finished(self, instance: dg.DagsterInstance) -> Mapping[str, str]:
        """End the MLflow runs that are open though their Dagster run is over; see `resources.mlflow_runs`."""
        return end_runs_of_finished(self.store(), instance)

    def reconcile_models(self, wanted: Sequence[WantedModel]) -> int:
        """Make MLflow's model registry say what is wanted; see `resources.mlflow_models`."""
        return reconcile_models(self.store(), wanted)


def _tags(context: dg.AssetExecutionContext, model_type: str, symbol: str) -> dict[str, str]:
    """Return what finds the run again; models are partitioned by symbol."""
    return {
        DAGSTER_RUN_TAG: context.run.run_id,
        PROCESS_TAG: process_identity(),
        "dagster/job": context.run.job_name,
        "dagster/asset": context.asset_key.to_user_string(),
        "dagster/partition": symbol,
        "bot_core/model_type": model_type,
    }


@contextmanager
def _left_at_error(context: dg.AssetExecutionContext, mlflow: Any) -> Iterator[None]:
    """Leave the run, where the block raises, as Dagster will end its own; whatever MLflow says to that, raise on."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except BaseException:
        try:
            leave_run(mlflow, "KILLED" if _is_cancelled(context) else "FAILED")
        except MlflowException as unsaid:
            context.log.warning(f"MLflow run {mlflow.mlflow_run_id} stays open until the next look at it: {unsaid}")
        raise


def _is_cancelled(context: dg.AssetExecutionContext) -> bool:
    """Return whether Dagster will say CANCELED; an interrupt that nobody asked it for is a FAILURE there."""
    run = context.instance.get_run_by_id(context.run.run_id)
    return run is not None and run.status in _CANCELLED


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_PARAMETER else f"{text[: _LONGEST_PARAMETER - 1]}…"
