"""`bot-core run` on the default watchlist: the first time, an hour later, and with nothing new.

Belongs here: the clock time of the whole command. Not here: installing, which the index's speed decides.

The hour is one of a Wednesday, when the market of every instrument is open.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot_core_dagster.places import PROJECT_ROOT

LIMIT_FIRST_S: Final = 180.0
LIMIT_AGAIN_S: Final = 15.0
_WEDNESDAY: Final = 2


def bench_run() -> list[dict[str, Any]]:
    """Return the seconds of the first run, of one with an hour of new bars, and of one with none."""
    today = datetime.now(UTC).replace(hour=12, minute=30, second=0, microsecond=0)
    moment = today - timedelta(days=(today.weekday() - _WEDNESDAY - 1) % 7 + 1)
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"BOT_CORE_HOME": home, "BOT_CORE_CONFIG": str(PROJECT_ROOT / "bot_core.toml")}
        later = moment + timedelta(hours=1)
        return [
            _run("the first time", environment, moment, LIMIT_FIRST_S),
            _run("an hour later", environment, later, LIMIT_AGAIN_S),
            _run("nothing new", environment, later, LIMIT_AGAIN_S),
        ]


def _run(what: str, environment: dict[str, str], moment: datetime, limit: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.main_job", moment.isoformat()]
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"bot-core run failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    built = json.loads(done.stdout)["built"]
    assets = {one["asset"] for one in built if one["status"] == "built"}
    return {
        "name": f"bot-core run, five instruments, {what}",
        "value": seconds,
        "unit": "s",
        "limit": limit,
        "detail": f"{sum(one['status'] == 'built' for one in built)} results of {len(assets)} assets built, "
        f"{sum(one['status'] != 'built' for one in built)} as they were; three years of hours; kernels compiled before",
    }
