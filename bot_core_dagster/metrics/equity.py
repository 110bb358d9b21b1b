"""The path of equity: growth and drawdown.

Belongs here: figures of an equity curve over bar closes. Not here: figures of its returns (`metrics.ratios`).
"""

import math
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from bot_core_dagster.errors import TimeError
from bot_core_dagster.metrics.arrays import FloatArray1D, require_1d
from bot_core_dagster.timeframe import require_utc

DAYS_PER_YEAR: Final = 365.25


def years_between(start: datetime, end: datetime) -> float:
    """Return the elapsed years of 365.25 days from `start` to `end`.

    Raises
    ------
    TimeError
        If one of them has no zone or `end` is before `start`.
    """
    elapsed = require_utc(end, "end") - require_utc(start, "start")
    if elapsed < timedelta(0):
        raise TimeError(f"expected an end after the start, got {start.isoformat()} to {end.isoformat()}")
    return elapsed / timedelta(days=DAYS_PER_YEAR)


def simple_returns(equity: FloatArray1D) -> FloatArray1D:
    """Return E_t / E_{t-1} - 1 of each period, shape (n_periods,), from n_periods + 1 equities; NaN after a ruin.

    Raises
    ------
    ShapeError
        If `equity` is not one-dimensional or is empty.
    """
    require_1d(equity, "equity", at_least=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return equity[1:] / equity[:-1] - 1.0


def drawdown(equity: FloatArray1D) -> FloatArray1D:
    """Return how far the equity stands below its highest so far: E / cummax(E) - 1, a fraction from -1 to 0.

    Parameters
    ----------
    equity : ndarray of shape (n_periods + 1,)
        The starting equity, then the equity at each close; positive.

    Raises
    ------
    ShapeError
        If `equity` is not one-dimensional or is empty.
    """
    require_1d(equity, "equity", at_least=1)
    return equity / np.maximum.accumulate(equity) - 1.0


def maximum_drawdown(equity: FloatArray1D) -> float:
    """Return the deepest fall from a peak: the minimum of `drawdown`, NaN where `equity` holds one.

    Raises
    ------
    ShapeError
        If `equity` is not one-dimensional or is empty.

    References
    ----------
    Magdon-Ismail, M., Atiya, A. (2004). Maximum Drawdown. Risk Magazine 17(10).
    """
    return float(drawdown(equity).min())


def cagr(start_equity: float, end_equity: float, *, years: float) -> float:
    """Return the compound annual growth rate (E_T / E_0)^(1 / years) - 1.

    Returns
    -------
    float
        A fraction per year; NaN over no time, and where the equity starts or ends at or below zero.
    """
    if not (years > 0.0 and start_equity > 0.0 and end_equity > 0.0):
        return math.nan
    try:
        return math.expm1(math.log(end_equity / start_equity) / years)
    except OverflowError:
        return math.inf


def calmar_ratio(growth: float, drawdown: float) -> float:
    """Return the compound annual growth rate over the absolute maximum drawdown.

    Returns
    -------
    float
        Dimensionless; NaN without a drawdown.

    References
    ----------
    Young, T. W. (1991). Calmar Ratio: A Smoother Tool. Futures 20(1).
    """
    return growth / abs(drawdown) if drawdown != 0.0 else math.nan
