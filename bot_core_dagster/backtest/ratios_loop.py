"""The compiled loop of the ratios: Sharpe and Sortino ratios of many daily equities, each row while it is in the cache.

Belongs here: these two over rows. Not here: what they mean, and their readable twins (`metrics.ratios`), who asks
(`backtest.statistics`, which imports this module on use: numba takes a while to load).

Sums run in four lanes: one after the other, each addition would wait for the one before.
"""

import math

import numpy as np

from bot_core_dagster.backtest.compiling import compiled
from bot_core_dagster.features.definition import FloatArray2D
from bot_core_dagster.metrics.arrays import FloatArray1D
from bot_core_dagster.metrics.ratios import ROUNDING


@compiled
def _fill_returns(equity: FloatArray1D, returns: FloatArray1D) -> float:
    """Fill the simple returns of an equity; return their mean."""
    for day in range(len(returns)):
        returns[day] = equity[day + 1] / equity[day] - 1.0
    a, b, c, d, whole = 0.0, 0.0, 0.0, 0.0, len(returns) // 4 * 4
    for day in range(0, whole, 4):
        a, b, c, d = a + returns[day], b + returns[day + 1], c + returns[day + 2], d + returns[day + 3]
    for day in range(whole, len(returns)):
        a += returns[day]
    return ((a + b) + (c + d)) / len(returns)


@compiled
def _mean_square(values: FloatArray1D, origin: float, highest: float, n_counted: int) -> float:
    """Return the sum of the squares of min(value - origin, highest), divided by `n_counted`."""
    a, b, c, d, whole = 0.0, 0.0, 0.0, 0.0, len(values) // 4 * 4
    for day in range(0, whole, 4):
        p, q = min(values[day] - origin, highest), min(values[day + 1] - origin, highest)
        r, s = min(values[day + 2] - origin, highest), min(values[day + 3] - origin, highest)
        a, b, c, d = a + p * p, b + q * q, c + r * r, d + s * s
    for day in range(whole, len(values)):
        p = min(values[day] - origin, highest)
        a += p * p
    return ((a + b) + (c + d)) / n_counted


@compiled
def sharpe_ratios(daily: FloatArray2D) -> FloatArray1D:
    """Return the Sharpe ratio per day of each equity, shape (n_combos,), of `daily` (n_combos, n_days + 1).

    NaN where the returns do not vary or hold a NaN; two days or more.
    """
    returns, ratios = np.empty(daily.shape[1] - 1), np.empty(len(daily))
    for row in range(len(daily)):
        mean = _fill_returns(daily[row], returns)
        deviation = math.sqrt(_mean_square(returns, mean, math.inf, len(returns) - 1))
        if deviation <= ROUNDING * abs(mean) and (returns == returns[0]).all():
            deviation = 0.0
        ratios[row] = mean / deviation if deviation != 0.0 else math.nan
    return ratios


@compiled
def sortino_ratios(daily: FloatArray2D) -> FloatArray1D:
    """Return the Sortino ratio per day of each equity, as `sharpe_ratios`; NaN where no day falls short."""
    returns, ratios = np.empty(daily.shape[1] - 1), np.empty(len(daily))
    for row in range(len(daily)):
        mean = _fill_returns(daily[row], returns)
        shortfall = math.sqrt(_mean_square(returns, 0.0, 0.0, len(returns)))
        ratios[row] = mean / shortfall if shortfall > 0.0 else math.nan
    return ratios
