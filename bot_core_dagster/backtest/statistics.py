"""Statistics of many simulations: what a search compares, one row a combination of parameters.

Belongs here: their shape, and objectives over all rows at once. Not here: the kernels that fill it
(`backtest.event_kernel`, `backtest.general_kernel`), the same figures of one backtest (`metrics`, `backtest.summary`).
Each objective equals the function of that name in `metrics`, row by row.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.simulation import IntArray1D
from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.features.definition import FloatArray2D
from bot_core_dagster.metrics import years_between
from bot_core_dagster.metrics.arrays import FloatArray1D


@dataclass(frozen=True, eq=False)
class GridStatistics:
    """What came of each combination, with an equity of 1 at the start; all money is a fraction of it.

    daily_equity : ndarray of shape (n_combos, n_days + 1), the start, then at each day end of the instrument's own
        sampling (`PreparedBars.own_days`)

    Of shape (n_combos,):

    final_equity : at the last close, an open position marked there
    max_drawdown : over bar closes, the start included; from -1 to 0
    n_trades, n_winning : closed trades, and those of them with a net profit above zero
    gains, losses : sums of the net profits of closed trades, above zero and not above zero; losses are negative
    bars_held : bars in position after their open, an open position included
    traded_notional : quantity times price of every fill
    """

    daily_equity: FloatArray2D
    final_equity: FloatArray1D
    max_drawdown: FloatArray1D
    n_trades: IntArray1D
    n_winning: IntArray1D
    gains: FloatArray1D
    losses: FloatArray1D
    bars_held: IntArray1D
    traded_notional: FloatArray1D

    @property
    def n_combos(self) -> int:
        """Number of combinations."""
        return len(self.final_equity)

    @property
    def n_days(self) -> int:
        """Number of days."""
        return int(self.daily_equity.shape[1]) - 1

    def daily_returns(self) -> FloatArray2D:
        """Return the simple return of each day, shape (n_combos, n_days); NaN after a ruin."""
        with np.errstate(invalid="ignore", divide="ignore"):
            returns: FloatArray2D = self.daily_equity[:, 1:] / self.daily_equity[:, :-1]
        returns -= 1.0
        return returns


def total_return(statistics: GridStatistics) -> FloatArray1D:
    """Return the final equity over the start, less one, shape (n_combos,)."""
    return statistics.final_equity - 1.0


def sharpe_ratio(statistics: GridStatistics, *, periods_per_year: float) -> FloatArray1D:
    """Return the annualised Sharpe ratio of the daily returns, shape (n_combos,); NaN as `metrics.sharpe_ratio`."""
    from bot_core_dagster.backtest.ratios_loop import sharpe_ratios

    if statistics.n_days < 2:
        return np.full(statistics.n_combos, np.nan)
    return math.sqrt(periods_per_year) * sharpe_ratios(np.ascontiguousarray(statistics.daily_equity))


def sortino_ratio(statistics: GridStatistics, *, periods_per_year: float) -> FloatArray1D:
    """Return the annualised Sortino ratio of the daily returns, shape (n_combos,); NaN as `metrics.sortino_ratio`."""
    from bot_core_dagster.backtest.ratios_loop import sortino_ratios

    if statistics.n_days < 1:
        return np.full(statistics.n_combos, np.nan)
    return math.sqrt(periods_per_year) * sortino_ratios(np.ascontiguousarray(statistics.daily_equity))


def calmar_ratio(statistics: GridStatistics, *, years: float) -> FloatArray1D:
    """Return the compound annual growth over the maximum drawdown, shape (n_combos,); NaN without a drawdown."""
    if years <= 0.0:
        return np.full(statistics.n_combos, np.nan)
    final = np.where(statistics.final_equity > 0.0, statistics.final_equity, np.nan)
    with np.errstate(over="ignore"):
        growth = np.expm1(np.log(final) / years)
    return _ratio(growth, np.abs(statistics.max_drawdown))


def win_rate(statistics: GridStatistics) -> FloatArray1D:
    """Return the share of closed trades with a net profit above zero, shape (n_combos,); NaN without trades."""
    return _ratio(statistics.n_winning.astype(np.float64), statistics.n_trades.astype(np.float64))


def profit_factor(statistics: GridStatistics) -> FloatArray1D:
    """Return gains over absolute losses, shape (n_combos,); NaN where nothing was lost."""
    return _ratio(statistics.gains, -statistics.losses)


def _years(prepared: PreparedBars) -> float:
    return years_between(prepared.open_time[0], prepared.close_time[-1])


OBJECTIVES: Final[dict[str, Callable[[GridStatistics, PreparedBars], FloatArray1D]]] = {
    "sharpe_ratio": lambda statistics, prepared: sharpe_ratio(
        statistics, periods_per_year=prepared.own_days.periods_per_year
    ),
    "sortino_ratio": lambda statistics, prepared: sortino_ratio(
        statistics, periods_per_year=prepared.own_days.periods_per_year
    ),
    "calmar_ratio": lambda statistics, prepared: calmar_ratio(statistics, years=_years(prepared)),
    "total_return": lambda statistics, _: total_return(statistics),
    "profit_factor": lambda statistics, _: profit_factor(statistics),
    "win_rate": lambda statistics, _: win_rate(statistics),
}
"""What a search may maximise, by name."""


def objective(name: str, statistics: GridStatistics, prepared: PreparedBars) -> FloatArray1D:
    """Return the objective of that name for each combination, shape (n_combos,); NaN where it is undefined.

    Parameters
    ----------
    name : str
        One of `OBJECTIVES`.
    statistics : GridStatistics
    prepared : PreparedBars
        The bars they are of: says the days and the years.

    Raises
    ------
    UnknownNameError
        If there is no such objective; the message lists those there are.
    """
    if name not in OBJECTIVES:
        raise UnknownNameError(f"unknown objective {name!r}; there are {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name](statistics, prepared)


def _ratio(numerator: FloatArray1D, denominator: FloatArray1D) -> FloatArray1D:
    """Return numerator over denominator, NaN unless the denominator is above zero."""
    quotient = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0.0)
    return quotient
