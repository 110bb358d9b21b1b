"""How sure one can be of a Sharpe ratio: the stationary bootstrap.

Belongs here: resampling intervals. Not here: closed formulas (`metrics.significance`), the resampling itself
(`metrics.bootstrap`, `metrics.block_length`: the arch library's loop takes a second, and its import two).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D, require_1d
from bot_core_dagster.metrics.block_length import optimal_block_length
from bot_core_dagster.metrics.bootstrap import stationary_resamples
from bot_core_dagster.metrics.ratios import sharpe_ratio, sharpe_ratios

MIN_PERIODS: Final = 20
"""Below this no interval is given: the automatic block length has nothing to go by."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval: a share `confidence` of such intervals hold the true figure; NaN where undefined."""

    low: float
    high: float
    confidence: float


def sharpe_interval(
    returns: FloatArray1D, *, periods_per_year: float, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Return a percentile interval of the annualised Sharpe ratio by the stationary bootstrap.

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)
        Simple excess returns as fractions.
    periods_per_year : float
        365 for daily crypto, 260 for daily FX.
    confidence : float
        Between 0 and 1.
    seed : int
        The same seed gives the same interval (with the same numpy).

    Returns
    -------
    Interval
        NaN for fewer than 20 periods, for returns that do not vary, and where more than 1 - confidence of the resamples
        do not vary (a strategy that hardly ever traded).

    Raises
    ------
    ShapeError
        If `returns` is not one-dimensional.

    References
    ----------
    Politis, D. N., Romano, J. P. (1994). The Stationary Bootstrap. JASA 89(428).
    Patton, A., Politis, D. N., White, H. (2009). Correction to "Automatic Block-Length Selection for the Dependent
    Bootstrap". Econometric Reviews 28(4).
    """
    require_1d(returns, "returns")
    undefined = Interval(math.nan, math.nan, confidence)
    if len(returns) < MIN_PERIODS or math.isnan(sharpe_ratio(returns, periods_per_year=periods_per_year)):
        return undefined
    sharpes = _resampled_sharpes(returns, seed) * math.sqrt(periods_per_year)
    if np.isnan(sharpes).mean() > 1.0 - confidence:
        return undefined
    low, high = np.nanquantile(sharpes, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    return Interval(float(low), float(high), confidence)


def _resampled_sharpes(returns: FloatArray1D, seed: int) -> FloatArray1D:
    block_length = max(optimal_block_length(returns), 1.0)
    drawn = stationary_resamples(len(returns), block_length=block_length, seed=seed)
    return np.concatenate([sharpe_ratios(returns[periods]) for periods in drawn])
