"""The watchlist sensor: partitions follow bot_core.toml without a restart.

Belongs here: adding and removing symbols, and the first run of a new one. Not here: how the file is read
(`bot_core_dagster.settings`).
"""

import dagster as dg

from assets.partitions import SYMBOLS, symbol_range_tags, symbols_run_config
from jobs import research_cycle
from resources.market import SettingsResource

RESEARCH_ASSETS = ["bars", "bar_quality", "features", "rsi_backtest"]


@dg.sensor(job=research_cycle, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def watchlist(context: dg.SensorEvaluationContext, settings: SettingsResource) -> dg.SensorResult:
    """Keep the symbols' partitions in step with the watchlist; a new symbol gets its history at once."""
    wanted = [instrument.symbol for instrument in settings.load().watchlist]
    there = list(context.instance.get_dynamic_partitions(str(SYMBOLS.name)))
    added = [symbol for symbol in wanted if symbol not in there]
    removed = [symbol for symbol in there if symbol not in wanted]
    changes: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if added:
        changes.append(SYMBOLS.build_add_request(added))
    if removed:
        changes.append(SYMBOLS.build_delete_request(removed))
    if not added:
        reason = f"removed {', '.join(removed)}" if removed else f"{len(wanted)} symbols, none new"
        return dg.SensorResult(skip_reason=reason, dynamic_partitions_requests=changes)
    after = [symbol for symbol in there if symbol in wanted] + added
    request = dg.RunRequest(tags=symbol_range_tags(after), run_config=symbols_run_config(RESEARCH_ASSETS, added))
    return dg.SensorResult(run_requests=[request], dynamic_partitions_requests=changes)
