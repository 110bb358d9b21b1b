"""What the compiled loop of the event kernel reads and writes.

Belongs here: its arrays. Not here: the loop (`backtest.event_loop`), the bars and thresholds that they are made of
(`backtest.event_kernel`).
"""

from typing import Final, NamedTuple

import numpy as np

from bot_core_dagster.backtest.simulation import IntArray1D
from bot_core_dagster.features.definition import FloatArray2D
from bot_core_dagster.metrics.arrays import FloatArray1D

BOOK: Final = np.dtype(
    [
        ("equity", "f8"),  # while flat: all of it; while held: before the entry
        ("qty", "f8"),  # 0 while flat
        ("idle", "f8"),  # while held: equity less qty * worth
        ("unit_cost", "f8"),  # what a unit cost, the fee included
        ("carried", "f8"),  # financing of one unit before the entry
        ("entry_bar", "i8"),
        ("peak", "f8"),
        ("lowest", "f8"),  # since the peak
        ("deepest", "f8"),  # lowest share of an earlier peak
        ("day", "i8"),  # the next day end
        ("n_trades", "i8"),
        ("n_winning", "i8"),
        ("gains", "f8"),
        ("losses", "f8"),
        ("bars_held", "i8"),
        ("spent", "f8"),  # on entries, the fees included
        ("received", "f8"),  # from exits, the fees taken off
    ]
)
"""What is known of a combination between two blocks."""


class Market(NamedTuple):
    """What bars offer: arrays of shape (n_bars,), those of `PreparedBars` at its rates.

    carry : empty where there is none
    blocked : the bars that must not be entered, ascending
    last_bar : the last bar of each day end
    """

    open: FloatArray1D
    close: FloatArray1D
    ask_offset: FloatArray1D
    bid_offset: FloatArray1D
    carry: FloatArray1D
    blocked: IntArray1D
    last_bar: IntArray1D
    slippage_rate: float
    fee_rate: float
    fraction: float


class Block(NamedTuple):
    """What is the same for all combinations in a block: arrays of shape (BLOCK_BARS,).

    carried : financing of one unit up to the bar
    worth : close less carried

    Not filled for `FEW_COMBOS`:

    unit_cost, unit_price : what a unit costs and gives at the open, with its fee
    extremes : shape (7, 2 * BLOCK_BARS), of 1, 2, 4 … 64 bars from each on the lowest worth, and the highest negated
    """

    unit_cost: FloatArray1D
    unit_price: FloatArray1D
    carried: FloatArray1D
    worth: FloatArray1D
    extremes: FloatArray2D
