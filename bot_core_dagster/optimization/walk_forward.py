"""Walk-forward: each stretch of days traded with the parameters that were best on the days before it.

Belongs here: the choice of each fold, the joined out-of-sample simulation, its figures. Not here: where the folds lie
(`validation`), the grid (`backtest.grid`), what follows from the curve (`optimization.evidence`, `optimization.gate`).

The folds are chosen on the training days of the grid that ran once. Their sets are then simulated in one pass over
warm indicators. At the first close of a fold its set starts from flat: it leaves what the set before it holds, unless
it would enter the same position there. So the cost of every switch is in the curve.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bot_core_dagster.backtest.general_kernel import simulate
from bot_core_dagster.backtest.grid import run_grid
from bot_core_dagster.backtest.prepared import DaySamples, PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.simulation import Simulation
from bot_core_dagster.backtest.statistics import GridStatistics, objective
from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.optimization.objective import OF_DAYS, best_of, objective_of_days
from bot_core_dagster.settings import Instrument
from bot_core_dagster.strategies.strategy import Strategy
from bot_core_dagster.validation import Fold, walk_forward_splits

N_FOLDS: Final = 6
TRAIN_SHARE: Final = 0.2
"""Of the days, before the first test: the rest, as much as can be, is out of sample."""
PURGE_DAYS: Final = 1
EMBARGO_DAYS: Final = 0
"""Training ends before its test begins, so that only purging keeps them apart."""
MIN_TRAIN_DAYS: Final = 20
DESIGNS: Final = ("anchored", "rolling")
"""Training from the first day on, or over as many days as the first training had. The first is the headline."""


@dataclass(frozen=True, eq=False)
class Traded:
    """What was tried on: bars, the strategy and its rules, and the grid's result."""

    bars: pd.DataFrame
    prepared: PreparedBars
    instrument: Instrument
    strategy: Strategy
    rules: TradingRules
    objective: str
    parameter_sets: Sequence[Mapping[str, float]]
    statistics: GridStatistics


@dataclass(frozen=True, eq=False)
class WalkForward:
    """The joined out-of-sample curve of one design.

    design : one of `DESIGNS`
    folds : DataFrame of shape (n_folds, 8): fold, train_start, train_end, test_start, test_end, trial (place of the
        chosen set, -1 where none was worth anything: flat), train_objective, test_return
    day_end : DatetimeIndex of shape (n_days,), the end of each out-of-sample day
    returns, double_cost_returns : ndarray of shape (n_days,), net of costs and of twice the costs
    buy_and_hold_returns : ndarray of shape (n_days,), of bought at the first out-of-sample open, at cost, and held
    n_trades : closed trades
    exposure : share of the equity that was in position on average, from -1 to 1
    """

    design: str
    folds: pd.DataFrame
    day_end: pd.DatetimeIndex
    returns: FloatArray1D
    double_cost_returns: FloatArray1D
    buy_and_hold_returns: FloatArray1D
    n_trades: int
    exposure: float

    @property
    def equity(self) -> FloatArray1D:
        """The curve at day ends, from 1 on, shape (n_days + 1,)."""
        return np.concatenate([[1.0], np.cumprod(1.0 + self.returns)])

    @property
    def equal_exposure_returns(self) -> FloatArray1D:
        """Buy and hold with the share of the equity that was in position on average, shape (n_days,)."""
        return self.exposure * self.buy_and_hold_returns


def walk_forward(traded: Traded, design: str) -> WalkForward:
    """Choose on each fold's training days, trade the test days, and join them.

    Parameters
    ----------
    traded : Traded
    design : str
        One of `DESIGNS`.

    Raises
    ------
    ShapeError
        If there are too few days for the folds.
    """
    days = traded.prepared.own_days
    folds = folds_of(days.n_days, is_anchored=design == DESIGNS[0])
    values = [_train_objective(traded, fold.train) for fold in folds]
    chosen = [best_of(objective) for objective in values]
    signal = _joined_signal(traded, folds, chosen)
    test = slice(folds[0].test.start, folds[-1].test.stop)
    net, double = (
        simulate(traded.prepared, signal, traded.rules, cost_multiplier=multiplier) for multiplier in (1.0, 2.0)
    )
    returns = returns_of(net, days, test)
    best = [_at(objective, place) for objective, place in zip(values, chosen, strict=True)]
    grown = [_growth(returns, fold.test, test.start) for fold in folds]
    return WalkForward(
        design=design,
        folds=_folds_frame(days, folds).assign(trial=chosen, train_objective=best, test_return=grown),
        day_end=days.day_end[test.start + 1 : test.stop + 1],
        returns=returns,
        double_cost_returns=returns_of(double, days, test),
        buy_and_hold_returns=held_returns(traded.prepared, test),
        n_trades=int((net.exit_bar >= 0).sum()),
        exposure=traded.rules.fraction * _mean_position(net, days, test),
    )


