"""What a simulation gives: equity at bar closes, positions, and trades with their costs.

Belongs here: the shape that every way of simulating returns. Not here: the rules (`backtest.reference`), the compiled
loop (`backtest.general_kernel`), the frames that people read (`backtest.trades`).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D

IntArray1D: TypeAlias = NDArray[np.int64]
Int8Array1D: TypeAlias = NDArray[np.int8]


class ExitReason(IntEnum):
    """Why a position was left."""

    OPEN = 0
    """It was not: it is marked at the last close."""
    SIGNAL = 1
    STOP = 2
    TARGET = 3
    TRAILING_STOP = 4
    RUIN = 5
    """Nothing was left of the equity: closed where it reached zero."""


@dataclass(frozen=True, eq=False)
class Simulation:
    """What happened, with an equity of 1 at the start; all money is a fraction of it.

    equity : float ndarray of shape (n_bars + 1,), the start, then marked to each bar's close; 0 from a ruin on
    position : int8 ndarray of shape (n_bars,), 1, -1 or 0 after the events at each bar's open

    Of shape (n_trades,), in the order of entry:

    direction : int8, 1 long, -1 short
    entry_bar : int64, the bar at whose open it was filled
    exit_bar : int64, the bar at whose open or inside of which it was left; -1 while open
    qty : float, units of the base for a starting equity of 1 unit of the quote, positive
    entry_price, exit_price : float, what was paid or got, spread and slippage included; NaN while open
    exit_reason : int8, an `ExitReason`
    fees, spread_cost, slippage_cost : float, of both sides, of the entry alone while open
    financing_cost : float, swap, funding and borrow so far; negative where it was got
    """

    equity: FloatArray1D
    position: Int8Array1D
    direction: Int8Array1D
    entry_bar: IntArray1D
    exit_bar: IntArray1D
    qty: FloatArray1D
    entry_price: FloatArray1D
    exit_price: FloatArray1D
    exit_reason: Int8Array1D
    fees: FloatArray1D
    spread_cost: FloatArray1D
    slippage_cost: FloatArray1D
    financing_cost: FloatArray1D

    @property
    def is_open(self) -> BoolArray1D:
        """Whether each trade is open at the last bar, shape (n_trades,)."""
        return np.less(self.exit_bar, 0)

    @property
    def leaves_inside(self) -> BoolArray1D:
        """Whether each trade was left inside its last bar rather than at its open, shape (n_trades,).

        What is left at an open is not held after it, and no position of the same direction is opened there.
        """
        return ~self.is_open & np.equal(self.position[self.exit_bar], self.direction)
