"""The general kernel: every rule, any signal, one combination with its trades or many with their figures.

Belongs here: bars, decisions and rules into the compiled loop, and results out of it. Not here: the loop
(`backtest.general_loop`), its arrays (`backtest.general_arrays`), what the rules mean (`backtest.reference`), the
faster kernel for long and flat without stops (`backtest.event_kernel`).
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.backtest.general_arrays import (
    Books,
    CodeArray,
    Comparison,
    Record,
    limits_of,
    market_of,
)
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.simulation import Simulation
from bot_core_dagster.backtest.statistics import GridStatistics
from bot_core_dagster.backtest.thresholds import Levels, Thresholds
from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D

KEEP: Final = 2
"""In int8 signals: NaN, what is held is kept."""

BLOCK_BARS: Final = 4_096
"""Bars whose prices stay in the cache while all combinations pass over them; a multiple of `general_loop.CHUNK`."""

_KINDS: Final[dict[str, type]] = {
    "direction": np.int8,
    "entry_bar": np.int64,
    "exit_bar": np.int64,
    "exit_reason": np.int8,
}

_CODES: Final = np.array([2, 3, 1, 0], dtype=np.uint8)
"""Codes of `general_loop` of the signals -1, 0, 1 and KEEP."""


def simulate(
    prepared: PreparedBars, signal: FloatArray1D, rules: TradingRules, *, cost_multiplier: float = 1.0
) -> Simulation:
    """Return what comes of a signal, decided at each bar's close and filled at the next bar's open.

    Parameters
    ----------
    prepared : PreparedBars
    signal : ndarray of shape (n_bars,)
        +1 long, -1 short (flat where shorts are not allowed), 0 flat, NaN keep.
    rules : TradingRules
    cost_multiplier : float
        Of fee, spread, slippage and the carry that is paid.

    Returns
    -------
    Simulation
        The same numbers as `reference.simulate_reference`.

    Raises
    ------
    ShapeError
        If `signal` has another length or holds another number.
    """
    from bot_core_dagster.backtest import general_loop as loop

    bars = prepared.costs(cost_multiplier)
    codes = _codes(int8_signal(signal, prepared.n_bars))[None, :]
    record = Record(
        trades=np.empty((bars.n_bars, len(loop.TRADE_FIELDS))),
        equity=np.ones(bars.n_bars + 1),
        position=np.empty(bars.n_bars, dtype=np.int8),
    )
    books = _open_books(bars, 1)
    market, limits = market_of(bars, loop.CHUNK), limits_of(bars, rules)
    loop.pass_codes(market, limits, 0, bars.n_bars, codes, books, record)
    n_trades = int(books.sums[0, loop.N_TRADES]) + int(books.state[0, loop.SIZE] != 0.0)
    columns: dict[str, Any] = {
        name: record.trades[:n_trades, place].astype(_KINDS.get(name, np.float64))
        for place, name in enumerate(loop.TRADE_FIELDS)
    }
    return Simulation(equity=record.equity, position=record.position, **columns)


def simulate_many(prepared: PreparedBars, thresholds: Thresholds, rules: TradingRules) -> GridStatistics:
    """Return the statistics of each combination of thresholds, shape (n_combos,), without its trades.

    Raises
    ------
    ShapeError
        If the indicators are of another number of bars.
    """
    from bot_core_dagster.backtest import general_loop as loop

    indicators = np.ascontiguousarray(thresholds.indicators, dtype=np.float64)
    _require_bars(indicators.shape, prepared.n_bars)
    enters, leaves = (Levels.of(thresholds.row, level) for level in (thresholds.enter, thresholds.exit))
    given = Comparison(indicators, enters, leaves)
    market, limits = market_of(prepared, loop.CHUNK), limits_of(prepared, rules)

    def pass_block(start: int, stop: int, books: Books) -> None:
        loop.pass_thresholds(market, limits, start, stop, given, books)

    return _statistics(prepared, len(thresholds.row), pass_block)


def simulate_signals(prepared: PreparedBars, signals: NDArray[np.int8], rules: TradingRules) -> GridStatistics:
    """Return the statistics of each row of signals, shape (n_combos,), without its trades.

    Parameters
    ----------
    prepared : PreparedBars
    signals : int8 ndarray of shape (n_combos, n_bars)
        As in `simulate`, with KEEP for NaN.
    rules : TradingRules

    Raises
    ------
    ShapeError
        If the signals are of another number of bars, or hold another number.
    """
    from bot_core_dagster.backtest import general_loop as loop

    _require_bars(signals.shape, prepared.n_bars)
    _require_known(signals, (signals < -1) | (signals > KEEP))
    codes = _codes(signals)
    market, limits = market_of(prepared, loop.CHUNK), limits_of(prepared, rules)

    def pass_block(start: int, stop: int, books: Books) -> None:
        loop.pass_codes(market, limits, start, stop, codes, books, None)

    return _statistics(prepared, len(signals), pass_block)


def int8_signal(signal: FloatArray1D, n_bars: int) -> NDArray[np.int8]:
    """Return a signal of shape (n_bars,) as int8, KEEP for NaN.

    Raises
    ------
    ShapeError
        If it has another shape or holds another number.
    """
    if signal.shape != (n_bars,):
        raise ShapeError(
            f"expected one decision for each of {n_bars} bars, got shape {signal.shape}; next: decide at each close"
        )
    is_kept = np.isnan(signal)
    _require_known(signal, ~(is_kept | (signal == 1.0) | (signal == -1.0) | (signal == 0.0)))
    return np.where(is_kept, KEEP, signal).astype(np.int8)


def _require_known(signals: FloatArray1D | NDArray[np.int8], is_unknown: NDArray[np.bool_]) -> None:
    if is_unknown.any():
        raise ShapeError(
            f"expected decisions of 1 (long), -1 (short), 0 (flat) or NaN (keep), got {signals[is_unknown][0]:g}; "
            "next: the sign of a forecast is a decision"
        )


def _require_bars(shape: tuple[int, ...], n_bars: int) -> None:
    if len(shape) != 2 or shape[1] != n_bars:
        raise ShapeError(f"expected rows of {n_bars} bars, got shape {shape}; next: make them of the prepared bars")


def _codes(signals: NDArray[np.int8]) -> CodeArray:
    return np.ascontiguousarray(_CODES[signals + 1])


def _open_books(prepared: PreparedBars, n_combos: int) -> Books:
    from bot_core_dagster.backtest import general_loop as loop

    state = np.zeros((n_combos, loop.N_STATE))
    state[:, [loop.CASH, loop.PEAK, loop.DEPTH]] = 1.0
    daily = np.empty((n_combos, prepared.own_days.n_days + 1))
    daily[:, 0] = 1.0
    return Books(state, np.zeros((n_combos, loop.N_SUMS)), daily)


def _statistics(prepared: PreparedBars, n_combos: int, pass_block: Callable[[int, int, Books], None]) -> GridStatistics:
    from bot_core_dagster.backtest import general_loop as loop

    books = _open_books(prepared, n_combos)
    for start in range(0, prepared.n_bars, BLOCK_BARS):
        pass_block(start, min(start + BLOCK_BARS, prepared.n_bars), books)
    cash, size, entry_bar, depth = books.state[:, [loop.CASH, loop.SIZE, loop.ENTRY_BAR, loop.DEPTH]].T
    held_now = np.where(size != 0.0, prepared.n_bars - entry_bar, 0.0)
    return GridStatistics(
        daily_equity=books.daily,
        final_equity=cash + size * prepared.close[-1],
        max_drawdown=depth - 1.0,
        n_trades=books.sums[:, loop.N_TRADES].astype(np.int64),
        n_winning=books.sums[:, loop.N_WINNING].astype(np.int64),
        gains=books.sums[:, loop.GAINS].copy(),
        losses=books.sums[:, loop.LOSSES].copy(),
        bars_held=(books.sums[:, loop.BARS_HELD] + held_now).astype(np.int64),
        traded_notional=books.sums[:, loop.NOTIONAL].copy(),
    )
