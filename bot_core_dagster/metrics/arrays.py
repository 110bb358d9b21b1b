"""What metrics take: arrays whose type says their shape.

Belongs here: the types and their check. Not here: any formula.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.errors import ShapeError

FloatArray1D: TypeAlias = NDArray[np.float64]
FloatArray2D: TypeAlias = NDArray[np.float64]
BoolArray1D: TypeAlias = NDArray[np.bool_]
BoolArray2D: TypeAlias = NDArray[np.bool_]
IntArray1D: TypeAlias = NDArray[np.int64]
IntArray2D: TypeAlias = NDArray[np.int64]


def require_1d(array: FloatArray1D, name: str, *, at_least: int = 0) -> None:
    """Refuse an array of another shape.

    Raises
    ------
    ShapeError
        If `array` is not one-dimensional or holds fewer than `at_least`.
    """
    if array.ndim != 1 or len(array) < at_least:
        raise ShapeError(
            f"{name}: expected one dimension with {at_least} or more values, got shape {array.shape}; "
            "next: give a longer history"
        )
