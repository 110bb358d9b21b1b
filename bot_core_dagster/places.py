"""Where things are: the checkout, the settings file, the folder of all state.

Belongs here: paths that variables may move. Not here: what a user may set (`settings`), paths inside the lake (`lake`).
It imports nothing heavy, so that `bot-core sql` starts at once.
"""

import os
from pathlib import Path
from typing import Final

PREFIX: Final = "BOT_CORE_"
"""What every variable of Bot Core starts with."""

PLACES: Final = ("HOME", "CONFIG", "PROJECT", "TEST_DATA", "MLFLOW_PORT")
"""Variables with the prefix that say where things are and are no settings."""

LOOPBACK: Final = "127.0.0.1"
"""The only address on which anything is served."""

MLFLOW_PORT: Final = 5000
"""Where `bot-core up` serves MLflow's pages, unless it is told otherwise."""

MLFLOW_EXPERIMENT: Final = "bot-core"
"""What MLflow calls all of our trainings together."""

PROJECT_ROOT: Final = Path(os.environ.get("BOT_CORE_PROJECT", Path(__file__).resolve().parent.parent))


def state_home() -> Path:
    """Return the folder of all state: $BOT_CORE_HOME, else .bot_core in the checkout."""
    return Path(os.environ.get("BOT_CORE_HOME", PROJECT_ROOT / ".bot_core")).expanduser().resolve()


def settings_file() -> Path:
    """Return the settings file: $BOT_CORE_CONFIG, else bot_core.toml in the checkout."""
    return Path(os.environ.get("BOT_CORE_CONFIG", PROJECT_ROOT / "bot_core.toml")).expanduser().resolve()


def mlflow_home() -> Path:
    """Return the folder of MLflow's database and artifacts."""
    return state_home() / "mlflow"


def mlflow_runs_page(experiment_id: str, run_id: str = "") -> str:
    """Return the address of MLflow's list of runs, or of one, on $BOT_CORE_MLFLOW_PORT, which `bot-core up` sets.

    Without its last part the page has the menu of language models.
    """
    url = f"http://{LOOPBACK}:{os.environ.get('BOT_CORE_MLFLOW_PORT', MLFLOW_PORT)}"
    return f"{url}/#/experiments/{experiment_id}/runs/{run_id}".rstrip("/") + "?workflowType=machine_learning"
