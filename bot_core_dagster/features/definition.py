"""What a feature is: described columns and the function that computes them.

Belongs here: the shapes that every file of `features.catalog` builds on. Not here: the arithmetic (`features.catalog`),
how files are found (`features.registry`), how a frame is made of them (`features.frame`).
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TypeAlias

import numpy as np
import talib
from numpy.typing import NDArray

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D

FloatArray2D: TypeAlias = NDArray[np.float64]
IntArray1D: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class BarRun:
    """Consecutive bars of one instrument with none missing between them, as arrays of shape (n_bars,).

    open, high, low, close : price in the quote currency, finite and positive
    volume : in the venue's unit, NaN where the venue gave none (never for a feature that `reads_volume`)
    open_time_us : microseconds since 1970-01-01 UTC
    """

    open: FloatArray1D
    high: FloatArray1D
    low: FloatArray1D
    close: FloatArray1D
    volume: FloatArray1D
    open_time_us: IntArray1D

    @property
    def n_bars(self) -> int:
        """Number of bars in the run."""
        return len(self.close)

    def part(self, rows: slice) -> "BarRun":
        """Return the bars of `rows`."""
        return BarRun(*(getattr(self, each.name)[rows] for each in fields(self)))

    @cached_property
    def log_close(self) -> FloatArray1D:
        """Natural logarithm of the closes."""
        return np.log(self.close)

    @cached_property
    def log_ret(self) -> FloatArray1D:
        """Log return of each bar's close against the last; NaN at the first."""
        return np.diff(self.log_close, prepend=np.nan)

    @cached_property
    def atr_14(self) -> FloatArray1D:
        """Wilder's average true range of 14 bars, NaN until there are 15."""
        atr: FloatArray1D = talib.ATR(self.high, self.low, self.close, 14)
        return atr


@dataclass(frozen=True)
class Column:
    """One column of the features table.

    name : the column's name
    description : what it says, in words a user reads
    unit : its unit, "1" where it has none
    window_bars : bars up to and including the current one that the first value of a run needs
    """

    name: str
    description: str
    unit: str
    window_bars: int


Compute: TypeAlias = Callable[[BarRun], tuple[FloatArray1D, ...]]


@dataclass(frozen=True)
class Feature:
    """Columns that one function computes together.

    The function reads bars 0..t of a run for the value at t, and gives NaN until `window_bars` are there.
    """

    columns: tuple[Column, ...]
    compute: Compute
    reads_volume: bool = False

    def values(self, run: BarRun) -> tuple[FloatArray1D, ...]:
        """Return one array of shape (n_bars,) a column.

        Raises
        ------
        ShapeError
            If the function gave another number of arrays or of values.
        """
        arrays = self.compute(run)
        shapes = [getattr(array, "shape", None) for array in arrays]
        if shapes != [(run.n_bars,)] * len(self.columns):
            names = ", ".join(column.name for column in self.columns)
            raise ShapeError(
                f"the feature of {names} must return a tuple of {len(self.columns)} arrays of {run.n_bars} values, "
                f"got shapes {shapes}; next: compare its Column list with what it returns"
            )
        return arrays


def feature(*columns: Column, reads_volume: bool = False) -> Callable[[Compute], Feature]:
    """Declare that the decorated function computes `columns`, in that order.

    A feature with `reads_volume` is computed on runs that also end at bars without volume.
    """

    def declare(compute: Compute) -> Feature:
        return Feature(columns, compute, reads_volume)

    return declare


def ratio(numerator: FloatArray1D, denominator: FloatArray1D) -> FloatArray1D:
    """Return numerator over denominator, NaN where the denominator is zero: what has no scale has no ratio."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = numerator / denominator
    if not denominator.all():
        quotient[denominator == 0.0] = np.nan
    return quotient
