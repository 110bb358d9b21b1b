"""The compiled loop of the event kernel: from event to event, never from bar to bar.

Belongs here: all that numba compiles for that kernel, in one file because numba's cache knows the date of one file
only. Not here: its arrays (`backtest.event_arrays`), what the rules mean (`backtest.reference`), arrays in and
results out (`backtest.event_kernel`, which imports this module on use: numba takes a while to load).

For long or flat without stops, a position changes only where an indicator reaches a threshold. Bars come in blocks
outermost, so that a block's prices stay in the cache while all combinations pass over it; what a combination holds at
the end of a block waits in its row of `books`. Of each distinct (indicator, threshold) a block has one bit a bar,
shared by its combinations; the next event is the next bit. While a position is held, equity is affine in `worth`, the
close less the financing of one unit so far. So a drawdown needs no more than the lowest and the highest worth of the
bars held: the extremes of spans of 1, 2, 4 … 64 bars give them in two reads each.
"""

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.backtest.compiling import compiled, trailing_zeros
from bot_core_dagster.backtest.event_arrays import Block, Market
from bot_core_dagster.backtest.simulation import IntArray1D
from bot_core_dagster.backtest.thresholds import Levels
from bot_core_dagster.features.definition import FloatArray2D
from bot_core_dagster.metrics.arrays import FloatArray1D

Words: TypeAlias = NDArray[np.uint64]

BLOCK_BARS: Final = 2_048
"""Bars whose prices, bits and extremes stay in the cache while all combinations pass over them."""

FEW_COMBOS: Final = 8
"""Below so many combinations, prices of all bars and a table of extremes cost more than they save."""

_N_SPANS: Final = 7
_LONGEST_SPAN: Final = 1 << (_N_SPANS - 1)
_ALL_BITS: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE: Final = np.uint64(1)


@compiled
def _next_bar(words: Words, bar: int) -> int:
    """Return the first bar from `bar` on whose bit is set: the end of the block, which is always set, at the latest."""
    word = bar >> 6
    bits = words[word] & (_ALL_BITS << np.uint64(bar & 63))
    while bits == 0:
        word += 1
        bits = words[word]
    place: int = trailing_zeros(bits)
    return (word << 6) + place


@compiled
def _set_bits(values: FloatArray1D, sign: float, level: float, first: int, n_bars: int, words: Words) -> None:
    """Set the bit of each bar of a block whose last bar's value is at or below a level (sign 1) or above (-1)."""
    reached = sign * level
    for word in range((n_bars >> 6) + 1):
        before = first + (word << 6) - 1
        bits = np.uint64(0)
        if before >= 0 and (word + 1) << 6 <= n_bars:
            known = values[before : before + 64]
            for bit in range(64):  # a slice and a fixed number: compiled to vectors, five times faster
                bits |= np.uint64(sign * known[bit] <= reached) << np.uint64(bit)
        else:
            for bit in range(max(0, -before), min(64, n_bars - (word << 6))):
                bits |= np.uint64(sign * values[before + bit] <= reached) << np.uint64(bit)
        words[word] = bits
    words[n_bars >> 6] |= _ONE << np.uint64(n_bars & 63)


@compiled
def _unit(price: float, offset: float, slippage_rate: float, fee_rate: float, sign: float) -> float:
    """Return what a unit costs (sign 1, the offset to the ask) or gives (-1, to the bid) at an open, with its fee."""
    return (price + sign * (offset + price * slippage_rate)) * (1.0 + sign * fee_rate)


@compiled
def _fill_units(
    opens: FloatArray1D, offset: FloatArray1D, slippage_rate: float, fee_rate: float, sign: float, units: FloatArray1D
) -> None:
    for bar in range(len(opens)):
        units[bar] = _unit(opens[bar], offset[bar], slippage_rate, fee_rate, sign)


@compiled
def _fill_worth(market: Market, first: int, paid: float, carried: FloatArray1D, worth: FloatArray1D) -> float:
    """Return the financing of one unit up to the block's last bar, `paid` being that before its first."""
    for bar in range(min(BLOCK_BARS, len(market.close) - first)):
        if first + bar > 0:
            paid += market.carry[first + bar] * market.close[first + bar - 1]
        carried[bar] = paid
        worth[bar] = market.close[first + bar] - paid
    return paid


