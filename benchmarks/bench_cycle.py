"""The hourly cycle as one Dagster run: collect, quality, features, at 10, 50 and 200 simulated symbols.

Belongs here: the clock time from the start of the run's process to its end, on a lake that is an hour behind. Not here:
the parts alone (`bench_lake`, `bench_features`).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

N_SYMBOLS: Final = (10, 50, 200)
LIMIT_S_AT_50: Final = 10.0
HISTORY: Final = timedelta(days=365)


def bench_hourly_cycle() -> list[dict[str, Any]]:
    """Return one result per number of symbols; the limit is set for 50."""
    return [_cycle(n_symbols) for n_symbols in N_SYMBOLS]


def _cycle(n_symbols: int) -> dict[str, Any]:
    now = datetime.now(UTC).replace(minute=1, second=0, microsecond=0)
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(Path(folder), n_symbols, now - HISTORY)
        first, _ = _run(environment, now - timedelta(hours=1))
        seconds, inside = _run(environment, now)
    return {
        "name": f"hourly cycle of {n_symbols} symbols, one Dagster run",
        "value": seconds,
        "unit": "s",
        "limit": LIMIT_S_AT_50 if n_symbols == 50 else None,
        "detail": f"{inside['run_s']:.2f} s of it inside the run, {inside['materializations']} materialisations of one "
        f"new bar each on a year of hours; the first fill took {first:.1f} s",
    }


def _environment(folder: Path, n_symbols: int, start: datetime) -> dict[str, str]:
    entry = (
        '[[watchlist]]\nsymbol = "SIM{:03d}"\nvenue = "bench"\ntimeframe = "1h"\nbase = "SIM"\nquote = "USDT"\n'
        'calendar = "crypto"\nprice_side = "trade"\nsource = "simulated"\n'
    )
    settings = folder / "bot_core.toml"
    history = f"[history]\nstart = {start:%Y-%m-%dT%H:00:00Z}\n"
    settings.write_text("\n".join(entry.format(number) for number in range(n_symbols)) + history, encoding="utf-8")
    dagster_home = folder / "dagster"
    dagster_home.mkdir()
    return os.environ | {
        "BOT_CORE_HOME": str(folder),
        "BOT_CORE_CONFIG": str(settings),
        "DAGSTER_HOME": str(dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": "1",
    }


def _run(environment: dict[str, str], now: datetime) -> tuple[float, dict[str, Any]]:
    """Return the wall clock of the run's process, and what it says of itself."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.hourly_run", now.isoformat()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"the hourly run failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return seconds, json.loads(done.stdout.splitlines()[-1])
