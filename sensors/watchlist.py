"""The watchlist sensor: partitions follow bot_core.toml without a restart.

Belongs here: adding and removing symbols, and the first run of a new one. Not here: how the file is read
(`bot_core_dagster.settings`).
"""

import dagster as dg

from assets.current import downstream
from assets.partitions import SYMBOLS, drift, symbol_range_tags
from jobs import research_cycle
from resources.market import SettingsResource


@dg.sensor(job=research_cycle, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def watchlist(context: dg.SensorEvaluationContext, settings: SettingsResource) -> dg.SensorResult:
    """Keep the symbols' partitions in step with the watchlist; a new symbol gets its history at once.

    Its parameters are searched by the weekly schedule, when there are bars enough.
    """
    known = settings.load()
    wanted = [instrument.symbol for instrument in known.watchlist]
    found = drift(context.instance, wanted)
    changes: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if found.added:
        changes.append(SYMBOLS.build_add_request(found.added))
    if found.removed:
        changes.append(SYMBOLS.build_delete_request(found.removed))
    if not found.added:
        reason = f"removed {', '.join(found.removed)}" if found.removed else f"{len(wanted)} symbols, none new"
        return dg.SensorResult(skip_reason=reason, dynamic_partitions_requests=changes)
    assets = [dg.AssetKey(name) for name in ("bars", *downstream(known))]
    request = dg.RunRequest(tags=symbol_range_tags(found.added), asset_selection=assets)
    return dg.SensorResult(run_requests=[request], dynamic_partitions_requests=changes)
