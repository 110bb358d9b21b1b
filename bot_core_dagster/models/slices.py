"""Slices: which rows train, stop the training, calibrate, set the intervals, and are unseen by the model.

Belongs here: the purged, embargoed cut of rows by the interval of their labels. Not here: the labels (`models.labels`),
folds of days (`validation.folds`).

In time: training, stopping, calibration, conformal, unseen. Between two of them lies every row whose label reaches into
the later one, and an embargo. What is measured on the unseen rows is out of sample; everything else the model has used.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.models.labels import Labels

SHARES: Final = {"training": 0.70, "stopping": 0.10, "calibration": 0.10, "conformal": 0.10}
"""Of the rows that a model may use."""

EMBARGO_BARS: Final = 24
"""Left out between two slices beyond labels that overlap: a day of hours."""

MIN_TRAINING_ROWS: Final = 200
MIN_OTHER_ROWS: Final = 48


@dataclass(frozen=True, eq=False)
class Slices:
    """Places of bars (int64, ascending) of each slice; they share no row, and no label of one reaches into the next."""

    training: IntArray1D
    stopping: IntArray1D
    calibration: IntArray1D
    conformal: IntArray1D
    unseen: IntArray1D

    @property
    def training_bars(self) -> slice:
        """The bars up to the last row that trains: what may be scaled by."""
        return slice(0, int(self.training[-1]) + 1)


def slices_of(
    labels: Labels,
    rows: IntArray1D,
    *,
    used: timedelta,
    unseen: timedelta,
    embargo: timedelta,
    until: pd.Timestamp | None = None,
) -> Slices:
    """Cut rows into slices, the newest of them unseen.

    Parameters
    ----------
    labels : Labels
    rows : ndarray of int64
        Places of bars that have a whole window, ascending. Those without any label are in no slice but `unseen`.
    used, unseen : timedelta
        The model uses rows of `used` before the last `unseen` of time; where there is less history, both shrink alike.
    embargo : timedelta
        Time left out between the labels of one slice and the rows of the next, beyond not overlapping.
    until : Timestamp, optional
        End of the unseen rows; that of all rows by default.

    Raises
    ------
    ShapeError
        If a slice would have too few rows: says how many there are, and how many are needed.
    """
    start, end = labels.start[rows], labels.end[rows]
    last = until or (start[-1] if len(rows) else pd.Timestamp(0, tz="UTC"))
    kept = np.asarray(start <= last)
    rows, start, end = rows[kept], start[kept], end[kept]
    history = (start[-1] - start[0]).to_pytimedelta() if len(rows) else timedelta(0)
    shrink = min(1.0, history / (used + unseen)) if used + unseen > timedelta(0) else 0.0
    first_unseen = last - unseen * shrink
    first_used = first_unseen - used * shrink
    places = np.flatnonzero((start > first_used) & (start <= first_unseen))
    bounds = np.cumsum([0.0, *SHARES.values()]) * len(places)
    parts = {name: places[round(lo) : round(hi)] for name, (lo, hi) in zip(SHARES, pairwise(bounds), strict=True)}
    parts["unseen"] = np.flatnonzero(start > first_unseen)
    names = list(parts)
    for name, following in pairwise(names):
        if len(parts[following]):
            reaches = np.asarray(end[parts[name]] + embargo > start[parts[following][0]])
            parts[name] = parts[name][~reaches]
    has_label = np.asarray(end > start)
    cut = {name: rows[place if name == "unseen" else place[has_label[place]]] for name, place in parts.items()}
    _require_rows(cut, history)
    return Slices(**cut)


def _require_rows(cut: dict[str, IntArray1D], history: timedelta) -> None:
    for name, rows in cut.items():
        needed = MIN_TRAINING_ROWS if name == "training" else MIN_OTHER_ROWS
        if len(rows) < needed:
            raise ShapeError(
                f"too few bars to train: the {name} slice has {len(rows)} rows of {history.days} days, {needed} are "
                "needed; next: more days_of_data, more history, or bars without holes (bot-core import FILE)"
            )
