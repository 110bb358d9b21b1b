"""One run of `analyze_market` in a process of its own, over all symbols of the settings: what `bench_research` times.

Belongs here: executing the job. Not here: timing, the lake that it reads.
"""

import json
import sys
import time

import dagster as dg

from assets.partitions import SYMBOLS, symbol_range_tags
from bot_core_dagster.definitions import build_defs
from bot_core_dagster.settings import load_settings
from resources.event_log import write_batches_at_once


def main() -> int:
    """Execute the run; print its figures as one line of JSON."""
    symbols = [instrument.symbol for instrument in load_settings().watchlist]
    quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
    with dg.DagsterInstance.get() as instance:
        write_batches_at_once(instance)
        instance.add_dynamic_partitions(str(SYMBOLS.name), symbols)
        job = build_defs().resolve_job_def("analyze_market")
        started = time.perf_counter()
        result = job.execute_in_process(
            instance=instance, tags=symbol_range_tags(symbols), run_config=quiet, raise_on_error=False
        )
        seconds = time.perf_counter() - started
    made = [event for event in result.all_events if event.event_type_value == "ASSET_MATERIALIZATION"]
    print(json.dumps({"run_s": seconds, "materializations": len(made)}))
    return 0 if len(made) == len(symbols) else 1


if __name__ == "__main__":
    sys.exit(main())
