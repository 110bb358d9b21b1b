"""A training in a process of its own, for `test_tracking` to interrupt: `train ROOT SYMBOL`, or `open ROOT SYMBOL`.

Belongs here: getting to the point and saying so. Not here: what must hold afterwards.
"""

import logging
import sys
import time

import dagster as dg

from resources.run_history import claim_run
from resources.tracking import TrackingResource

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dg.asset
def lstm_model(context: dg.AssetExecutionContext, tracking: TrackingResource) -> None:
    """Train for a minute, in a run that has claimed its process."""
    claim_run(context)
    with tracking.training(context, model_type="lstm", symbol=sys.argv[3], parameters={}) as training:
        _say(f"{context.run.run_id} {training.run_id} {logging.getLogger('mlflow').level}")
        time.sleep(60)


def train(tracking: TrackingResource) -> None:
    """Materialise it on the instance of DAGSTER_HOME."""
    with dg.DagsterInstance.get() as instance:
        dg.materialize([lstm_model], instance=instance, resources={"tracking": tracking}, run_config=QUIET)


def open_store(tracking: TrackingResource) -> None:
    """Import mlflow, wait for a line, then use a store that may not be there yet."""
    _say("imported")
    sys.stdin.readline()
    opened = tracking.store().open()
    run = opened.client.create_run(opened.experiment_id, run_name=sys.argv[3])
    opened.client.set_terminated(run.info.run_id)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    {"train": train, "open": open_store}[sys.argv[1]](TrackingResource(root=sys.argv[2]))
