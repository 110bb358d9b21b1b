"""The last check of every run: whether each symbol is current.

Belongs here: turning a run red when symbols failed, with their reasons as a table. Not here: which symbols failed
(`bot_core_dagster.lineage`), checks of one symbol (beside their asset).
"""

from collections.abc import Iterator

import dagster as dg

from assets.backtests import rsi_backtest
from assets.bars import bar_quality, bars
from assets.features import features
from bot_core_dagster.lineage import Outcome, outcomes_of
from resources.lake import LakeResource

_SYMBOL_ASSETS = (bars, bar_quality, features, rsi_backtest)


def _bad_symbols_table(bad: list[Outcome]) -> dict[str, dg.TableMetadataValue]:
    columns = [dg.TableColumn("symbol"), dg.TableColumn("asset"), dg.TableColumn("reason")]
    records = [dg.TableRecord({"symbol": one.symbol, "asset": one.asset, "reason": one.reason}) for one in bad]
    return {"bad_symbols": dg.MetadataValue.table(records, schema=dg.TableSchema(columns))}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec("every_symbol_is_current", asset=asset, description="No symbol of the run failed here.")
        for asset in _SYMBOL_ASSETS
    ]
    + [
        dg.AssetCheckSpec(
            "bars_are_usable",
            asset=bar_quality,
            description="The verdict on each symbol's bars: order, duplicates, consistency, missing bars, staleness.",
        )
    ],
    can_subset=True,
)
def every_symbol_is_current(
    context: dg.AssetCheckExecutionContext, lake: LakeResource
) -> Iterator[dg.AssetCheckResult]:
    """Fail the run where a symbol failed in one of its assets; the good symbols are built all the same."""
    keys = sorted(context.selected_asset_check_keys)
    names = sorted({key.asset_key.to_user_string() for key in keys})
    bad = [one for one in outcomes_of(lake.open(), names) if not one.is_made and one.run_id == context.run.run_id]
    for key in keys:
        here = [one for one in bad if one.asset == key.asset_key.to_user_string()]
        if key.name == "bars_are_usable":
            here = [one for one in here if not one.reason.startswith("bars failed")]
        yield dg.AssetCheckResult(
            asset_key=key.asset_key, check_name=key.name, passed=not here, metadata=_bad_symbols_table(here)
        )
    if bad:
        symbols = ", ".join(sorted({one.symbol for one in bad}))
        raise dg.Failure(
            f"not current: {symbols}; the other symbols are", metadata=_bad_symbols_table(bad), allow_retries=False
        )
