"""Intervals: where the price will be nine times of ten, made to hold by what earlier intervals missed.

Belongs here: adaptive conformal intervals of each horizon around a model's quantiles. Not here: the quantiles (of the
models), whether the promise was kept (`models.coverage`), which rows are conformal (`models.slices`).

A row's score is by how many deviations its return came to lie outside the model's outer quantiles, below 0 inside
(Romano et al. 2019). The next interval widens the quantiles by a quantile of the latest scores, at a level that falls
after each miss and rises after each hit (Gibbs and Candès 2021). At the close of a row only what had come by then is
known: the scores of rows that lie their whole horizon back.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import BoolArray2D, FloatArray1D, FloatArray2D, IntArray1D
from bot_core_dagster.models.coverage import NOMINAL
from bot_core_dagster.models.labels import HORIZONS, Labels, spread_of
from bot_core_dagster.models.predictions import Predictions

N_SCORES: Final = 2_000
"""The latest that are looked at: twelve weeks of hours."""
MIN_SCORES: Final = 50
"""With fewer the model's own quantiles stand."""
LEARNING_RATE: Final = 0.005
"""Of the level, the value of Gibbs and Candès."""


@dataclass(frozen=True, eq=False)
class Intervals:
    """Intervals of each row and horizon, all of shape (n_rows, HORIZONS); the last row's is the newest forecast's.

    lower, upper : scaled returns (`Labels.scaled`)
    widening : what was added to the model's quantiles on each side, in the same unit; may be negative
    level : share of misses aimed at; 1 - NOMINAL at first
    """

    lower: FloatArray2D
    upper: FloatArray2D
    widening: FloatArray2D
    level: FloatArray2D

    def prices(self, close: FloatArray1D, deviation: FloatArray1D) -> tuple[FloatArray2D, FloatArray2D]:
        """Return the lower and upper price, from each row's close and the deviation known there, shape (n_rows,)."""
        spread = spread_of(deviation)
        return close[:, None] * np.exp(self.lower * spread), close[:, None] * np.exp(self.upper * spread)

    def inside(self, labels: Labels, rows: IntArray1D) -> FloatArray2D:
        """Return 1 where the return came to lie inside, 0 outside, NaN where it is not known."""
        scaled = labels.scaled_at(rows)
        is_inside: BoolArray2D = (scaled >= self.lower) & (scaled <= self.upper)
        return np.where(np.isfinite(scaled), is_inside.astype(np.float64), np.nan)


def adaptive_intervals(predictions: Predictions, labels: Labels, rows: IntArray1D) -> Intervals:
    """Return the interval of each row, as it was known at the row's close.

    Parameters
    ----------
    predictions : Predictions
        Of `rows`, in their order.
    labels : Labels
        NaN where what came is not known: such rows have an interval and teach nothing.
    rows : ndarray of int64
        Places of bars, ascending: the conformal slice and every row after it that a forecast was or is made at. Rows
        that the model has learned from would make intervals too narrow.

    Returns
    -------
    Intervals
        A function of what is given alone: no state has to be kept.

    Raises
    ------
    ShapeError
        If there is not one prediction for each row, or rows do not ascend.

    References
    ----------
    Gibbs, I., Candès, E. (2021). Adaptive Conformal Inference Under Distribution Shift. NeurIPS. Romano, Y.,
    Patterson, E., Candès, E. (2019). Conformalized Quantile Regression. NeurIPS.
    """
    from bot_core_dagster.models.interval_loop import pass_rows

    _require_rows(predictions, rows)
    low, high = predictions.quantiles[:, :, 0], predictions.quantiles[:, :, -1]
    scores = scores_of(low, high, labels.scaled_at(rows))
    widening, level = np.zeros_like(scores), np.zeros_like(scores)
    for place in range(HORIZONS):
        pass_rows(
            np.ascontiguousarray(scores[:, place]),
            np.ascontiguousarray(rows, dtype=np.int64),
            place + 1,
            (N_SCORES, MIN_SCORES, LEARNING_RATE, 1.0 - NOMINAL),
            widening[:, place],
            level[:, place],
        )
    return _around(low, high, widening, level)


def load_loop() -> None:
    """Load the compiled loop ahead of need: numba takes over half a second."""
    from bot_core_dagster.models.interval_loop import pass_rows

    filled = np.zeros((2, HORIZONS))
    rates = N_SCORES, MIN_SCORES, LEARNING_RATE, 1.0 - NOMINAL
    pass_rows(np.zeros(2), np.arange(2), 1, rates, filled[:, 0], filled[:, 1])


def scores_of(low: FloatArray2D, high: FloatArray2D, scaled: FloatArray2D) -> FloatArray2D:
    """Return how far each return lies outside of the quantiles, below 0 inside, NaN where it is unknown."""
    return np.maximum(low - scaled, scaled - high)


def _around(low: FloatArray2D, high: FloatArray2D, widening: FloatArray2D, level: FloatArray2D) -> Intervals:
    """Return the intervals; where they would be narrower than nothing, the middle of the quantiles."""
    middle = 0.5 * (low + high)
    return Intervals(np.minimum(low - widening, middle), np.maximum(high + widening, middle), widening, level)


def _require_rows(predictions: Predictions, rows: IntArray1D) -> None:
    if len(predictions.quantiles) != len(rows) or (np.diff(rows) <= 0).any():
        raise ShapeError(
            f"expected ascending rows and a prediction for each, got {len(predictions.quantiles)} for {len(rows)}; "
            "next: predict the rows in order of time"
        )
