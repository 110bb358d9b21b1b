"""Naive: what is said without looking at anything, and what every model must beat.

Belongs here: base rates and quantiles of what came. Not here: where it stands in for a model (`models.forecast_table`).

The probability of up is the share of moves that went up, the median return is nothing, and the other quantiles are
those of the past around it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from bot_core_dagster.errors import ModelError
from bot_core_dagster.metrics.arrays import FloatArray1D, FloatArray2D, IntArray1D
from bot_core_dagster.models.labels import HORIZONS, Labels
from bot_core_dagster.models.predictions import QUANTILES, Fit, FitOptions, ModelKind, Predictions, Training
from bot_core_dagster.models.windows import Windows

RATES: Final = "naive.json"
_SHAPES: Final = {"up": (HORIZONS,), "quantiles": (HORIZONS, len(QUANTILES))}
_NEXT: Final = "next: train the model again, or restore the file"


@dataclass(frozen=True, eq=False)
class NaivePredictor:
    """Says the same of every bar.

    up : float64 of shape (HORIZONS,), strictly between 0 and 1
    quantiles : float64 of shape (HORIZONS, len(QUANTILES)), ascending; the median is 0
    """

    up: FloatArray1D
    quantiles: FloatArray2D

    def predict(self, windows: Windows, rows: IntArray1D) -> Predictions:  # noqa: ARG002  it looks at nothing
        """Return the same for each row."""
        return Predictions(
            np.tile(self.up, (len(rows), 1)), np.tile(self.quantiles, (len(rows), 1, 1)).astype(np.float64)
        )

    def files(self) -> dict[str, bytes]:
        """Return the content of `naive.json`."""
        content = {"kind": "naive", "up": self.up.tolist(), "quantiles": self.quantiles.tolist()}
        return {RATES: json.dumps(content).encode()}


def naive_predictor(labels: Labels, rows: IntArray1D | None = None) -> NaivePredictor:
    """Return the naive predictor of what came after `rows`; of all bars by default.

    Parameters
    ----------
    labels : Labels
    rows : ndarray of int64, optional
        Places of bars. Those without a direction, or without a return, at a horizon teach nothing about it.

    Returns
    -------
    NaivePredictor
        By Laplace's rule no probability is 0 or 1, and it is a half where nothing is known; the quantiles are 0 there.
    """
    places = np.arange(len(labels.deviation)) if rows is None else rows
    direction, scaled = labels.direction[places], labels.scaled_at(places)
    n_up, n_known = np.nansum(direction, axis=0), np.isfinite(direction).sum(axis=0)
    return NaivePredictor((n_up + 1.0) / (n_known + 2.0), np.array([_around_zero(column) for column in scaled.T]))


def _around_zero(scaled: FloatArray1D) -> FloatArray1D:
    """Return the quantiles, shifted so that the median is exactly 0."""
    known = scaled[np.isfinite(scaled)]
    if len(known) == 0:
        return np.zeros(len(QUANTILES))
    found: FloatArray1D = np.quantile(known, QUANTILES)
    found -= found[QUANTILES.index(0.5)]
    return found


def _fit(training: Training, options: FitOptions) -> Fit:  # noqa: ARG001  nothing is random, and there are no epochs
    predictor = naive_predictor(training.labels, training.slices.training)
    return Fit(
        predictor, curves=(), best_epoch=0, stopping_reason="nothing to iterate: shares and quantiles are counted"
    )


def _load(files: Mapping[str, bytes]) -> NaivePredictor:
    if RATES not in files:
        raise ModelError(f"the naive model has no {RATES} among {', '.join(files) or 'no files'}; {_NEXT}")
    try:
        content = json.loads(files[RATES])
    except ValueError as error:
        raise ModelError(f"{RATES} of the naive model is corrupt or cut off ({error}); {_NEXT}") from None
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind != "naive":
        raise ModelError(f"{RATES} is of kind {kind or 'unknown'}, expected naive; {_NEXT}")
    up, quantiles = (_numbers(content, name) for name in _SHAPES)
    if not (up > 0.0).all() or not (up < 1.0).all() or (np.diff(quantiles, axis=1) < 0.0).any():
        raise ModelError(f"{RATES} of the naive model holds what is no probability or no quantiles; {_NEXT}")
    return NaivePredictor(up, quantiles)


def _numbers(content: Mapping[str, Any], name: str) -> FloatArray2D:
    try:
        found = np.array(content.get(name), dtype=np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.shape != _SHAPES[name] or not np.isfinite(found).all():
        raise ModelError(f"{RATES}: expected {name} of shape {_SHAPES[name]}, got {found.shape}; {_NEXT}")
    return found


NAIVE: Final = ModelKind("naive", "Naive forecast", fit=_fit, load=_load, architecture={"quantiles": list(QUANTILES)})
