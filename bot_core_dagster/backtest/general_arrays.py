"""What the compiled loop of the general kernel reads and writes.

Belongs here: its arrays, by name. Not here: the loop and the columns of what it keeps (`backtest.general_loop`), the
bars that they are made of (`backtest.prepared`), results (`backtest.simulation`, `backtest.statistics`).
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.simulation import IntArray1D
from bot_core_dagster.features.definition import FloatArray2D
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D

CodeArray: TypeAlias = NDArray[np.uint8]


class Market(NamedTuple):
    """What bars offer. A first axis of 2 holds longs, then shorts; a last axis of n_chunks, `chunk` bars each.

    entry_price, leave_price : (2, n_bars), what an entry pays, and a signal or a stop gets, at the open
    side_open, worst, best : (2, n_bars), its side of the open and of the extremes; negated for shorts
    charge : (2, n_bars), financing of one unit carried into the bar
    offset : (2, n_bars), between a price and the side that a position leaves at
    open, close : (n_bars,), the declared side
    may_enter : (n_bars,)
    day_end : (n_days + 1,), the last bar of each day, then a bar that never comes
    chunk_worst, chunk_best : (2, n_chunks), lowest worst and highest best
    chunk_charged : (2, n_chunks), whether any charge is not zero
    chunk_low, chunk_high : (n_chunks,), lowest and highest close
    """

    entry_price: FloatArray2D
    leave_price: FloatArray2D
    side_open: FloatArray2D
    worst: FloatArray2D
    best: FloatArray2D
    charge: FloatArray2D
    offset: FloatArray2D
    open: FloatArray1D
    close: FloatArray1D
    may_enter: BoolArray1D
    day_end: IntArray1D
    chunk_worst: FloatArray2D
    chunk_best: FloatArray2D
    chunk_charged: NDArray[np.bool_]
    chunk_low: FloatArray1D
    chunk_high: FloatArray1D


class Limits(NamedTuple):
    """`TradingRules` and rates as plain numbers."""

    fraction: float
    allow_short: bool
    stop: float
    target: float
    trailing_stop: float
    initial_equity: float
    lot_step: float
    min_lot: float
    slippage_rate: float
    fee_rate: float


class Comparison(NamedTuple):
    """`Thresholds` as arrays: indicators (n_indicators, n_bars), the others (n_combos,)."""

    indicators: FloatArray2D
    row: IntArray1D
    enter: FloatArray1D
    exit: FloatArray1D


class Books(NamedTuple):
    """What combinations hold and have earned, a row each; the columns are those of `backtest.general_loop`.

    state, sums : (n_combos, n_columns)
    daily : (n_combos, n_days + 1), equity at day ends
    """

    state: FloatArray2D
    sums: FloatArray2D
    daily: FloatArray2D


class Record(NamedTuple):
    """Where a single pass writes what `Simulation` holds.

    trades : (n_bars, n_columns), columns as `backtest.general_loop.TRADE_FIELDS`
    equity : (n_bars + 1,); position : int8 (n_bars,)
    """

    trades: FloatArray2D
    equity: FloatArray1D
    position: NDArray[np.int8]


def market_of(prepared: PreparedBars, chunk: int) -> Market:
    """Return the prices of both directions at the costs of `prepared`, with the extremes of each `chunk` bars."""
    ask, bid = prepared.ask_offset, prepared.bid_offset
    slippage = prepared.open * prepared.slippage_rate
    chunks = np.arange(0, prepared.n_bars, chunk)
    last_close = np.concatenate([[0.0], prepared.close[:-1]])
    worst = np.stack([prepared.low - bid, -(prepared.high + ask)])
    best = np.stack([prepared.high - bid, -(prepared.low + ask)])
    charge = np.stack([prepared.carry_long * last_close, prepared.carry_short * last_close])
    return Market(
        entry_price=np.stack([prepared.open + (ask + slippage), prepared.open - (bid + slippage)]),
        leave_price=np.stack([prepared.open - bid - slippage, prepared.open + ask + slippage]),
        side_open=np.stack([prepared.open - bid, -(prepared.open + ask)]),
        worst=worst,
        best=best,
        charge=charge,
        offset=np.stack([bid, ask]),
        open=prepared.open,
        close=prepared.close,
        may_enter=prepared.may_enter,
        day_end=np.append(prepared.own_days.last_bar[1:], prepared.n_bars),
        chunk_worst=np.minimum.reduceat(worst, chunks, axis=1),
        chunk_best=np.maximum.reduceat(best, chunks, axis=1),
        chunk_charged=np.logical_or.reduceat(charge != 0.0, chunks, axis=1),
        chunk_low=np.minimum.reduceat(prepared.close, chunks),
        chunk_high=np.maximum.reduceat(prepared.close, chunks),
    )


def limits_of(prepared: PreparedBars, rules: TradingRules) -> Limits:
    """Return the rules and the rates of `prepared` as numbers."""
    named = {name: getattr(rules, name) for name in Limits._fields[:-2]}
    return Limits(**named, slippage_rate=prepared.slippage_rate, fee_rate=prepared.fee_rate)
