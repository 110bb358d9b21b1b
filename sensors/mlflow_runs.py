"""The MLflow-runs sensor: an MLflow run whose training could not end it ends as its Dagster run did.

Belongs here: looking, every minute. Not here: which run ends how (`resources.mlflow_runs`).
"""

import dagster as dg

from resources.tracking import TrackingResource


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def mlflow_runs(context: dg.SensorEvaluationContext, tracking: TrackingResource) -> dg.SkipReason:
    """End the MLflow runs that a killed training left open, once Dagster knows its end."""
    ended = tracking.end_runs_of_finished(context.instance)
    said = ", ".join(f"{run_id} is {status}" for run_id, status in ended.items())
    return dg.SkipReason(said or "no MLflow run is open whose Dagster run is over")
