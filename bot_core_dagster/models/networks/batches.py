"""Batches: a few rows at a time, copied out of the windows.

Belongs here: their tensors. Not here: which rows, or in which order (`trainer`). A batch alone is copied: all windows
of a year of minutes would be 2.5 GB.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bot_core_dagster.metrics.arrays import IntArray1D
from bot_core_dagster.models.predictions import Training


class Batch(NamedTuple):
    """Windows (n_rows, WINDOW_BARS, n_columns), and labels (n_rows, HORIZONS) as in `Labels`; all float32."""

    windows: Tensor
    direction: Tensor
    scaled: Tensor


def batches(training: Training, rows: IntArray1D, n_rows: int, device: torch.device) -> Iterator[Batch]:
    """Give `rows` in their order, at most `n_rows` of them a batch."""
    labels = training.labels
    for first in range(0, len(rows), n_rows):
        some = rows[first : first + n_rows]
        arrays = training.windows.at(some), labels.direction[some], labels.scaled_at(some)
        yield Batch(*(torch.from_numpy(array.astype(np.float32, copy=False)).to(device) for array in arrays))
