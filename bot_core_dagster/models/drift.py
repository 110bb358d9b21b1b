"""Drift: whether features still look as they did where the model trained.

Belongs here: the population stability index of each feature. Not here: features (`features`), whether forecasts still
hold (`models.scores`).

By the custom of credit scoring an index under 0.1 is no drift, and one above 0.25 a large one. It is never 0: of n
recent and m training rows that are independent it is about n_bins · (1/n + 1/m) by chance, and hours are far from
independent, so a week of them says little.
"""

import json
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D, FloatArray2D

MODERATE: Final = 0.1
LARGE: Final = 0.25
N_BINS: Final = 10
_LEAST_SHARE: Final = 1e-4
"""What an empty bin counts as: the index would be infinite."""


@dataclass(frozen=True)
class DriftReference:
    """How each feature was spread over the training rows.

    edges : of each feature, ascending; bin i holds what is above edge i - 1 and at most edge i
    shares : of rows in each bin, and of those where the feature is undefined last; len(edges) + 2 of each feature
    """

    columns: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    shares: tuple[tuple[float, ...], ...]

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "DriftReference":
        """Return what `to_json` wrote."""
        parts = json.loads(text)
        edges, shares = (tuple(tuple(each) for each in parts[name]) for name in ("edges", "shares"))
        return cls(tuple(parts["columns"]), edges, shares)


def drift_reference(matrix: FloatArray2D, columns: tuple[str, ...], n_bins: int = N_BINS) -> DriftReference:
    """Return the deciles of each feature over the training rows.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_columns)
        NaN where undefined. A feature of few distinct values has fewer bins.
    columns : tuple of str
    n_bins : int

    Raises
    ------
    ShapeError
        If there is no row, or not a name for each column.
    """
    _require_matrix(matrix, columns)
    if len(matrix) == 0:
        raise ShapeError("expected rows that a model trained on, got none; next: give its training rows")
    inner = np.linspace(0.0, 1.0, n_bins + 1)[1:-1]
    edges = [_edges(column[np.isfinite(column)], inner) for column in matrix.T]
    shares = [_shares(column, edge) for column, edge in zip(matrix.T, edges, strict=True)]
    as_tuples = (tuple(tuple(each.tolist()) for each in parts) for parts in (edges, shares))
    return DriftReference(columns, *as_tuples)


def stability_index(reference: DriftReference, matrix: FloatArray2D) -> dict[str, float]:
    """Return the population stability index of each feature, Σ (now - then) · ln(now / then); NaN without rows.

    Parameters
    ----------
    reference : DriftReference
    matrix : ndarray of shape (n_rows, n_columns)
        The recent rows, columns as in the reference.

    Raises
    ------
    ShapeError
        If the columns are other in number.

    References
    ----------
    Yurdakul, B. (2018). Statistical Properties of Population Stability Index. Western Michigan University.
    """
    _require_matrix(matrix, reference.columns)
    if len(matrix) == 0:
        return dict.fromkeys(reference.columns, float("nan"))
    parts = zip(reference.columns, matrix.T, reference.edges, reference.shares, strict=True)
    return {name: _index(np.array(then), _shares(column, np.array(edge))) for name, column, edge, then in parts}


def _index(then: FloatArray1D, now: FloatArray1D) -> float:
    then, now = np.maximum(then, _LEAST_SHARE), np.maximum(now, _LEAST_SHARE)
    return float((now - then) @ np.log(now / then))


def _edges(known: FloatArray1D, inner: FloatArray1D) -> FloatArray1D:
    return np.unique(np.quantile(known, inner)) if len(known) else np.empty(0)


def _shares(column: FloatArray1D, edges: FloatArray1D) -> FloatArray1D:
    is_known = np.isfinite(column)
    place = np.where(is_known, np.searchsorted(edges, column, side="left"), len(edges) + 1)
    return np.bincount(place, minlength=len(edges) + 2) / len(column)


def _require_matrix(matrix: FloatArray2D, columns: tuple[str, ...]) -> None:
    if matrix.ndim != 2 or matrix.shape[1] != len(columns):
        raise ShapeError(f"expected {len(columns)} features a row, got shape {matrix.shape}; next: the model's columns")
