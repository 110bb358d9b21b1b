"""Predictions: what a model says of the bars ahead, and what every kind of model has in common.

Belongs here: the shapes that models give and take. Not here: any model (`models.networks`, `models.boosting`,
`models.naive`), what a prediction is worth (`models.evaluation`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.metrics.arrays import FloatArray2D, IntArray1D
from bot_core_dagster.models.labels import Labels
from bot_core_dagster.models.slices import Slices
from bot_core_dagster.models.windows import Windows

FloatArray3D = NDArray[np.float64]

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the return of each horizon, over the deviation expected of it."""

Curve = Mapping[str, float]
"""One epoch or round: name of a loss or rate -> its value."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What is said of the bars after each of n_rows rows; column h - 1 is h bars ahead.

    up : float64 of shape (n_rows, HORIZONS): probability that the move is up, given that it is one (`models.labels`)
    quantiles : float64 of shape (n_rows, HORIZONS, len(QUANTILES)), of the scaled return, ascending
    """

    up: FloatArray2D
    quantiles: FloatArray3D


class Predictor(Protocol):
    """A trained model: predicts from windows, and can be written without pickling."""

    def predict(self, windows: Windows, rows: IntArray1D) -> Predictions:
        """Return what is said at the close of each of `rows`, whose windows are complete and scaled as in training."""
        ...

    def files(self) -> Mapping[str, bytes]:
        """Return the content of each file that `ModelKind.load` needs."""
        ...


@dataclass(frozen=True)
class FitOptions:
    """How a model is fitted.

    seed : of everything random
    max_epochs, patience : of epochs (networks) or tens of rounds (boosting); stops after `patience` without a gain
    checkpoint : told of nothing but where a killed training goes on; None keeps none
    on_epoch : called after each epoch with its number from 1 and its curve
    """

    seed: int = 0
    max_epochs: int = 60
    patience: int = 5
    checkpoint: "CheckpointFile | None" = None
    on_epoch: Callable[[int, Curve], None] = field(default=lambda _epoch, _curve: None)


class CheckpointFile(Protocol):
    """Where a training is kept after each epoch, so that a killed one goes on."""

    def read(self) -> bytes | None:
        """Return what was written last, None where nothing was or it is not whole."""
        ...

    def write(self, content: bytes) -> None:
        """Keep this instead, atomically and durably."""
        ...


@dataclass(frozen=True, eq=False)
class Training:
    """What a model is fitted on: scaled windows, labels, and the slices; it must not read the unseen rows."""

    windows: Windows
    labels: Labels
    slices: Slices


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained model, and how it went.

    curves : one of each epoch, the first first, with `training_loss` and `stopping_loss` at least
    best_epoch : from 1; 0 for a model without epochs
    stopping_reason : in words
    """

    predictor: Predictor
    curves: Sequence[Curve]
    best_epoch: int
    stopping_reason: str


@dataclass(frozen=True)
class ModelKind:
    """A kind of model.

    name : as the user types it
    title : as a page says it
    fit : trains one
    load : makes a predictor of its files; raises ModelError where they are corrupt or another model's
    architecture : what the card says of its shape
    library : what it computes with, imported by `fit` and `load`; "" where it needs none
    """

    name: str
    title: str
    fit: Callable[[Training, FitOptions], Fit]
    load: Callable[[Mapping[str, bytes]], Predictor]
    architecture: Mapping[str, Any]
    library: str = ""
