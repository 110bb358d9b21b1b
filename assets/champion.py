"""The champion asset: which model serves each instrument, and why.

Belongs here: comparing what has been trained, recording the decision, MLflow's aliases after it. Not here: the rule
(`bot_core_dagster.models.promotion`), the record (`bot_core_dagster.models.registry`), training (`assets.models`).
"""

import dagster as dg

from assets.bars import bar_quality, bars
from assets.each_symbol import materialize_each_symbol
from assets.features import features
from assets.metadata import picture
from assets.model_metadata import verdict_metadata
from assets.modelling import known_bars, wanted_in_mlflow
from assets.models import MODEL_ASSETS
from assets.partitions import ONE_RUN, OWNERS, SYMBOLS, SymbolsConfig
from assets.storing import Made, rows_added
from bot_core_dagster.models.contest import Contest, compare_models
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.registry import record_decision
from bot_core_dagster.models.registry_tables import MODEL_DECISIONS
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.reports import comparison_picture
from bot_core_dagster.settings import Instrument
from resources.lake import LakeResource
from resources.market import SettingsResource
from resources.tracking import TrackingResource


@dg.asset(
    partitions_def=SYMBOLS,
    deps=[bars, bar_quality, features, *MODEL_ASSETS.values()],
    backfill_policy=ONE_RUN,
    group_name="models",
    kinds={"delta", "mlflow"},
    owners=OWNERS,
    code_version="1",
    pool="ml_training",
)
def champion(
    context: dg.AssetExecutionContext,
    config: SymbolsConfig,
    lake: LakeResource,
    settings: SettingsResource,
    tracking: TrackingResource,
) -> None:
    """Decide which model serves each instrument: the champion, or a challenger better on rows that neither has seen.

    Keeping the champion is the normal outcome. Every decision is kept with its reasons.
    """
    known, store, files = settings.load(), lake.open(), ModelStore.default()

    def decide(instrument: Instrument, read: Known) -> Made:
        contest = compare_models(store, files, read, instrument, known.models)
        row = record_decision(store, contest.decision)
        return Made(tables=(), metadata=drawn(contest, instrument) | verdict_metadata(contest, row))

    materialize_each_symbol(
        context,
        store,
        known,
        config.symbols,
        decide,
        load=known_bars,
        store=rows_added(store, MODEL_DECISIONS, list(context.partition_keys)),
        regardless_of=tuple(asset.key.to_user_string() for asset in MODEL_ASSETS.values()),
    )
    there = [one for one in known.watchlist if one.symbol in context.partition_keys]
    tracking.reconcile_models(wanted_in_mlflow(store, files, there))


def drawn(contest: Contest, instrument: Instrument) -> dict[str, dg.MarkdownMetadataValue]:
    """Return the picture of a comparison, none where nothing was compared."""
    if contest.differences.empty:
        return {}
    png = comparison_picture(
        f"{instrument.symbol} {instrument.timeframe}",
        contest.differences,
        contest.p_values,
        contest.decision.summary,
        champion=contest.champion,
        is_simulated=contest.is_simulated,
    )
    return {"comparison": picture(png, "challengers against the champion")}
