"""The compiled loop of the general kernel: `backtest.reference`, fast.

Belongs here: all that numba compiles for that kernel and the constants it compiles in, in one file because numba's
cache knows the date of one file only. Not here: what the rules mean (`backtest.reference`), its arrays
(`backtest.general_arrays`), arrays in and results out (`backtest.general_kernel`, which imports this module on use:
numba takes a while to load).

Bars come in blocks outermost, so that the prices of a block stay in the cache while all combinations pass over it; what
a combination holds at the end of a block waits in its row of `Books`. Prices, sides and levels of a short are negated:
then both directions are stopped where a price falls to a level, and one loop serves both. A position passes over
`CHUNK` bars at once where their extremes say that nothing can happen in them.
"""

import math
from typing import Final

import numpy as np

from bot_core_dagster.backtest.compiling import compiled, trailing_zeros
from bot_core_dagster.backtest.general_arrays import Books, CodeArray, Comparison, Kept, Limits, Market, Record, Words
from bot_core_dagster.backtest.simulation import ExitReason, IntArray1D
from bot_core_dagster.backtest.thresholds import Levels
from bot_core_dagster.features.definition import FloatArray2D
from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D

CHUNK: Final = 8
"""Bars that are passed over at once: as many codes as fit a 64-bit word."""

KEPT_LEVELS: Final = 16
"""Levels of each side whose codes are kept while sets pass: they stay in the cache, however many sets there are."""

LEAVES_SHORT: Final = 1
LEAVES_LONG: Final = 2
"""Bits of a decision's code: 0 keeps what is held, 1 is +1, 2 is -1, 3 is flat."""

N_STATE: Final = 9
CASH, SIZE, ENTRY_PRICE, ENTRY_EQUITY, BEST, PEAK, DEPTH, ENTRY_BAR, NEXT_DAY = range(N_STATE)
"""Columns of `Books.state`. SIZE is signed, BEST negated for shorts; DEPTH is the lowest equity over its peak."""

N_SUMS: Final = 6
N_TRADES, N_WINNING, GAINS, LOSSES, BARS_HELD, NOTIONAL = range(N_SUMS)
"""Columns of `Books.sums`."""

TRADE_FIELDS: Final = (
    *("direction", "entry_bar", "exit_bar", "exit_reason", "qty", "entry_price", "exit_price"),
    *("fees", "spread_cost", "slippage_cost", "financing_cost"),
)
"""Columns of `Record.trades`."""
(_DIRECTION, _ENTRY, _EXIT, _REASON, _QTY, _PAID, _GOT, _FEES, _SPREAD, _SLIPPAGE, _FINANCING) = range(11)

_ONE: Final = np.uint64(1)
_ALL_BITS: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_EACH: Final = np.uint64(0x0101010101010101)
_OPEN, _SIGNAL, _STOP, _TARGET, _TRAILING, _RUIN = map(int, ExitReason)


@compiled
def _marked(equity: float, peak: float, depth: float, deepest: float) -> tuple[float, float, float]:
    """Return the peak, the lowest share of a peak, and the equity below which that becomes lower, after a close."""
    if equity > peak:
        return equity, depth, equity * depth
    if equity < deepest:
        return peak, equity / peak, equity
    return peak, depth, deepest


@compiled
def _levels(direction: int, entry_price: float, limits: Limits) -> tuple[float, float]:
    """Return the levels of stop and target, negated for shorts: infinitely far where there is none."""
    stop = direction * (entry_price * (1.0 - direction * limits.stop))
    target = direction * (entry_price * (1.0 + direction * limits.target))
    return -math.inf if math.isnan(stop) else stop, math.inf if math.isnan(target) else target


@compiled
def _affordable(cash: float, price: float, limits: Limits) -> float:
    """Return the quantity that a fraction of the cash pays with its fee, in whole lots; 0 below the smallest."""
    qty = limits.fraction * cash / (price * (1.0 + limits.fee_rate))
    units = qty * limits.initial_equity
    if limits.lot_step > 0.0:
        units = math.floor(units / limits.lot_step) * limits.lot_step
        qty = units / limits.initial_equity
    return qty if units >= limits.min_lot else 0.0