@compiled
def _fill_extremes(worth: FloatArray1D, n_bars: int, extremes: FloatArray2D) -> None:
    """Fill the lowest worth and the lowest negated worth, in turn: one loop then gives both, in vectors."""
    for bar in range(n_bars):
        extremes[0, 2 * bar] = worth[bar]
        extremes[0, 2 * bar + 1] = -worth[bar]
    for span in range(1, _N_SPANS):
        length = 1 << span
        one, other, both = extremes[span - 1], extremes[span - 1, length:], extremes[span]
        for place in range(2 * (n_bars - length + 1)):
            both[place] = min(one[place], other[place])


@compiled
def _span_of_length() -> IntArray1D:
    """Return the longest span that fits twice, overlapping, into each length of up to two longest spans."""
    spans = np.zeros(2 * _LONGEST_SPAN + 1, dtype=np.int64)
    for length in range(2, len(spans)):
        spans[length] = min(spans[length >> 1] + 1, _N_SPANS - 1)
    return spans


@compiled
def _trade_block(
    market: Market,
    block: Block,
    first: int,
    n_bars: int,
    enters: Words,
    leaves: Words,
    span_of: IntArray1D,
    is_few: bool,
    book: Any,
    daily: FloatArray1D,
) -> None:
    """Trade one combination over a block of `n_bars` bars from `first` on: bars count from there.

    One function, since its twenty values live in registers: taken apart, with arrays handed to and fro in the innermost
    loop, it took twice as long (measured).
    """
    equity, qty, idle, unit_cost, carried = book.equity, book.qty, book.idle, book.unit_cost, book.carried
    peak, lowest, deepest, day, entry_bar = book.peak, book.lowest, book.deepest, book.day, book.entry_bar
    gains, losses, spent, received = book.gains, book.losses, book.spent, book.received
    n_trades, n_winning, bars_held = 0, 0, 0
    last_bar, worth, extremes = market.last_bar, block.worth, block.extremes
    n_days, slippage_rate, fee_rate = len(last_bar), market.slippage_rate, market.fee_rate
    start = 0
    while True:
        if qty == 0.0:
            start = _next_bar(enters, start)
            while day < n_days and last_bar[day] < first + start:
                daily[day] = equity
                day += 1
            if start == n_bars:
                break
            entry_bar, carried = first + start, block.carried[start]
            if is_few:
                unit_cost = _unit(market.open[entry_bar], market.ask_offset[entry_bar], slippage_rate, fee_rate, 1.0)
            else:
                unit_cost = block.unit_cost[start]
            qty = market.fraction * equity / unit_cost
            idle = equity - qty * (unit_cost - carried)
            spent += qty * unit_cost
        stop = _next_bar(leaves, start)
        while day < n_days and last_bar[day] < first + stop:
            daily[day] = idle + qty * worth[last_bar[day] - first]
            day += 1
        if stop > start:
            low = high = worth[start]
            if is_few:
                held = worth[start:stop]
                for bar in range(len(held)):
                    low, high = min(low, held[bar]), max(high, held[bar])
            elif stop - start <= 2 * _LONGEST_SPAN:
                span = span_of[stop - start]
                end = stop - (1 << span)
                low = min(extremes[span, 2 * start], extremes[span, 2 * end])
                high = -min(extremes[span, 2 * start + 1], extremes[span, 2 * end + 1])
            else:
                end = stop - _LONGEST_SPAN
                low, high = extremes[_N_SPANS - 1, 2 * end], -extremes[_N_SPANS - 1, 2 * end + 1]
                for bar in range(start, end, _LONGEST_SPAN):
                    low = min(low, extremes[_N_SPANS - 1, 2 * bar])
                    high = max(high, -extremes[_N_SPANS - 1, 2 * bar + 1])
            low, high = idle + qty * low, idle + qty * high
            if high > peak:
                deepest = min(deepest, lowest / peak)
                if low < deepest * high:
                    for bar in range(start, stop):
                        peak = max(peak, idle + qty * worth[bar])
                        deepest = min(deepest, (idle + qty * worth[bar]) / peak)
                peak = lowest = high
            else:
                lowest = min(lowest, low)
        if stop == n_bars:
            break
        if is_few:
            price, offset = market.open[first + stop], market.bid_offset[first + stop]
            unit_price = _unit(price, offset, slippage_rate, fee_rate, -1.0)
        else:
            unit_price = block.unit_price[stop]
        profit = qty * ((unit_price - unit_cost) - (block.carried[stop] - carried))
        equity += profit
        received += qty * unit_price
        gains += max(profit, 0.0)
        losses += min(profit, 0.0)
        n_winning += profit > 0.0
        n_trades += 1
        bars_held += first + stop - entry_bar
        qty = 0.0
        if equity > peak:
            deepest = min(deepest, lowest / peak)
            peak = lowest = equity
        else:
            lowest = min(lowest, equity)
        start = stop + 1
    book.equity, book.qty, book.idle, book.unit_cost, book.carried = equity, qty, idle, unit_cost, carried
    book.peak, book.lowest, book.deepest, book.day, book.entry_bar = peak, lowest, deepest, day, entry_bar
    book.gains, book.losses, book.spent, book.received = gains, losses, spent, received
    book.n_trades += n_trades
    book.n_winning += n_winning
    book.bars_held += bars_held


