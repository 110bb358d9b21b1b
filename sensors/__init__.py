"""Sensors: when by an event.

Not here: what runs (`jobs`), what the clock starts (`schedules`).
"""

from sensors.dead_runs import dead_runs
from sensors.fresh_bars import fresh_bars
from sensors.mlflow_runs import mlflow_runs
from sensors.watchlist import watchlist

SENSORS = [watchlist, fresh_bars, dead_runs, mlflow_runs]

__all__ = ["SENSORS", "dead_runs", "fresh_bars", "mlflow_runs", "watchlist"]
