"""Model assets: what has been trained on each instrument.

Belongs here: one asset a kind of model, made by a factory. Not here: networks, training and evaluation
(`bot_core_dagster.models`), which model serves (`assets.champion`), what it says (`assets.forecasts`).
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

import dagster as dg
import pandas as pd
from pydantic import Field

from assets.bars import bar_quality, bars
from assets.each_symbol import materialize_each_symbol
from assets.features import features
from assets.metadata import picture
from assets.model_metadata import model_metadata
from assets.modelling import TRANSIENT, known_bars, plan_version, said_by_epoch, tried_again_where_transient
from assets.partitions import ONE_RUN, OWNERS, SYMBOLS
from assets.storing import Made, rows_added
from assets.trading import SETTINGS
from bot_core_dagster.lake import Lake, SeriesChange
from bot_core_dagster.models.kinds import MODEL_TYPES, kind_named
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.predictions import ModelKind
from bot_core_dagster.models.registry import model_row
from bot_core_dagster.models.registry_tables import MODELS
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.models.trained import TrainedModel
from bot_core_dagster.models.training import train_model, trained_before
from bot_core_dagster.reports import curves_picture, reliability_picture
from bot_core_dagster.settings import MIN_DAYS_OF_DATA, Instrument
from resources.lake import LakeResource
from resources.market import SettingsResource
from resources.tracking import TrackedTraining, TrackingResource


class TrainingConfig(dg.Config):
    """What is trained, and on how much.

    symbols : a part of the run's symbols; none named means all of them
    days_of_data : that a model may use; the settings' unless said
    retrain : train again what is there from the same bars and settings
    is_first : the shorter training of `bot-core run`
    """

    symbols: list[str] = Field(default_factory=list)
    days_of_data: int | None = Field(default=None, ge=MIN_DAYS_OF_DATA, le=36_500)
    retrain: bool = False
    is_first: bool = False


def model_asset(kind: ModelKind) -> dg.AssetsDefinition:
    """Return the asset that trains one kind of model on each instrument."""

    @dg.asset(
        name=f"{kind.name}_model",
        description=f"{kind.title}, trained on each instrument: what the next 24 bars will do, calibrated, with "
        "intervals, and measured on rows that it has not seen. Every version is kept.",
        partitions_def=SYMBOLS,
        deps=[bars, bar_quality, features],
        backfill_policy=ONE_RUN,
        group_name="models",
        kinds={"xgboost" if kind.name == "boosting" else "pytorch", "mlflow"},
        owners=OWNERS,
        code_version="1",
        pool="ml_training",
    )
    def model(
        context: dg.AssetExecutionContext,
        config: TrainingConfig,
        lake: LakeResource,
        settings: SettingsResource,
        tracking: TrackingResource,
    ) -> None:
        known, store = settings.load(), lake.open()
        if kind.name not in known.models.types:
            context.log.warning(f"models.types of the settings does not name {kind.name}: nothing to train")
            return
        plan = TrainingPlan.of(known.models, days_of_data=config.days_of_data, is_first=config.is_first)
        files = ModelStore.default()

        def train(instrument: Instrument, read: Known) -> Made:
            there = None if config.retrain else trained_before(store, files, kind, read, instrument, plan)
            if there is not None:
                return _made(there, plan, {"note": "trained before on these bars and settings: kept"})
            parameters = {**plan.as_parameters(), **kind.architecture}
            with tracking.training(
                context, model_type=kind.name, symbol=instrument.symbol, parameters=parameters
            ) as tracked:
                say = said_by_epoch(context, instrument.symbol, plan)
                trained = train_model(kind, read, instrument, plan, files, on_epoch=say)
                return _kept_in(tracked, trained, plan, context.run.run_id)

        with tried_again_where_transient(context):
            materialize_each_symbol(
                context,
                store,
                known,
                config.symbols,
                train,
                load=known_bars,
                store=partial(_appended, kind.name),
                passes_through=TRANSIENT,
            )

    return model


def drawn(trained: TrainedModel) -> dict[str, bytes]:
    """Return the pictures of a training by name: its losses, and how far its probabilities can be believed."""
    card = trained.card
    return {
        "curves": curves_picture(
            trained.subject,
            trained.curves,
            card.best_epoch,
            card.stopping_reason,
            is_simulated=card.simulated,
            step="round" if card.model_type == "boosting" else "epoch",
        ),
        "reliability": reliability_picture(
            trained.subject, trained.measured.reliability, trained.measured.headline, is_simulated=card.simulated
        ),
    }


def _kept_in(tracked: TrackedTraining, trained: TrainedModel, plan: TrainingPlan, dagster_run_id: str) -> Made:
    """Keep a training in its MLflow run, and return what the asset makes of it."""
    pictures = drawn(trained)
    tracked.log_epochs(trained.curves)
    tracked.log_metrics(trained.measured.metrics)
    tracked.log_json("card.json", trained.card.as_json())
    for name, png in pictures.items():
        tracked.log_picture(f"{name}.png", png)
    row = model_row(trained.card, dagster_run_id=dagster_run_id, mlflow_run_id=tracked.run_id)
    shown = {name: picture(png, name) for name, png in pictures.items()}
    return _made(row, plan, {**shown, **model_metadata(trained), "mlflow": dg.MetadataValue.url(tracked.url)})


def _made(row: pd.DataFrame, plan: TrainingPlan, metadata: Mapping[str, object]) -> Made:
    return Made(tables=[(MODELS, row)], metadata=metadata, inputs={SETTINGS: plan_version(plan)})


def _appended(model_type: str, lake: Lake, made: Mapping[str, Made]) -> Mapping[str, SeriesChange]:
    """Add a row a version, in one commit; those before it stay."""
    told = rows_added(lake, MODELS, list(made), within={"model_type": model_type})
    lake.upsert(MODELS, pd.concat([one.tables[0][1] for one in made.values()], ignore_index=True))
    return told(lake, made)


MODEL_ASSETS: Final = {name: model_asset(kind_named(name)) for name in MODEL_TYPES}
