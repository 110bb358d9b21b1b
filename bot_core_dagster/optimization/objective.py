"""Objectives: what a parameter set was worth over some of the days.

Belongs here: an objective of the training days of a fold, from the daily equity of a grid that ran once. Not here: the
objectives of a whole window (`backtest.statistics`), the folds (`optimization.walk_forward`).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from bot_core_dagster.backtest import statistics as grid_statistics
from bot_core_dagster.backtest.prepared import DaySamples
from bot_core_dagster.backtest.statistics import OBJECTIVES, GridStatistics
from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.metrics import years_between
from bot_core_dagster.metrics.arrays import FloatArray1D

_OfDays = Callable[[GridStatistics, DaySamples], FloatArray1D]

OF_DAYS: Final[dict[str, _OfDays]] = {
    "sharpe_ratio": lambda part, days: grid_statistics.sharpe_ratio(part, periods_per_year=days.periods_per_year),
    "sortino_ratio": lambda part, days: grid_statistics.sortino_ratio(part, periods_per_year=days.periods_per_year),
    "calmar_ratio": lambda part, days: grid_statistics.calmar_ratio(
        part, years=years_between(days.day_end[0], days.day_end[-1])
    ),
    "total_return": lambda part, _: grid_statistics.total_return(part),
}
"""Objectives that daily equity is enough for; the others need the trades of the days alone."""


def require_objective(name: str) -> None:
    """Refuse an objective that there is not.

    Raises
    ------
    UnknownNameError
        The message lists those there are.
    """
    if name not in OBJECTIVES:
        raise UnknownNameError(f"unknown objective {name!r}; there are {', '.join(OBJECTIVES)}")


def objective_of_days(name: str, statistics: GridStatistics, days: DaySamples, chosen: slice) -> FloatArray1D:
    """Return the objective over the chosen days, shape (n_combos,), higher is better, NaN where it is undefined.

    Parameters
    ----------
    name : str
        One of `OF_DAYS`.
    statistics : GridStatistics
        Of the whole window.
    days : DaySamples
        The days of `statistics.daily_equity`.
    chosen : slice
        With a start and a stop; day 0 is the one after the first day end.

    Notes
    -----
    The drawdown of a Calmar ratio is here that of the day ends, which are all that a part of a window has.
    """
    rows = slice(chosen.start, chosen.stop + 1)
    equity = statistics.daily_equity[:, rows]
    with np.errstate(invalid="ignore", divide="ignore"):
        equity = equity / equity[:, :1]
    deepest = (equity / np.maximum.accumulate(equity, axis=1)).min(axis=1) - 1.0
    part = replace(statistics, daily_equity=equity, final_equity=equity[:, -1], max_drawdown=deepest)
    return OF_DAYS[name](part, replace(days, day_end=days.day_end[rows], last_bar=days.last_bar[rows]))


def best_of(objective: FloatArray1D) -> int:
    """Return the place of the highest objective, the first on ties; -1 where all are undefined."""
    return -1 if np.isnan(objective).all() else int(np.nanargmax(objective))
