"""The event loop: from what to hold to what was held.

Belongs here: the order of events in a bar, cash and quantity. Not here: prices of fills (`backtest.fills`), decisions
(`strategies`), figures (`backtest.summary`). Another kernel takes its place by giving the same `Simulation`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.backtest.fills import FillPrices
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D

IntArray1D: TypeAlias = NDArray[np.int64]

_Loop: TypeAlias = Callable[
    [FloatArray1D, FloatArray1D, FloatArray1D, float, FloatArray1D, BoolArray1D],
    tuple[FloatArray1D, BoolArray1D, IntArray1D, IntArray1D, FloatArray1D],
]


@dataclass(frozen=True)
class Simulation:
    """What happened, with an equity of 1 at the start.

    equity : ndarray of shape (n_bars + 1,), the starting equity, then marked to each bar's close
    is_held : bool ndarray of shape (n_bars,), in position during the bar
    entry_bar, exit_bar : int ndarrays of shape (n_trades,), the bar at whose open it was filled; exit -1 while open
    qty : ndarray of shape (n_trades,), in units of the base for an equity of 1 unit of the quote
    """

    equity: FloatArray1D
    is_held: BoolArray1D
    entry_bar: IntArray1D
    exit_bar: IntArray1D
    qty: FloatArray1D


def simulate(close: FloatArray1D, fills: FillPrices, target: FloatArray1D, may_enter: BoolArray1D) -> Simulation:
    """Return what comes of holding `target`, decided at each bar's close and filled at the next bar's open.

    Parameters
    ----------
    close : ndarray of shape (n_bars,)
        Price that the position is marked at.
    fills : FillPrices
    target : ndarray of shape (n_bars,)
        0 (flat) or 1 (all of the equity, the fee included), as decided at the bar's close.
    may_enter : bool ndarray of shape (n_bars,)
        Where False, no position is opened at the bar's open; the decision is looked at again one bar later.
    """
    return Simulation(*_compiled()(close, fills.buy, fills.sell, fills.fee, target, may_enter))


def simulate_loop(
    close: FloatArray1D,
    buy: FloatArray1D,
    sell: FloatArray1D,
    fee: float,
    target: FloatArray1D,
    may_enter: BoolArray1D,
) -> tuple[FloatArray1D, BoolArray1D, IntArray1D, IntArray1D, FloatArray1D]:
    """Do the work of `simulate`: the readable twin that numba compiles."""
    n_bars = len(close)
    equity = np.ones(n_bars + 1)
    is_held = np.zeros(n_bars, dtype=np.bool_)
    entry_bar = np.empty(n_bars, dtype=np.int64)
    exit_bar = np.full(n_bars, -1, dtype=np.int64)
    entry_qty = np.empty(n_bars)
    n_trades = 0
    cash, qty = 1.0, 0.0
    for bar in range(n_bars):
        wanted = target[bar - 1] if bar > 0 else 0.0
        if qty == 0.0 and wanted > 0.0 and may_enter[bar]:
            qty = cash / (buy[bar] * (1.0 + fee))
            cash = 0.0
            entry_bar[n_trades] = bar
            entry_qty[n_trades] = qty
            n_trades += 1
        elif qty > 0.0 and wanted == 0.0:
            cash = qty * sell[bar] * (1.0 - fee)
            qty = 0.0
            exit_bar[n_trades - 1] = bar
        is_held[bar] = qty > 0.0
        equity[bar + 1] = cash + qty * close[bar]
    return equity, is_held, entry_bar[:n_trades].copy(), exit_bar[:n_trades].copy(), entry_qty[:n_trades].copy()


@cache
def _compiled() -> _Loop:
    from numba import njit

    compiled: _Loop = njit(cache=True)(simulate_loop)
    return compiled
