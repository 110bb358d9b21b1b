"""Windows: the last 60 bars of features behind each row, as views of one matrix.

Belongs here: the matrix, which rows have a whole window, and its scaling. Not here: what the columns say (`features`),
labels (`models.labels`), which rows train (`models.slices`).

A year of minutes times 60 bars times 20 features would be 2.5 GB; as views it is the matrix alone.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.features.registry import feature_columns
from bot_core_dagster.metrics.arrays import IntArray1D

Float32Array2D = NDArray[np.float32]
Float32Array3D = NDArray[np.float32]

WINDOW_BARS: Final = 60
MAX_UNDEFINED: Final = 0.2
"""A column that is undefined in a larger share of the training's bars is left out: it would take their rows away."""
_FARTHEST: Final = 8.0
"""Deviations from the mean beyond which a scaled feature is cut off."""


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each column over the bars that trained, float64 of shape (n_columns,)."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Windows:
    """A matrix of features, float32 of shape (n_bars, n_columns), and the names of its columns.

    NaN where a feature is undefined. `scaler` is what the matrix has been scaled with, None as long as it has not.
    """

    matrix: Float32Array2D
    columns: tuple[str, ...]
    scaler: Scaler | None = None

    @property
    def complete_rows(self) -> IntArray1D:
        """Rows whose whole window is defined, ascending int64; missing bars leave NaN behind, so none spans them."""
        return _complete(np.asarray(np.isfinite(self.matrix).all(axis=1)))

    def at(self, rows: IntArray1D) -> Float32Array3D:
        """Return the windows that end at `rows`: (n_rows, WINDOW_BARS, n_columns), oldest bar first; a copy.

        Raises
        ------
        ShapeError
            If a row has fewer than WINDOW_BARS bars up to it.
        """
        if len(rows) == 0:
            return np.empty((0, WINDOW_BARS, len(self.columns)), dtype=np.float32)
        if rows.min() < WINDOW_BARS - 1:
            raise ShapeError(f"row {rows.min()} has no {WINDOW_BARS} bars up to it; next: take `complete_rows` alone")
        views = sliding_window_view(self.matrix, WINDOW_BARS, axis=0)
        return np.ascontiguousarray(views[rows - (WINDOW_BARS - 1)].transpose(0, 2, 1))

    def narrowed(self, training_bars: slice) -> "Windows":
        """Return the same without the columns that the training's bars leave undefined or never vary.

        Raises
        ------
        ShapeError
            If no column is left.
        """
        matrix = self.matrix[training_bars]
        is_known = np.isfinite(matrix)
        keeps = is_known.mean(axis=0) >= 1.0 - MAX_UNDEFINED
        low = np.where(is_known, matrix, np.inf).min(axis=0, initial=np.inf)
        high = np.where(is_known, matrix, -np.inf).max(axis=0, initial=-np.inf)
        keeps &= high > low
        if not keeps.any():
            raise ShapeError(
                f"no feature varies over the {len(matrix)} bars that would train; next: more bars, or bars whose "
                "price moves"
            )
        names = tuple(name for name, is_kept in zip(self.columns, keeps, strict=True) if is_kept)
        return replace(self, matrix=np.ascontiguousarray(self.matrix[:, keeps]), columns=names)

    def only(self, columns: tuple[str, ...]) -> "Windows":
        """Return the same with these columns in this order.

        Raises
        ------
        ShapeError
            If one is not there; the message names those that are missing.
        """
        missing = [name for name in columns if name not in self.columns]
        if missing:
            raise ShapeError(f"the features lack {', '.join(missing)}; there: {', '.join(self.columns)}")
        places = [self.columns.index(name) for name in columns]
        return replace(self, matrix=np.ascontiguousarray(self.matrix[:, places]), columns=columns)

    def fitted_scaler(self, training_bars: slice) -> Scaler:
        """Return mean and deviation of each column over the bars of the training."""
        matrix = self.matrix[training_bars].astype(np.float64)
        deviation = np.nanstd(matrix, axis=0)
        return Scaler(tuple(np.nanmean(matrix, axis=0).tolist()), tuple(np.where(deviation > 0, deviation, 1).tolist()))

    def scaled(self, scaler: Scaler) -> "Windows":
        """Return the same in deviations from the mean, cut off at eight."""
        matrix = self.matrix - np.asarray(scaler.mean, dtype=np.float32)
        matrix /= np.asarray(scaler.deviation, dtype=np.float32)
        np.clip(matrix, -_FARTHEST, _FARTHEST, out=matrix)
        return replace(self, matrix=matrix, scaler=scaler)


def windows_of(features: pd.DataFrame) -> Windows:
    """Return the windows over every column of the catalog.

    Parameters
    ----------
    features : features frame
        Of one instrument, ascending.

    Raises
    ------
    ShapeError
        If the frame lacks a column of the catalog.
    """
    names = tuple(column.name for column in feature_columns())
    missing = [name for name in names if name not in features.columns]
    if missing:
        raise ShapeError(f"the features lack {', '.join(missing)}; next: materialise features again")
    matrix = np.empty((len(features), len(names)), dtype=np.float32)
    for place, name in enumerate(names):
        matrix[:, place] = features[name].to_numpy()
    return Windows(matrix, names)


def _complete(is_defined: NDArray[np.bool_]) -> IntArray1D:
    """Return the rows with WINDOW_BARS defined rows up to and including them."""
    undefined = np.concatenate([[0], np.cumsum(~is_defined)])
    if len(is_defined) < WINDOW_BARS:
        return np.empty(0, dtype=np.int64)
    in_window = undefined[WINDOW_BARS:] - undefined[:-WINDOW_BARS]
    return np.flatnonzero(in_window == 0) + (WINDOW_BARS - 1)
