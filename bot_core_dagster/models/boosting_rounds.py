"""Boosting rounds: trees fitted one after another until the stopping slice has had enough.

Belongs here: what a booster of one horizon is shown, its parameters, when it stops. Not here: the model made of all of
them, its file (`models.boosting`).

The signal of an hour is weak and a year of hours few: so trees are shallow, the steps small, and each tree sees a
third of the rows and a fifth of the columns (chosen on simulated seeds from 1,000 on).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D, IntArray1D
from bot_core_dagster.models.losses import log_losses, pinball_losses
from bot_core_dagster.models.predictions import QUANTILES, Curve, FitOptions, Training
from bot_core_dagster.models.windows import Float32Array2D, Windows

LAGS: Final = (0, 1, 2, 5)
"""Bars back from the last whose features are inputs."""
ROUNDS_PER_EPOCH: Final = 10
MIN_ROWS: Final = 50
"""With a label, in training and a fifth of that in stopping; below, or where all are equal, there is no booster."""

SHARED: Final[Mapping[str, Any]] = {"tree_method": "hist", "nthread": 1, "max_bin": 64, "subsample": 0.3}
DIRECTION: Final[Mapping[str, Any]] = {
    "objective": "binary:logistic",
    "max_depth": 4,
    "learning_rate": 0.02,
    "min_child_weight": 20,
    "reg_lambda": 40.0,
    "colsample_bytree": 0.2,
}
SPREAD: Final[Mapping[str, Any]] = {
    "objective": "reg:quantileerror",
    "quantile_alpha": list(QUANTILES),
    "max_depth": 2,
    "learning_rate": 0.1,
    "min_child_weight": 100,
    "colsample_bytree": 0.2,
}
MAX_SPREAD_EPOCHS: Final = 12
SPREAD_PATIENCE: Final = 2
"""Epochs without a gain after which quantiles stop: the volatility in their scale has taken most from them already."""


@dataclass(frozen=True, eq=False)
class Rounds:
    """A booster, and how it came about.

    booster : xgboost.Booster with the rounds up to the best epoch; None where there were too few rows
    curves : training_loss and stopping_loss after each ten rounds, also of those after the best
    best_epoch : from 1; 0 without a booster
    """

    booster: Any
    curves: tuple[Curve, ...]
    best_epoch: int


@dataclass(frozen=True, eq=False)
class _Rows:
    """Inputs and labels of a slice's rows that have one."""

    inputs: Float32Array2D
    labels: FloatArray1D

    @classmethod
    def of(cls, windows: Windows, rows: IntArray1D, labels: FloatArray1D) -> "_Rows":
        known = rows[np.isfinite(labels[rows])]
        return cls(inputs_of(windows, known), labels[known])


def inputs_of(windows: Windows, rows: IntArray1D) -> Float32Array2D:
    """Return the features of the bars at LAGS before each row, float32 of shape (n_rows, n_columns · len(LAGS))."""
    return np.concatenate([windows.matrix[rows - lag] for lag in LAGS], axis=1)


def fit_direction(training: Training, horizon: int, options: FitOptions) -> Rounds:
    """Fit the log odds that a move over `horizon` bars is up; rows without a direction teach nothing."""
    labels = training.labels.direction[:, horizon - 1]
    known = labels[training.slices.training]
    base_rate = (np.nansum(known) + 1.0) / (np.isfinite(known).sum() + 2.0)
    parameters = _for_overlap(DIRECTION, horizon) | {"base_score": float(base_rate)}
    return _fit(training, labels, parameters, _log_loss, options)


def fit_spread(training: Training, horizon: int, options: FitOptions) -> Rounds:
    """Fit the quantiles of the scaled return over `horizon` bars."""
    labels = training.labels.scaled[:, horizon - 1]
    patience, max_epochs = min(options.patience, SPREAD_PATIENCE), min(options.max_epochs, MAX_SPREAD_EPOCHS)
    brief = replace(options, patience=patience, max_epochs=max_epochs)
    return _fit(training, labels, _for_overlap(SPREAD, horizon), _pinball, brief)


def _for_overlap(parameters: Mapping[str, Any], horizon: int) -> dict[str, Any]:
    """Return parameters that ask more rows of a leaf: neighbours' labels of h bars overlap, and say little new."""
    return {**parameters, "min_child_weight": parameters["min_child_weight"] * math.sqrt(horizon)}


def _pinball(said: Any, labels: FloatArray1D) -> float:
    """Return the mean pinball loss of quantiles, however they cross."""
    return float(pinball_losses(np.sort(said.astype(np.float64), axis=1), labels).mean())


def _log_loss(said: Any, labels: FloatArray1D) -> float:
    return float(log_losses(said.astype(np.float64), labels).mean())


def _fit(
    training: Training,
    labels: FloatArray1D,
    parameters: Mapping[str, Any],
    loss: Callable[[Any, FloatArray1D], float],
    options: FitOptions,
) -> Rounds:
    import xgboost

    slices = training.slices
    learned = _Rows.of(training.windows, slices.training, labels)
    stopping = _Rows.of(training.windows, slices.stopping, labels)
    matrices = [xgboost.DMatrix(rows.inputs, rows.labels, nthread=1) for rows in (learned, stopping)]
    booster = xgboost.Booster({**SHARED, **parameters, "seed": options.seed}, matrices)
    curves: list[Curve] = []
    best_epoch = 0
    if not _can_teach(learned, stopping):
        return Rounds(None, (), 0)
    for epoch in range(1, options.max_epochs + 1):
        for one in range((epoch - 1) * ROUNDS_PER_EPOCH, epoch * ROUNDS_PER_EPOCH):
            booster.update(matrices[0], one)
        training_loss, stopping_loss = (
            loss(booster.predict(each), rows.labels) for each, rows in zip(matrices, (learned, stopping), strict=True)
        )
        curves.append({"training_loss": training_loss, "stopping_loss": stopping_loss})
        options.on_epoch(epoch, curves[-1])
        if best_epoch == 0 or stopping_loss < curves[best_epoch - 1]["stopping_loss"]:
            best_epoch = epoch
        if epoch - best_epoch >= options.patience:
            break
    return Rounds(booster[: best_epoch * ROUNDS_PER_EPOCH], tuple(curves), best_epoch)


def _can_teach(learned: _Rows, stopping: _Rows) -> bool:
    are_enough = len(learned.labels) >= MIN_ROWS and len(stopping.labels) >= MIN_ROWS // 5
    return are_enough and bool(np.ptp(learned.labels) > 0.0)
