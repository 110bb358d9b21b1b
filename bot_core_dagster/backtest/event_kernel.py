"""The event kernel: long or flat without stops, many combinations at once, exact.

Belongs here: which rules it can follow, thresholds into bits' levels, arrays into the compiled loop and results out of
it. Not here: the loop (`backtest.event_loop`), what the rules mean (`backtest.reference`), every other rule
(`backtest.general_kernel`), the choice between the two (`backtest.grid`).
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot_core_dagster.backtest.event_arrays import BOOK, Market
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.statistics import GridStatistics
from bot_core_dagster.backtest.thresholds import Levels, Thresholds
from bot_core_dagster.errors import ParameterError, ShapeError
from bot_core_dagster.features.definition import FloatArray2D
from bot_core_dagster.metrics.arrays import BoolArray1D


def can_follow(rules: TradingRules) -> bool:
    """Return whether these rules are long or flat, left by signals alone, in any quantity."""
    return not (rules.allow_short or rules.leaves_inside_bars or rules.has_lots)


def simulate_events(prepared: PreparedBars, thresholds: Thresholds, rules: TradingRules) -> GridStatistics:
    """Return the statistics of each combination of thresholds, as `general_kernel.simulate_many` does.

    A combination that financing ruins, which nothing else can, is passed on to that kernel.

    Parameters
    ----------
    prepared : PreparedBars
    thresholds : Thresholds
        Of shape (n_combos,), their indicators of the prepared bars.
    rules : TradingRules
        That `can_follow` is true of.

    Raises
    ------
    ParameterError
        If the rules are beyond this kernel.
    ShapeError
        If the indicators are of another number of bars.
    """
    from bot_core_dagster.backtest.event_loop import trade

    if not can_follow(rules):
        raise ParameterError(
            f"expected rules without shorts, stops, targets and lots, got {rules}; next: general_kernel.simulate_many"
        )
    if thresholds.indicators.shape[1:] != (prepared.n_bars,):
        raise ShapeError(
            f"expected indicators of {prepared.n_bars} bars, got shape {thresholds.indicators.shape}; "
            "next: compute them on the prepared bars"
        )
    books = np.zeros(len(thresholds.row), dtype=BOOK)
    for name in ("equity", "peak", "lowest", "deepest"):
        books[name] = 1.0
    daily = np.empty((len(books), prepared.own_days.n_days + 1))
    enters, leaves = _levels(thresholds)
    indicators = np.ascontiguousarray(thresholds.indicators)
    carried = trade(_market(prepared, rules), indicators, enters, leaves, books, daily)
    statistics = _statistics(prepared, books, daily, prepared.close[-1] - carried)
    is_ruined = np.minimum(books["deepest"], books["lowest"]) <= 0.0
    return _simulated_again(prepared, thresholds, rules, statistics, is_ruined) if is_ruined.any() else statistics


def _market(prepared: PreparedBars, rules: TradingRules) -> Market:
    return Market(
        open=prepared.open,
        close=prepared.close,
        ask_offset=prepared.ask_offset,
        bid_offset=prepared.bid_offset,
        carry=prepared.carry_long if prepared.has_carry else np.empty(0),
        blocked=np.array([rows.start for rows in prepared.runs[1:]], dtype=np.int64),
        last_bar=prepared.own_days.last_bar,
        slippage_rate=prepared.slippage_rate,
        fee_rate=prepared.fee_rate,
        fraction=rules.fraction,
    )


def _levels(thresholds: Thresholds) -> tuple[Levels, Levels]:
    """Return the distinct levels to enter and to leave at.

    Where a combination would leave at or below the level that it enters at, entering wins: it leaves above that level.
    """
    above_entry = np.nextafter(thresholds.enter, np.inf)
    leave = np.where(thresholds.exit > thresholds.enter, thresholds.exit, above_entry)
    return Levels.of(thresholds.row, thresholds.enter), Levels.of(thresholds.row, leave)


def _statistics(prepared: PreparedBars, books: NDArray[Any], daily: FloatArray2D, worth: float) -> GridStatistics:
    """Return what the books say, an open position marked at the worth of one unit at the last close."""
    is_held = books["qty"] > 0.0
    fee = prepared.fee_rate
    return GridStatistics(
        daily_equity=daily,
        final_equity=np.where(is_held, books["idle"] + books["qty"] * worth, books["equity"]),
        max_drawdown=np.minimum(books["deepest"], books["lowest"] / books["peak"]) - 1.0,
        n_trades=books["n_trades"].copy(),
        n_winning=books["n_winning"].copy(),
        gains=books["gains"].copy(),
        losses=books["losses"].copy(),
        bars_held=books["bars_held"] + np.where(is_held, prepared.n_bars - books["entry_bar"], 0),
        traded_notional=books["spent"] / (1.0 + fee) + books["received"] / (1.0 - fee),
    )


def _simulated_again(
    prepared: PreparedBars,
    thresholds: Thresholds,
    rules: TradingRules,
    statistics: GridStatistics,
    is_ruined: BoolArray1D,
) -> GridStatistics:
    """Return the statistics with those of the ruined combinations from the general kernel."""
    from bot_core_dagster.backtest.general_kernel import simulate_many

    of_ruined = {name: getattr(thresholds, name)[is_ruined] for name in ("row", "enter", "exit")}
    ruined = simulate_many(prepared, replace(thresholds, **of_ruined), rules)
    for column in fields(statistics):
        getattr(statistics, column.name)[is_ruined] = getattr(ruined, column.name)
    return statistics
