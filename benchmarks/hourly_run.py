"""One hourly run in a process of its own, at a given moment: what `bench_cycle` times.

Belongs here: executing `collect_market_data` over all symbols of the settings. Not here: timing.
"""

import json
import sys
import time
from datetime import datetime

import dagster as dg

from assets.partitions import SYMBOLS, symbol_range_tags
from bot_core_dagster.definitions import build_defs
from bot_core_dagster.settings import load_settings
from resources.event_log import write_batches_at_once
from resources.market import MarketResource


class FixedClock(MarketResource):
    """The market at one moment."""

    moment: str

    def now(self) -> datetime:
        """Return that moment."""
        return datetime.fromisoformat(self.moment)


def main(moment: str) -> int:
    """Execute the run; print its figures as one line of JSON."""
    symbols = [instrument.symbol for instrument in load_settings().watchlist]
    quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
    with dg.DagsterInstance.get() as instance:
        write_batches_at_once(instance)
        instance.add_dynamic_partitions(str(SYMBOLS.name), symbols)
        job = build_defs({"market": FixedClock(moment=moment)}).resolve_job_def("collect_market_data")
        started = time.perf_counter()
        result = job.execute_in_process(
            instance=instance, tags=symbol_range_tags(symbols), run_config=quiet, raise_on_error=False
        )
        seconds = time.perf_counter() - started
    made = [event for event in result.all_events if event.event_type_value == "ASSET_MATERIALIZATION"]
    print(json.dumps({"run_s": seconds, "materializations": len(made)}))
    return 0 if result.success and len(made) == 3 * len(symbols) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
