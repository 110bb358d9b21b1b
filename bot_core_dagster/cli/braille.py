"""A curve in the terminal, in braille: eight dots a character.

Belongs here: numbers to lines of text. Not here: which curve, its labels and colours (the commands).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.metrics.arrays import FloatArray1D

_DOTS: Final = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bit of each dot of a character, by row and column."""
_BLANK: Final = 0x2800


def braille_lines(values: FloatArray1D, width: int, height: int) -> list[str]:
    """Return a curve as `height` lines of `width` characters, no extreme left out.

    Each column of dots spans all values of its stretch, and the last one before it: the line is unbroken.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        Finite, at least one; the highest touches the top, the lowest the bottom; a flat curve is at mid-height.
    width, height : int
        In characters, 1 or more.
    """
    n_columns, n_rows = 2 * width, 4 * height
    starts = np.arange(n_columns) * len(values) // n_columns
    stops = np.maximum(starts + 1, np.arange(1, n_columns + 1) * len(values) // n_columns)
    row = _rows(values, n_rows)
    canvas = np.zeros((n_rows, n_columns), dtype=bool)
    for column, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        stretch = row[max(start - 1, 0) : stop]
        canvas[stretch.min() : stretch.max() + 1, column] = True
    cells = canvas.reshape(height, 4, width, 2).transpose(0, 2, 1, 3)
    codes = (cells * _DOTS).sum(axis=(2, 3)) + _BLANK
    return ["".join(map(chr, line)) for line in codes.tolist()]


def _rows(values: FloatArray1D, n_rows: int) -> NDArray[np.int64]:
    """Return the row of dots of each value, 0 at the top."""
    top, span = values.max(), values.max() - values.min()
    if not span > 0.0:
        return np.full(len(values), n_rows // 2)
    rows: NDArray[np.int64] = np.rint((top - values) / span * (n_rows - 1)).astype(np.int64)
    return rows
