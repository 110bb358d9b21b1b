"""What the compiled loop of the general kernel reads and writes.

Belongs here: its arrays, by name. Not here: the loop and the columns of what it keeps (`backtest.general_loop`), the
bars that they are made of (`backtest.prepared`), results (`backtest.simulation`, `backtest.statistics`).
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.simulation import IntArray1D
from bot_core_dagster.backtest.thresholds import Levels
from bot_core_dagster.features.definition import FloatArray2D
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D

CodeArray: TypeAlias = NDArray[np.uint8]
Words: TypeAlias = NDArray[np.uint64]
"""Codes, eight in each."""


class Market(NamedTuple):
    """What bars offer. A first axis of 2 holds longs, then shorts; a last axis of n_chunks, `chunk` bars each.

    worst, best : (2, n_bars), the extremes at the side that a position leaves at; negated for shorts
    charge : (2, n_bars), financing of one unit carried into the bar
    ask_offset, bid_offset : (n_bars,), between the declared side and the ask, and the bid
    open, close : (n_bars,), the declared side
    may_enter : (n_bars,)
    day_end : (n_days + 1,), the last bar of each day, then a bar that never comes
    chunk_worst, chunk_best : (2, n_chunks), lowest worst and highest best
    chunk_charged : (2, n_chunks), whether any charge is not zero
    chunk_low, chunk_high : (n_chunks,), lowest and highest close
    """

    worst: FloatArray2D
    best: FloatArray2D
    charge: FloatArray2D
    ask_offset: FloatArray1D
    bid_offset: FloatArray1D
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
    """`Thresholds` by their distinct levels: what combinations share is compared once; indicators (n_rows, n_bars)."""

    indicators: FloatArray2D
    enters: Levels
    leaves: Levels


class Kept(NamedTuple):
    """Codes of the last levels that were compared.

    level : (n_kept,), which level; -1 for none yet
    codes : (n_kept, n_bars)
    """

    level: IntArray1D
    codes: CodeArray


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
    """Return the prices of both directions at the costs of `prepared`, with the extremes of each `chunk` bars.

    Every array is written where it stays: of long series, memory asked for anew takes longer than the arithmetic.

    Parameters
    ----------
    prepared : PreparedBars
    chunk : int
        A power of two.
    """
    worst, best = np.empty((2, 2, prepared.n_bars))
    for long, short, prices in ((prepared.low, prepared.high, worst), (prepared.high, prepared.low, best)):
        np.subtract(long, prepared.bid_offset, out=prices[0])
        np.negative(np.add(short, prepared.ask_offset, out=prices[1]), out=prices[1])
    charge = np.zeros((2, prepared.n_bars))
    chunk_charged = np.zeros((2, -(-prepared.n_bars // chunk)), dtype=np.bool_)
    if prepared.has_carry:
        charge[:, 1:] = prepared.close[:-1]
        charge *= prepared.carry_long, prepared.carry_short
        chunk_charged = _of_chunks(np.logical_or, charge != 0.0, chunk)
    return Market(
        worst=worst,
        best=best,
        charge=charge,
        ask_offset=prepared.ask_offset,
        bid_offset=prepared.bid_offset,
        open=prepared.open,
        close=prepared.close,
        may_enter=prepared.may_enter,
        day_end=np.append(prepared.own_days.last_bar[1:], prepared.n_bars),
        chunk_worst=_of_chunks(np.minimum, worst, chunk),
        chunk_best=_of_chunks(np.maximum, best, chunk),
        chunk_charged=chunk_charged,
        chunk_low=_of_chunks(np.minimum, prepared.close, chunk),
        chunk_high=_of_chunks(np.maximum, prepared.close, chunk),
    )


def _of_chunks(join: np.ufunc, values: NDArray[Any], chunk: int) -> NDArray[Any]:
    """Join the values of each `chunk` bars along the last axis, by halves: in a third of `reduceat`'s time."""
    n_whole = values.shape[-1] // chunk
    found = values[..., : n_whole * chunk]
    while found.shape[-1] > n_whole:
        found = join(found[..., 0::2], found[..., 1::2])
    rest = values[..., n_whole * chunk :]
    if not rest.shape[-1]:
        return found
    return np.concatenate([found, join.reduce(rest, axis=-1, keepdims=True)], axis=-1)


def limits_of(prepared: PreparedBars, rules: TradingRules) -> Limits:
    """Return the rules and the rates of `prepared` as numbers."""
    named = {name: getattr(rules, name) for name in Limits._fields[:-2]}
    return Limits(**named, slippage_rate=prepared.slippage_rate, fee_rate=prepared.fee_rate)