@compiled
def trade(
    market: Market, indicators: FloatArray2D, enters: Levels, leaves: Levels, books: NDArray[Any], daily: FloatArray2D
) -> float:
    """Trade all combinations over all bars; return the financing of one unit over all of them.

    It fills `books` of shape (n_combos,) of BOOK, and `daily` of shape (n_combos, n_days + 1).
    """
    n_words, is_few = (BLOCK_BARS >> 6) + 1, len(books) < FEW_COMBOS
    entry_words = np.empty((len(enters.row), n_words), dtype=np.uint64)
    exit_words = np.empty((len(leaves.row), n_words), dtype=np.uint64)
    extremes = np.empty((_N_SPANS, 2 * BLOCK_BARS))
    unit_cost, unit_price, own_worth = np.empty(BLOCK_BARS), np.empty(BLOCK_BARS), np.empty(BLOCK_BARS)
    carried, span_of = np.zeros(BLOCK_BARS), _span_of_length()
    slippage_rate, fee_rate = market.slippage_rate, market.fee_rate
    paid, next_blocked = 0.0, 0
    for first in range(0, len(market.close), BLOCK_BARS):
        n_bars = min(BLOCK_BARS, len(market.close) - first)
        for place in range(len(enters.row)):
            _set_bits(indicators[enters.row[place]], 1.0, enters.level[place], first, n_bars, entry_words[place])
        for place in range(len(leaves.row)):
            _set_bits(indicators[leaves.row[place]], -1.0, leaves.level[place], first, n_bars, exit_words[place])
        while next_blocked < len(market.blocked) and market.blocked[next_blocked] < first + n_bars:
            bar = market.blocked[next_blocked] - first
            entry_words[:, bar >> 6] &= ~(_ONE << np.uint64(bar & 63))
            next_blocked += 1
        rows = slice(first, first + n_bars)
        worth = market.close[rows]
        if len(market.carry):
            paid = _fill_worth(market, first, paid, carried, own_worth)
            worth = own_worth[:n_bars]
        if not is_few:
            _fill_units(market.open[rows], market.ask_offset[rows], slippage_rate, fee_rate, 1.0, unit_cost)
            _fill_units(market.open[rows], market.bid_offset[rows], slippage_rate, fee_rate, -1.0, unit_price)
            _fill_extremes(worth, n_bars, extremes)
        block = Block(unit_cost, unit_price, carried, worth, extremes)
        for combo in range(len(books)):
            enter, leave = entry_words[enters.of_combo[combo]], exit_words[leaves.of_combo[combo]]
            _trade_block(market, block, first, n_bars, enter, leave, span_of, is_few, books[combo], daily[combo])
    return paid
