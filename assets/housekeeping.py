"""Housekeeping as an asset: what was tidied, and when.

Belongs here: what `retention` in the settings says about the lake's old files and Dagster's old runs. Not here: how
each is done (`bot_core_dagster.lake`, `bot_core_dagster.models.store`, `resources.run_history`).
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.partitions import OWNERS
from bot_core_dagster.backtest import BAR_EQUITY
from bot_core_dagster.features.table import FEATURES_TABLE
from bot_core_dagster.lake import BARS
from bot_core_dagster.models.forecast_table import FORECASTS
from bot_core_dagster.models.registry import versions_to_keep
from bot_core_dagster.models.scoring import FORECAST_SCORES
from bot_core_dagster.models.store import ModelStore
from resources.lake import LakeResource
from resources.market import SettingsResource
from resources.run_history import claim_run, delete_old_runs


@dg.asset(group_name="maintenance", kinds={"delta", "sqlite"}, owners=OWNERS, code_version="1", pool="maintenance")
def housekeeping(
    context: dg.AssetExecutionContext, lake: LakeResource, settings: SettingsResource
) -> dg.MaterializeResult[None]:
    """Join small files of the lake, delete those of superseded versions, old runs, and models that nothing needs.

    No row of any table goes. Of models stay the newest of each kind, all that ever served, and those of `run_days`.
    """
    claim_run(context)
    retention, store = settings.load().retention, lake.open()
    before = datetime.now(UTC) - timedelta(days=retention.run_days)
    return dg.MaterializeResult(
        metadata={
            "joined_files": store.compact([BARS, FEATURES_TABLE, BAR_EQUITY, FORECASTS, FORECAST_SCORES]),
            "deleted_files": store.vacuum(timedelta(hours=retention.lake_hours)),
            "deleted_runs": delete_old_runs(context.instance, before),
            "deleted_models": ModelStore.default().prune(versions_to_keep(store, before)),
        }
    )
