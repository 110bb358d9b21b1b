"""What `bot-core up` starts: Dagster's webserver and daemon, and MLflow's pages.

Belongs here: their commands, ports and logs, and whether MLflow answers. Not here: starting them (`cli.supervisor`),
what a user sees (`cli.up`), what Dagster's webserver says (`cli.webserver`).
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot_core_dagster.cli.processes import port_owner
from bot_core_dagster.errors import ServiceError
from bot_core_dagster.places import LOOPBACK, MLFLOW_EXPERIMENT

MLFLOW: Final = "mlflow-server"
_ANSWER_WITHIN_S: Final = 10.0


@dataclass(frozen=True)
class Ports:
    """Where the webserver and MLflow's pages listen, on loopback."""

    webserver: int
    mlflow: int

    @property
    def webserver_url(self) -> str:
        """The address of Dagster's pages."""
        return f"http://{LOOPBACK}:{self.webserver}"

    @property
    def mlflow_url(self) -> str:
        """The address of MLflow's pages."""
        return f"http://{LOOPBACK}:{self.mlflow}"

    def require_free(self) -> None:
        """Refuse ports that are taken, by another process or by each other.

        Raises
        ------
        ServiceError
            Naming the port, its owner and the option that gives another.
        """
        for option, port in (("--port", self.webserver), ("--mlflow-port", self.mlflow)):
            if owner := port_owner(LOOPBACK, port):
                step = f"bot-core up {option} {port + 1}, or end that process"
                raise ServiceError(f"port {port} is taken by {owner}; next: {step}")
        if self.webserver == self.mlflow:
            step = f"bot-core up --port {self.webserver} --mlflow-port {self.mlflow + 1}"
            raise ServiceError(f"--port and --mlflow-port are both {self.mlflow}, expected two ports; next: {step}")

    def mlflow_experiment(self) -> str:
        """Return MLflow's id of our trainings; "" until it answers."""
        import requests

        question = f"{self.mlflow_url}/api/2.0/mlflow/experiments/get-by-name"
        try:
            answer = requests.get(question, {"experiment_name": MLFLOW_EXPERIMENT}, timeout=_ANSWER_WITHIN_S)
        except requests.RequestException:
            return ""
        return str(answer.json()["experiment"]["experiment_id"]) if answer.ok else ""


def services(root: Path, ports: Ports, logs: Path) -> Iterator[dict[str, object]]:
    """Give the orders of `cli.supervisor`, each with a fresh log; the log of the last time is kept beside it."""
    workspace = ["-w", str(root / "workspace.yaml")]
    arguments = {
        "webserver": ["dagster_webserver", "-h", LOOPBACK, "-p", str(ports.webserver), *workspace],
        "daemon": ["dagster._daemon", "run", *workspace],
        MLFLOW: ["bot_core_dagster.cli.mlflow_server", str(ports.mlflow)],
    }
    for name, module in arguments.items():
        log = logs / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        yield {"name": name, "argv": [sys.executable, "-m", *module], "log": str(log)}
