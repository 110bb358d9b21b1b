"""The dead-runs sensor: a run whose process was killed is failed, so that nothing waits for it.

Belongs here: looking, every half minute. Not here: how a dead run is told (`resources.run_history`).
"""

import dagster as dg

from resources.run_history import fail_dead_runs


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Fail the runs whose process is gone; their symbols are caught up with by the next run."""
    dead = fail_dead_runs(context.instance)
    return dg.SkipReason(f"failed {', '.join(dead)}: the process is gone" if dead else "every run has its process")
