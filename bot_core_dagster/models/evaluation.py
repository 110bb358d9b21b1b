"""Evaluation: how good predictions were on rows whose labels came.

Belongs here: log loss, Brier score, accuracy, AUC, calibration error and pinball loss of each horizon. Not here: the
formulas (`models.losses`), whether one model is better than another (`models.promotion`), what trading it earned
(`models.traded`), coverage (`models.coverage`).

A model says how likely a move is up, given that it is one, so its own losses are on the rows with a direction; that
the price rose or fell at all is asked of every row. Undefined is NaN.
"""

import math
from dataclasses import dataclass

import numpy as np

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D, IntArray1D
from bot_core_dagster.models.labels import HORIZONS, Labels
from bot_core_dagster.models.losses import area_under_curve, hits, log_losses, pinball_losses
from bot_core_dagster.models.predictions import Predictions
from bot_core_dagster.models.reliability import reliability_curve


@dataclass(frozen=True)
class HorizonEvaluation:
    """Losses of one horizon.

    n_rows, accuracy, auc, log_loss, brier : of whether the price rose, over the rows where it moved
    n_directions, direction_log_loss, direction_brier, calibration_error : of the direction of moves, over those rows
    n_returns, pinball_loss : mean over the quantiles, in deviations, over the rows whose return is known
    """

    horizon: int
    n_rows: int
    accuracy: float
    auc: float
    log_loss: float
    brier: float
    n_directions: int
    direction_log_loss: float
    direction_brier: float
    calibration_error: float
    n_returns: int
    pinball_loss: float


@dataclass(frozen=True)
class Evaluation:
    """Losses of each horizon, the nearest first."""

    horizons: tuple[HorizonEvaluation, ...]

    def at(self, horizon: int) -> HorizonEvaluation:
        """Return those of so many bars ahead, from 1."""
        return self.horizons[horizon - 1]


def evaluate(predictions: Predictions, labels: Labels, rows: IntArray1D) -> Evaluation:
    """Return the losses of predictions.

    Parameters
    ----------
    predictions : Predictions
        Of `rows`, in their order.
    labels : Labels
    rows : ndarray of int64
        Places of bars.

    Raises
    ------
    ShapeError
        If there is not one prediction for each row.
    """
    _require_rows(predictions, rows)
    sign, direction, scaled = labels.sign[rows], labels.direction[rows], labels.scaled_at(rows)
    return Evaluation(
        tuple(
            _of_horizon(
                place + 1,
                predictions.up[:, place],
                sign[:, place],
                direction[:, place],
                pinball_losses(predictions.quantiles[:, place], scaled[:, place]),
            )
            for place in range(HORIZONS)
        )
    )


def loss_rows(predictions: Predictions, labels: Labels, rows: IntArray1D, horizon: int = 1) -> FloatArray1D:
    """Return the log loss of each row, shape (n_rows,), NaN where the move had no direction or is unknown.

    Raises
    ------
    ShapeError
        If there is not one prediction for each row.
    """
    _require_rows(predictions, rows)
    return log_losses(predictions.up[:, horizon - 1], labels.direction[rows, horizon - 1])


def _of_horizon(
    horizon: int, up: FloatArray1D, sign: FloatArray1D, direction: FloatArray1D, pinball: FloatArray1D
) -> HorizonEvaluation:
    moved, directed = np.isfinite(sign), np.isfinite(direction)
    sign, direction = sign[moved], direction[directed]
    of_moved, of_directed = up[moved], up[directed]
    return HorizonEvaluation(
        horizon=horizon,
        n_rows=len(sign),
        accuracy=_mean(hits(of_moved, sign)),
        auc=area_under_curve(of_moved, sign),
        log_loss=_mean(log_losses(of_moved, sign)),
        brier=_mean((of_moved - sign) ** 2),
        n_directions=len(direction),
        direction_log_loss=_mean(log_losses(of_directed, direction)),
        direction_brier=_mean((of_directed - direction) ** 2),
        calibration_error=reliability_curve(of_directed, direction).expected_error,
        n_returns=int(np.isfinite(pinball).sum()),
        pinball_loss=_mean(pinball[np.isfinite(pinball)]),
    )


def _mean(losses: FloatArray1D) -> float:
    return float(losses.mean()) if len(losses) else math.nan


def _require_rows(predictions: Predictions, rows: IntArray1D) -> None:
    if len(predictions.up) != len(rows) or len(predictions.quantiles) != len(rows):
        raise ShapeError(
            f"expected a prediction for each of {len(rows)} rows, got {len(predictions.up)}; next: predict these rows"
        )
