"""Walk-forward: models trained on the time before, and what they said of the time after.

Belongs here: one training with its slices, scaling and calibration, for each fold; what was said, measured. Not here:
each step (`models.slices`, a kind's `fit`, `models.calibration`, `models.intervals`, `models.evaluation`), the card and
the files of the model that is kept (`models.training`).

With more than one fold the unseen time is cut into so many pieces, each predicted by a model trained on the time before
it. What is measured is of the joined pieces.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bot_core_dagster.errors import QualityError
from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.models.calibration import Calibration, fitted_calibration
from bot_core_dagster.models.coverage import coverage_of
from bot_core_dagster.models.evaluation import evaluate, loss_rows
from bot_core_dagster.models.intervals import adaptive_intervals
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.labels import HORIZONS, Labels
from bot_core_dagster.models.naive import naive_predictor
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.predictions import CheckpointFile, Curve, Fit, FitOptions, ModelKind, Predictions, Training
from bot_core_dagster.models.reliability import reliability_curve
from bot_core_dagster.models.slices import slices_of
from bot_core_dagster.models.traded import trade_forecast
from bot_core_dagster.models.trained import Measured
from bot_core_dagster.settings import Instrument
from bot_core_dagster.validation.loss_difference import diebold_mariano

OnEpoch = Callable[[int, Curve], None]


@dataclass(frozen=True, eq=False)
class Fold:
    """A model trained on the time before its unseen rows, and what it said of these.

    rows : places of the conformal and the unseen bars, ascending
    said, naive : of these rows; the model's calibrated, and the base rate of all that it was fitted and calibrated on:
        a model that only knows the later base rate would beat that of the training alone
    """

    training: Training
    fit: Fit
    calibration: Calibration
    rows: IntArray1D
    said: Predictions
    naive: Predictions


def trained_folds(
    kind: ModelKind,
    known: Known,
    instrument: Instrument,
    plan: TrainingPlan,
    *,
    checkpoint: CheckpointFile | None = None,
    on_epoch: OnEpoch = lambda _epoch, _curve: None,
) -> list[Fold]:
    """Train a model for each fold of the plan, the last on the newest rows that a model may use.

    Parameters
    ----------
    kind : ModelKind
    known : Known
        All bars up to now.
    instrument : Instrument
    plan : TrainingPlan
    checkpoint : CheckpointFile, optional
        What a killed training of the last fold goes on from.
    on_epoch : callable
        Told of each epoch, from 1, and its losses.

    Raises
    ------
    ShapeError
        If there are too few rows to train on; says how many there are and are needed.
    QualityError
        If the price does not move.
    ModelError
        If the training diverges.
    """
    _require_movement(known.labels, instrument)
    folds = []
    for until, unseen, is_last in _ends(known, plan):
        training = _cut(known, instrument, plan, until, unseen)
        options = FitOptions(plan.seed, plan.max_epochs, plan.patience, checkpoint if is_last else None, on_epoch)
        folds.append(_fold(kind, training, options))
    return folds


def measured(folds: Sequence[Fold], known: Known, instrument: Instrument) -> Measured:
    """Return what the models of the folds did on their unseen rows, joined."""
    rows = np.concatenate([fold.training.slices.unseen for fold in folds])
    said = _joined([_of_unseen(fold, fold.said) for fold in folds])
    naive = _joined([_of_unseen(fold, fold.naive) for fold in folds])
    losses, naive_losses = (loss_rows(each, known.labels, rows) for each in (said, naive))
    both = np.isfinite(losses) & np.isfinite(naive_losses)
    inside = np.concatenate([_inside(fold, known.labels) for fold in folds])
    return Measured(
        evaluation=evaluate(said, known.labels, rows),
        naive=evaluate(naive, known.labels, rows),
        reliability=reliability_curve(said.up[:, 0], known.labels.direction[rows, 0]),
        coverage=tuple(coverage_of(inside[:, place], place + 1) for place in range(HORIZONS)),
        against_naive=diebold_mariano(losses[both], naive_losses[both], is_one_sided=True),
        traded=trade_forecast(known.bars, rows, said.up, instrument).figures,
    )


def _fold(kind: ModelKind, training: Training, options: FitOptions) -> Fold:
    slices, windows = training.slices, training.windows
    fit = kind.fit(training, options)
    raw = fit.predictor.predict(windows, slices.calibration)
    calibration = fitted_calibration(raw.up, training.labels.direction[slices.calibration])
    rows = np.concatenate([slices.conformal, slices.unseen])
    said = fit.predictor.predict(windows, rows)
    used = np.concatenate([slices.training, slices.stopping, slices.calibration])
    naive = naive_predictor(training.labels, used).predict(windows, rows)
    return Fold(training, fit, calibration, rows, Predictions(calibration.apply(said.up), said.quantiles), naive)


def _cut(
    known: Known, instrument: Instrument, plan: TrainingPlan, until: pd.Timestamp | None, unseen: pd.Timedelta
) -> Training:
    """Return what trains: the columns that are defined there, scaled by the training's bars alone."""
    windows, embargo = known.windows, plan.embargo(instrument.timeframe)

    def cut(rows: IntArray1D) -> Training:
        slices = slices_of(known.labels, rows, used=plan.used, unseen=unseen, embargo=embargo, until=until)
        return Training(windows, known.labels, slices)

    columns = windows.narrowed(_span(known.labels, plan, until, unseen)).columns
    windows = windows.only(columns)
    slices = cut(windows.complete_rows).slices
    scaled = windows.scaled(windows.fitted_scaler(slices.training_bars))
    return Training(scaled, known.labels, slices)


def _span(labels: Labels, plan: TrainingPlan, until: pd.Timestamp | None, unseen: pd.Timedelta) -> slice:
    """Return the bars that a training may read, to tell which columns are defined there at all."""
    last = until or labels.start[-1]
    places = np.flatnonzero((labels.start > last - unseen - plan.used) & (labels.start <= last - unseen))
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, len(labels.start))


def _ends(known: Known, plan: TrainingPlan) -> Iterator[tuple[pd.Timestamp | None, pd.Timedelta, bool]]:
    """Yield the end of each fold's unseen rows (None for the newest), their length, and whether it is the last."""
    unseen = pd.Timedelta(plan.unseen) / plan.folds
    for fold in range(plan.folds):
        n_later = plan.folds - 1 - fold
        yield known.labels.start[-1] - n_later * unseen if n_later else None, unseen, n_later == 0


def _inside(fold: Fold, labels: Labels) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return whether what came lay inside the interval, for the unseen rows of a fold."""
    inside = adaptive_intervals(fold.said, labels, fold.rows).inside(labels, fold.rows)
    return np.asarray(inside[len(fold.training.slices.conformal) :])


def _of_unseen(fold: Fold, said: Predictions) -> Predictions:
    first = len(fold.training.slices.conformal)
    return Predictions(said.up[first:], said.quantiles[first:])


def _joined(parts: Sequence[Predictions]) -> Predictions:
    return Predictions(np.concatenate([part.up for part in parts]), np.concatenate([part.quantiles for part in parts]))


def _require_movement(labels: Labels, instrument: Instrument) -> None:
    if not np.isfinite(labels.direction[:, 0]).any():
        raise QualityError(
            f"the price of {instrument.symbol} does not move: none of {len(labels.start)} bars is followed by a move; "
            "next: bot-core status, or another file"
        )
