"""Training: a model trained, measured on what it has not seen, and kept with its card.

Belongs here: the card that follows from a training, and keeping both. Not here: the training itself
(`models.walk_forward`), files (`models.store`), the record in the lake (`models.registry`).
"""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ModelError
from bot_core_dagster.lake.lake import Lake
from bot_core_dagster.models.card import ModelCard, code_version, features_hash, slice_times, used_until, version_of
from bot_core_dagster.models.drift import drift_reference
from bot_core_dagster.models.evaluation import loss_rows
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.naive import naive_predictor
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.predictions import Curve, ModelKind
from bot_core_dagster.models.registry import model_row, models_of
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.models.trained import Measured, TrainedModel
from bot_core_dagster.models.walk_forward import Fold, OnEpoch, measured, trained_folds
from bot_core_dagster.settings import Instrument


def train_model(
    kind: ModelKind,
    known: Known,
    instrument: Instrument,
    plan: TrainingPlan,
    store: ModelStore,
    *,
    on_epoch: OnEpoch = lambda _epoch, _curve: None,
) -> TrainedModel:
    """Train a model, measure it on what it has not seen, and keep its files.

    Parameters
    ----------
    kind : ModelKind
    known : Known
        All bars up to now.
    instrument : Instrument
    plan : TrainingPlan
    store : ModelStore
        Where its files go, and what a killed training goes on from.
    on_epoch : callable
        Told of each epoch, from 1, and its losses.

    Raises
    ------
    ShapeError
        If there are too few rows to train on; says how many there are and are needed.
    QualityError
        If the price does not move.
    ModelError
        If the training diverges, or the disk refuses the files.
    """
    version = version_of(kind, known.content_hash, instrument, plan)
    checkpoint = store.checkpoint(instrument.symbol, kind.name, version)
    folds = trained_folds(kind, known, instrument, plan, checkpoint=checkpoint, on_epoch=on_epoch)
    result = measured(folds, known, instrument)
    card = _card(kind, version, known, instrument, plan, folds[-1], result)
    kept = store.save(card, folds[-1].fit.predictor.files())
    checkpoint.remove()
    return TrainedModel(kept, folds[-1].fit.predictor, _curves(folds[-1]), result)


def _curves(fold: Fold) -> list[Curve]:
    """Return the losses of each epoch with the base rate's beside the model's, one bar ahead on the stopping slice."""
    training, rows = fold.training, fold.training.slices.stopping
    said = naive_predictor(training.labels, training.slices.training).predict(training.windows, rows)
    base_rate = float(np.nanmean(loss_rows(said, training.labels, rows)))
    names = {"stopping_log_loss_1": "stopping_log_loss", "training_log_loss_1": "training_log_loss"}
    return [
        {names.get(name, name): value for name, value in curve.items()} | {"base_rate_log_loss": base_rate}
        for curve in fold.fit.curves
    ]


def trained_before(
    lake: Lake, store: ModelStore, kind: ModelKind, known: Known, instrument: Instrument, plan: TrainingPlan
) -> pd.DataFrame | None:
    """Return the row of `MODELS` of what this training would give, where its files are there.

    Where a training was killed between keeping its files and recording them, the row is made of its card.
    """
    version = version_of(kind, known.content_hash, instrument, plan)
    if not store.has(instrument.symbol, kind.name, version):
        return None
    rows = models_of(lake, instrument.symbol, str(instrument.timeframe))
    there = rows[(rows["model_type"] == kind.name) & (rows["version"] == version)]
    if len(there):
        return there.reset_index(drop=True)
    try:
        return model_row(store.load(instrument.symbol, kind.name, version)[0])
    except ModelError:
        return None


def _card(
    kind: ModelKind,
    version: str,
    known: Known,
    instrument: Instrument,
    plan: TrainingPlan,
    fold: Fold,
    result: Measured,
) -> ModelCard:
    windows, slices = fold.training.windows, fold.training.slices
    read = known.windows.only(windows.columns)
    assert windows.scaler is not None
    return ModelCard(
        model_type=kind.name,
        symbol=instrument.symbol,
        timeframe=str(instrument.timeframe),
        version=version,
        trained_at=datetime.now(UTC),
        architecture=kind.architecture,
        options=plan.as_parameters(),
        columns=windows.columns,
        scaler=windows.scaler,
        as_of=known.labels.start[-1].to_pydatetime(),
        bars_content_hash=known.content_hash,
        features_content_hash=features_hash(read),
        code_version=code_version(),
        slices=slice_times(known.labels, slices),
        used_until=used_until(known.labels, slices),
        best_epoch=fold.fit.best_epoch,
        n_epochs=len(fold.fit.curves),
        stopping_reason=fold.fit.stopping_reason,
        calibration=fold.calibration.to_json(),
        drift=drift_reference(read.matrix[slices.training].astype(np.float64), read.columns).to_json(),
        metrics=result.metrics,
        simulated=known.is_simulated,
    )
