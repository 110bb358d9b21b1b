"""One run of a job in a process of its own, over all symbols of the settings: what benchmarks of runs time.

Belongs here: starting the process, executing `JOB ASSET…` in it, timed by Dagster's own events. Not here: the lake that
it reads.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import dagster as dg

from assets.partitions import SYMBOLS, symbol_range_tags
from bot_core_dagster.definitions import build_defs
from bot_core_dagster.places import PROJECT_ROOT
from bot_core_dagster.settings import load_settings
from resources.event_log import write_batches_at_once


class RunTimes(NamedTuple):
    """Seconds of a run from its RUN_START to its RUN_SUCCESS, and those of the CPU within."""

    run_s: float
    cpu_s: float


def run_in_process(environment: Mapping[str, str], job: str, assets: Sequence[str]) -> RunTimes:
    """Execute a job's assets in a process; return how long its run took."""
    command = [sys.executable, "-m", "benchmarks.job_run", job, *assets]
    done = subprocess.run(command, env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the run failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    return RunTimes(told["run_s"], told["cpu_s"])


def main(job_name: str, assets: Sequence[str]) -> int:
    """Execute the run; print the seconds from its RUN_START to its RUN_SUCCESS, and its CPU's, as one line of JSON."""
    symbols = [instrument.symbol for instrument in load_settings().watchlist]
    quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
    with dg.DagsterInstance.get() as instance:
        write_batches_at_once(instance)
        instance.add_dynamic_partitions(str(SYMBOLS.name), symbols)
        cpu_s = time.process_time()
        result = (
            build_defs()
            .resolve_job_def(job_name)
            .execute_in_process(
                instance=instance,
                tags=symbol_range_tags(symbols),
                run_config=quiet,
                asset_selection=[dg.AssetKey(name) for name in assets],
                raise_on_error=False,
            )
        )
        cpu_s = time.process_time() - cpu_s
        record = instance.get_run_record_by_id(result.run_id)
    made = [event for event in result.all_events if event.event_type_value == "ASSET_MATERIALIZATION"]
    if not result.success or record is None or record.start_time is None or record.end_time is None:
        return 1
    run_s = record.end_time - record.start_time
    print(json.dumps({"run_s": run_s, "cpu_s": cpu_s, "materializations": len(made)}))
    return 0 if len(made) == len(symbols) * len(assets) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
