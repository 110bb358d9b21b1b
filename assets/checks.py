"""The last check of every run: whether each symbol is current.

Belongs here: turning a run red when symbols failed, with their reasons as a table. Not here: which symbols failed
(`bot_core_dagster.lineage`), checks of one symbol (beside their asset).
"""

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg

from assets.backtests import BACKTEST_ASSETS
from assets.bars import bar_quality, bars
from assets.champion import champion
from assets.features import features
from assets.forecasts import forecast_scores, forecasts
from assets.market_analysis import market_analysis
from assets.models import MODEL_ASSETS
from assets.optimizations import OPTIMIZATION_ASSETS, PARAMETERS_ASSETS
from bot_core_dagster.lineage import Outcome, outcomes_of
from bot_core_dagster.validation import NO_LOOK_AHEAD, VERDICTS
from resources.lake import LakeResource

_SYMBOL_ASSETS = (
    *(bars, bar_quality, features, market_analysis),
    *(*OPTIMIZATION_ASSETS.values(), *PARAMETERS_ASSETS.values(), *BACKTEST_ASSETS.values()),
    *(*MODEL_ASSETS.values(), champion, forecasts, forecast_scores),
)


def _failures(check: str, outcomes: list[Outcome]) -> list[Outcome]:
    """Return the outcomes of one asset that a check speaks against, with its reason."""
    if check == "every_symbol_is_current":
        return [one for one in outcomes if not one.is_made]
    if check == "bars_are_usable":
        return [one for one in outcomes if not one.is_made and not one.reason.startswith("bars failed")]
    if check == NO_LOOK_AHEAD:
        outcomes = [one if one.is_made else replace(one, failed_checks={check: one.reason}) for one in outcomes]
    return [replace(one, reason=one.failed_checks[check]) for one in outcomes if check in one.failed_checks]


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
        dg.AssetCheckSpec(name, asset=asset, description=f"{description} Of each symbol of the run.")
        for asset in BACKTEST_ASSETS.values()
        for name, description in VERDICTS.items()
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
    mine = [one for one in outcomes_of(lake.open(), names) if one.run_id == context.run.run_id]
    bad = [one for one in mine if not one.is_made]
    for key in keys:
        here = [one for one in mine if one.asset == key.asset_key.to_user_string()]
        found = _failures(key.name, here)
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN if key.name in VERDICTS else dg.AssetCheckSeverity.ERROR,
            metadata=_bad_symbols_table(found),
        )
    if bad:
        symbols = ", ".join(sorted({one.symbol for one in bad}))
        raise dg.Failure(
            f"not current: {symbols}; the other symbols are", metadata=_bad_symbols_table(bad), allow_retries=False
        )
