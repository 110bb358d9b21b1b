"""Assembly: assets, jobs, schedules, sensors and resources as one set of Dagster definitions.

Belongs here: putting together, nothing else. Not here: any of the parts.
"""

from collections.abc import Mapping

import dagster as dg

import assets
from jobs import JOBS
from resources.lake import LakeResource
from resources.market import MarketResource, SettingsResource
from resources.tracking import TrackingResource
from schedules import SCHEDULES
from sensors import SENSORS


def build_defs(
    overrides: Mapping[str, object] | None = None, loggers: Mapping[str, dg.LoggerDefinition] | None = None
) -> dg.Definitions:
    """Return fresh definitions, with resources replaced by `overrides` (a test's own lake, settings, clock)."""
    resources: dict[str, object] = {
        "lake": LakeResource(),
        "settings": SettingsResource(),
        "market": MarketResource(),
        "tracking": TrackingResource(),
    }
    return dg.Definitions(
        assets=assets.ASSETS,
        asset_checks=assets.CHECKS,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources=resources | dict(overrides or {}),
        loggers=loggers,
        executor=dg.in_process_executor,
    )


defs = build_defs()
