"""MLflow's pages: `python -m bot_core_dagster.cli.mlflow_server PORT`, which `bot-core up` starts.

Belongs here: making the store before it is served, mlflow's options. Not here: starting and ending this process
(`cli.up`), the store (`resources.mlflow_store`).

mlflow refuses requests whose Host is not of this machine or a private network; nothing but loopback can reach it
anyway. Its background jobs are for language models and would be three more processes.
"""

import os
import sys

from bot_core_dagster.cli.guard import FAILED, say_error
from bot_core_dagster.errors import ServiceError
from bot_core_dagster.places import LOOPBACK, mlflow_home


def serve(port: int) -> None:
    """Serve the store of BOT_CORE_HOME in one worker until the process is told to end."""
    from resources.mlflow_store import MlflowStore

    store = MlflowStore(mlflow_home())
    store.open()
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    from mlflow.cli import cli

    where = ["--host", LOOPBACK, "--port", str(port), "--workers", "1", "--uvicorn-opts", "--log-level warning"]
    what = [
        "--backend-store-uri",
        store.uri,
        "--default-artifact-root",
        store.artifacts.as_uri(),
        "--no-serve-artifacts",
    ]
    cli(["server", *where, *what])


if __name__ == "__main__":
    try:
        serve(int(sys.argv[1]))
    except ServiceError as error:
        say_error(str(error))
        sys.exit(FAILED)