def folds_of(n_days: int, *, is_anchored: bool) -> list[Fold]:
    """Return the folds of so many days.

    Raises
    ------
    ShapeError
        If the first training or a test would be too short.
    """
    train_days = int(n_days * TRAIN_SHARE)
    if train_days < MIN_TRAIN_DAYS:
        needed = int(np.ceil(MIN_TRAIN_DAYS / TRAIN_SHARE))
        raise ShapeError(
            f"expected {needed} or more days for {N_FOLDS} walk-forward folds, got {n_days}; next: a longer range"
        )
    return walk_forward_splits(
        n_days,
        n_folds=N_FOLDS,
        train_days=train_days,
        anchored=is_anchored,
        purge_days=PURGE_DAYS,
        embargo_days=EMBARGO_DAYS,
    )


def bars_of_days(bars: pd.DataFrame, samples: DaySamples, days: slice) -> pd.DataFrame:
    """Return the bars of the chosen days; day 0 is the one after the first day end."""
    first, last = (int(samples.last_bar[day]) for day in (days.start, days.stop))
    return bars.iloc[first + 1 : last + 1]


def held_returns(prepared: PreparedBars, days: slice) -> FloatArray1D:
    """Return the daily returns of buying at the first open of the days, at cost, and holding, shape (n_days,)."""
    always = np.full(prepared.n_bars, np.nan)
    always[max(int(prepared.own_days.last_bar[days.start]), 0) :] = 1.0
    return returns_of(simulate(prepared, always, TradingRules()), prepared.own_days, days)


def returns_of(simulation: Simulation, samples: DaySamples, days: slice) -> FloatArray1D:
    """Return the daily returns of a simulation over the chosen days, shape (n_days,); 0 after a ruin."""
    equity = simulation.equity[samples.last_bar[days.start : days.stop + 1] + 1]
    return np.divide(equity[1:], equity[:-1], out=np.ones(len(equity) - 1), where=equity[:-1] > 0.0) - 1.0


def _folds_frame(days: DaySamples, folds: Sequence[Fold]) -> pd.DataFrame:
    """Return the number of each fold and the day ends that its training and test lie between."""
    bounds = {
        "train_start": [fold.train.start for fold in folds],
        "train_end": [fold.train.stop for fold in folds],
        "test_start": [fold.test.start for fold in folds],
        "test_end": [fold.test.stop for fold in folds],
    }
    ends = {name: days.day_end[places] for name, places in bounds.items()}
    return pd.DataFrame({"fold": np.arange(len(folds))} | ends)


def _train_objective(traded: Traded, days: slice) -> FloatArray1D:
    """Return the objective of each set over the training days, shape (n_sets,)."""
    samples = traded.prepared.own_days
    if traded.objective in OF_DAYS:
        return objective_of_days(traded.objective, traded.statistics, samples, days)
    part = PreparedBars.of(bars_of_days(traded.bars, samples, days), traded.instrument)
    statistics = run_grid(part, traded.strategy, traded.parameter_sets, traded.rules)
    return objective(traded.objective, statistics, part)


def _joined_signal(traded: Traded, folds: Sequence[Fold], chosen: Sequence[int]) -> FloatArray1D:
    """Return the decisions of each fold's set at the closes before its bars, shape (n_bars,); NaN before the first."""
    last_bar = traded.prepared.own_days.last_bar
    calendar_name = traded.instrument.calendar
    signals = {
        place: traded.strategy.signal(traded.bars, calendar_name, traded.parameter_sets[place])
        for place in set(chosen) - {-1}
    }
    joined = np.full(traded.prepared.n_bars, np.nan)
    for fold, place in zip(folds, chosen, strict=True):
        closes = slice(int(last_bar[fold.test.start]), int(last_bar[fold.test.stop]))
        joined[closes] = signals[place][closes] if place >= 0 else 0.0
        if closes.start < closes.stop and np.isnan(joined[closes.start]):
            joined[closes.start] = 0.0
    return joined


def _mean_position(simulation: Simulation, samples: DaySamples, days: slice) -> float:
    first, last = (int(samples.last_bar[day]) for day in (days.start, days.stop))
    return float(simulation.position[first + 1 : last + 1].mean())


def _at(objective: FloatArray1D, place: int) -> float:
    return float(objective[place]) if place >= 0 else float("nan")


def _growth(returns: FloatArray1D, days: slice, first: int) -> float:
    return float(np.prod(1.0 + returns[days.start - first : days.stop - first]) - 1.0)
