"""MLflow's store on this machine: a SQLite database beside a folder of artifacts.

Belongs here: where it lies, opening it, its lock. Not here: what is written there (`resources.tracking`,
`resources.mlflow_runs`, `resources.mlflow_models`), its pages (`cli.mlflow_server`).

mlflow takes two seconds to import, so that happens when the store is opened and never before. Making its database takes
three more, and of two processes that do so at once one fails: hence the lock. Once made, SQLite lets writers wait for
each other for up to 20 s (mlflow's own setting). Artifacts are found by absolute paths: a moved store keeps its figures
and loses its pictures.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot_core_dagster.errors import ServiceError
from bot_core_dagster.places import MLFLOW_EXPERIMENT

QUIET: Final = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_LOGGING_LEVEL": "WARNING"}
"""What mlflow reads when it is imported: nothing is sent anywhere, and only warnings are said."""

_LOCKED_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.05


@dataclass(frozen=True)
class OpenStore:
    """mlflow's client (untyped there) and the experiment that holds every training."""

    client: Any
    experiment_id: str


@dataclass(frozen=True)
class MlflowStore:
    """The store in `folder`, which need not be there yet."""

    folder: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "mlflow.db"

    @property
    def uri(self) -> str:
        """The database as MLflow names it."""
        return f"sqlite:///{self.database}"

    @property
    def artifacts(self) -> Path:
        """The folder of pictures and cards."""
        return self.folder / "artifacts"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the store's lock; the system takes it from a process that ends, however it ends.

        Raises
        ------
        ServiceError
            If another process keeps it for a minute.
        """
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            _take(handle, self.folder)
            yield
        finally:
            os.close(handle)

    def open(self) -> OpenStore:
        """Return the store, made where there is none.

        Raises
        ------
        ServiceError
            If the database is of another mlflow, is broken or cannot be written.
        """
        os.environ.update(QUIET)
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
        from sqlalchemy.exc import SQLAlchemyError

        logging.getLogger("alembic").setLevel(logging.WARNING)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.lock():
                client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
                return OpenStore(client, self._experiment(client))
        except (MlflowException, SQLAlchemyError, OSError) as error:
            said = str(error).strip().partition("\n")[0]
            step = f"mlflow db upgrade {self.uri}, or move {self.folder} away"
            raise ServiceError(f"MLflow's database {self.database} cannot be opened: {said}; next: {step}") from error

    def _experiment(self, client: Any) -> str:
        """Return the id of the experiment: made, or restored where someone deleted it on MLflow's page."""
        found = client.get_experiment_by_name(MLFLOW_EXPERIMENT)
        if found is None:
            return str(client.create_experiment(MLFLOW_EXPERIMENT, artifact_location=self.artifacts.as_uri()))
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)


def _take(handle: int, folder: Path) -> None:
    deadline = time.monotonic() + _LOCKED_WITHIN_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"another process keeps {folder} for {_LOCKED_WITHIN_S:.0f} s; next: end it, then try again"
                ) from None
            time.sleep(_POLL_S)
        else:
            return