@compiled
def _next_entry(words: Words, place: int, n_bars: int, may_enter: BoolArray1D, allow_short: bool) -> int:
    """Return the place of the next bar that may be entered, n_bars where there is none."""
    while place < n_bars:
        word, rest = np.uint64(place) >> np.uint64(3), _ALL_BITS << np.uint64((place & 7) << 3)
        while True:
            longs, shorts = words[word] & _EACH, (words[word] >> _ONE) & _EACH
            wanted = (longs ^ shorts if allow_short else longs & ~shorts) & rest
            if wanted != 0:
                break
            word, rest = word + _ONE, _ALL_BITS
            if word == np.uint64(len(words)):
                return n_bars
        place = (int(word) << 3) + (trailing_zeros(wanted) >> 3)
        if may_enter[place]:
            return place
        place += 1
    return n_bars


@compiled
def _left(
    market: Market, limits: Limits, bar: int, side: int, level: float, target: float, is_signal: bool, is_entry: bool
) -> tuple[int, bool, float, float]:
    """Return why a position is left in this bar, whether inside of it, at what price, and the slippage in that."""
    direction = 1 - 2 * side
    side_open = market.open[bar] - market.bid_offset[bar] if side == 0 else -(market.open[bar] + market.ask_offset[bar])
    if is_signal or (side_open <= level and not is_entry):
        slippage = market.open[bar] * limits.slippage_rate
        return (_SIGNAL if is_signal else _STOP), False, direction * (side_open - slippage), slippage
    if side_open >= target and not is_entry:
        return _TARGET, False, direction * side_open, 0.0
    if market.worst[side, bar] <= level:
        reached = direction * min(level, side_open)
        slippage = reached * limits.slippage_rate
        return _STOP, True, reached - direction * slippage, slippage
    if market.best[side, bar] >= target:
        return _TARGET, True, direction * target, 0.0
    return _RUIN, True, 0.0, 0.0


@compiled
def _until(day_end: IntArray1D, day: int, stop: int, daily: FloatArray1D, equity: float) -> int:
    """Write `equity` at the day ends whose last bar is before `stop`; return the next day after them."""
    while day_end[day] < stop:
        daily[day + 1] = equity
        day += 1
    return day


@compiled
def _compare(
    indicators: FloatArray2D, first: int, sign: float, levels: Levels, each: int, code: int, kept: Kept
) -> CodeArray:
    """Return `code` where a value from bar `first` on is at or below (sign 1), or at or above (-1), a level, else 0.

    The codes of the last levels that were asked for are kept: what sets of a grid share, they share with those next to
    them.
    """
    slot = each % KEPT_LEVELS
    codes: CodeArray = kept.codes[slot]
    if kept.level[slot] != each:
        kept.level[slot] = each
        values, reached = indicators[levels.row[each], first : first + len(codes)], sign * levels.level[each]
        for place in range(len(values)):
            codes[place] = np.uint8(code) * np.uint8(sign * values[place] <= reached)
    return codes


@compiled
def pass_thresholds(market: Market, limits: Limits, start: int, stop: int, given: Comparison, books: Books) -> None:
    """Pass over bars [start, stop), start a multiple of CHUNK, for each row of thresholds in normal form."""
    codes = np.zeros(-(-(stop - start) // CHUNK) * CHUNK, dtype=np.uint8)
    skipped = 1 if start == 0 else 0
    decided, first = codes[skipped : stop - start], start - 1 + skipped
    enters, leaves = given.enters, given.leaves
    entries = Kept(np.full(KEPT_LEVELS, -1), np.empty((KEPT_LEVELS, len(decided)), dtype=np.uint8))
    exits = Kept(np.full(KEPT_LEVELS, -1), np.empty((KEPT_LEVELS, len(decided)), dtype=np.uint8))
    for combo in range(len(enters.of_combo)):
        enter = _compare(given.indicators, first, 1.0, enters, enters.of_combo[combo], LEAVES_SHORT, entries)
        leave = _compare(given.indicators, first, -1.0, leaves, leaves.of_combo[combo], LEAVES_LONG, exits)
        for place in range(len(decided)):
            decided[place] = enter[place] | (leave[place] & ~(enter[place] << np.uint8(1)))
        _pass(market, limits, start, stop, codes, books, combo, None)


@compiled
def pass_codes(
    market: Market, limits: Limits, start: int, stop: int, decided: CodeArray, books: Books, record: Record | None
) -> None:
    """Pass over bars [start, stop), start a multiple of CHUNK, for each row of codes (n_combos, n_bars)."""
    codes = np.zeros(-(-(stop - start) // CHUNK) * CHUNK, dtype=np.uint8)
    first = 1 if start == 0 else 0
    for combo in range(len(decided)):
        codes[first : stop - start] = decided[combo, start - 1 + first : stop - 1]
        _pass(market, limits, start, stop, codes, books, combo, record)


@compiled
def _pass(
    market: Market,
    limits: Limits,
    start: int,
    stop: int,
    codes: CodeArray,
    books: Books,
    combo: int,
    record: Record | None,
) -> None:
    """Pass one combination over bars [start, stop): `codes` holds the decision of the bar before each.

    One function, since it is one loop over the events of a bar, in the order of `backtest.reference`: its two dozen
    values live in registers, and pieces would hand them to and fro. Unsigned places need no look for negative ones.
    """
    n_bars, words, may_enter = stop - start, codes.view(np.uint64), market.may_enter[start:stop]
    state, sums, daily = books.state[combo], books.sums[combo], books.daily[combo]
    cash, size, entry_price, entry_equity = state[CASH], state[SIZE], state[ENTRY_PRICE], state[ENTRY_EQUITY]
    best_seen, peak, depth = state[BEST], state[PEAK], state[DEPTH]
    entry_bar, day = int(state[ENTRY_BAR]), int(state[NEXT_DAY])
    n_trades = int(sums[N_TRADES])
    deepest = peak * depth
    trails = not math.isnan(limits.trailing_stop)
    place, direction = 0, int(np.sign(size))
    side = 0 if direction == 1 else 1
    fixed, target = _levels(direction, entry_price, limits)
    level = max(fixed, best_seen * (1.0 - direction * limits.trailing_stop)) if trails else fixed
    while place < n_bars:
        if direction == 0:
            first = place
            place = n_bars
            if cash > 0.0:
                place = _next_entry(words, first, n_bars, may_enter, limits.allow_short)
            qty = 0.0
            if place < n_bars:
                direction = 1 if codes[place] == LEAVES_SHORT else -1
                side = 0 if direction == 1 else 1
                entry_bar = start + place
                slippage = market.open[entry_bar] * limits.slippage_rate
                offset = market.ask_offset[entry_bar] if side == 0 else market.bid_offset[entry_bar]
                entry_price = market.open[entry_bar] + direction * (offset + slippage)
                qty = _affordable(cash, entry_price, limits)
                if qty == 0.0:
                    direction = 0
                    place += 1
            if place > first:
                peak, depth, deepest = _marked(cash, peak, depth, deepest)
                day = _until(market.day_end, day, start + place, daily, cash)
                if record is not None:
                    record.equity[start + first + 1 : start + place + 1] = cash
                    record.position[start + first : start + place] = 0
            if qty == 0.0:
                continue
            fee = qty * entry_price * limits.fee_rate
            entry_equity = cash
            size = direction * qty
            cash = cash - size * entry_price - fee
            sums[NOTIONAL] += qty * entry_price
            fixed, target = _levels(direction, entry_price, limits)
            best_seen = direction * entry_price
            level = max(fixed, best_seen * (1.0 - direction * limits.trailing_stop)) if trails else fixed
            if record is not None:
                trade = record.trades[n_trades]
                trade[:] = 0.0
                trade[_DIRECTION], trade[_ENTRY], trade[_EXIT] = direction, entry_bar, -1
                trade[_QTY], trade[_PAID], trade[_GOT] = qty, entry_price, math.nan
                trade[_FEES], trade[_SPREAD], trade[_SLIPPAGE] = fee, qty * offset, qty * slippage
        leaves = np.uint8(LEAVES_LONG if direction == 1 else LEAVES_SHORT)
        leaving_words = _EACH * np.uint64(leaves)
        row = np.uint64(side)
        is_left = False
        while place < n_bars:
            bar = start + place
            at, chunk = np.uint64(bar), np.uint64(bar) // np.uint64(CHUNK)
            if record is None and place % CHUNK == 0 and bar != entry_bar and place + CHUNK <= n_bars:
                ends = cash + size * market.chunk_low[chunk], cash + size * market.chunk_high[chunk]
                low, high = min(ends), max(ends)
                if (
                    market.chunk_worst[row, chunk] > level
                    and market.chunk_best[row, chunk] < target
                    and (words[place // CHUNK] & leaving_words) == 0
                    and not (trails and market.chunk_best[row, chunk] > best_seen)
                    and not market.chunk_charged[row, chunk]
                    and low > 0.0
                ):
                    if high > peak or low < deepest:
                        for each in range(bar, bar + CHUNK):
                            peak, depth, deepest = _marked(cash + size * market.close[each], peak, depth, deepest)
                    while market.day_end[day] < bar + CHUNK:
                        daily[day + 1] = cash + size * market.close[market.day_end[day]]
                        day += 1
                    place += CHUNK
                    continue
            charge = market.charge[row, at]
            if charge != 0.0 and bar != entry_bar:
                cash -= charge * abs(size)
                if record is not None:
                    record.trades[n_trades, _FINANCING] += charge * abs(size)
            is_reached = market.worst[row, at] <= level or market.best[row, at] >= target
            equity = cash + size * market.close[at]
            is_left = is_reached or codes[np.uint64(place)] & leaves or equity <= 0.0
            if record is not None:
                record.position[bar] = direction
                record.equity[bar + 1] = equity
            if is_left:
                break
            peak, depth, deepest = _marked(equity, peak, depth, deepest)
            day = _until(market.day_end, day, bar + 1, daily, equity)
            if trails and market.best[row, at] > best_seen:
                best_seen = market.best[row, at]
                level = max(fixed, best_seen * (1.0 - direction * limits.trailing_stop))
            place += 1
        if not is_left:
            continue
        is_signal = bool(codes[place] & leaves)
        is_entry = bar == entry_bar
        reason, is_inside, price, slippage = _left(market, limits, bar, side, level, target, is_signal, is_entry)
        if reason == _STOP and level > fixed:
            reason = _TRAILING
        fee = abs(size) * price * limits.fee_rate
        equity = cash + size * price - fee
        if reason == _RUIN or equity <= 0.0:
            reason, price, fee, slippage, equity = _RUIN, -cash / size, 0.0, 0.0, 0.0
        profit = equity - entry_equity
        sums[N_WINNING] += profit > 0.0
        sums[GAINS] += max(profit, 0.0)
        sums[LOSSES] += min(profit, 0.0)
        sums[BARS_HELD] += bar - entry_bar + is_inside
        sums[NOTIONAL] += abs(size * price)
        if record is not None:
            trade = record.trades[n_trades]
            trade[_EXIT], trade[_REASON], trade[_GOT] = bar, reason, price
            if reason != _RUIN:
                trade[_FEES] += fee
                trade[_SPREAD] += abs(size) * (market.bid_offset[bar] if side == 0 else market.ask_offset[bar])
                trade[_SLIPPAGE] += abs(size) * slippage
        n_trades += 1
        cash, size, direction = equity, 0.0, 0
        if not is_signal:
            peak, depth, deepest = _marked(cash, peak, depth, deepest)
            day = _until(market.day_end, day, bar + 1, daily, cash)
            if record is not None:
                record.equity[bar + 1] = cash
                if not is_inside:
                    record.position[bar] = 0
            place += 1
    state[CASH], state[SIZE], state[ENTRY_PRICE], state[ENTRY_EQUITY] = cash, size, entry_price, entry_equity
    state[BEST], state[PEAK], state[DEPTH] = best_seen, peak, depth
    state[ENTRY_BAR], state[NEXT_DAY] = entry_bar, day
    sums[N_TRADES] = n_trades
