"""Whether one curve has a higher Sharpe ratio than another: the paired, studentised stationary bootstrap.

Belongs here: intervals and p-values of the difference over the same periods. Not here: the interval of one ratio
(`metrics.interval`), the choice among many (`validation.spa`), the gate that asks (`optimization.gate`).

Both series are resampled at the same periods, so what they share cancels. Each resampled difference is divided by its
own standard error. Without that, 60 days of few trades beat cash by chance in 13 % of samples at a level of 5 %, with
it in 9 %, and from 120 days on in 4 to 6 % (400 simulations each).
"""

import math
from dataclasses import dataclass

import numpy as np

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics import Interval, optimal_block_length, stationary_resamples
from bot_core_dagster.metrics.arrays import FloatArray1D, FloatArray2D, require_1d
from bot_core_dagster.metrics.interval import MIN_PERIODS


def p_value_of_better(returns_a: FloatArray1D, returns_b: FloatArray1D, *, seed: int = 0) -> float:
    """Return the one-sided p-value that the Sharpe ratio of `a` is above that of `b`.

    Parameters
    ----------
    returns_a, returns_b : ndarray of shape (n_periods,)
        Simple excess returns of the same periods. Returns that are all zero are cash: a Sharpe ratio of 0.
    seed : int
        The same seed gives the same p-value (with the same numpy).

    Returns
    -------
    float
        How often, were both equal, a studentised difference of the observed size would come up: small where `a` is
        better. At least 1 / 1001; NaN for fewer than 20 periods, a NaN among the returns, and a difference that does
        not vary.

    Raises
    ------
    ShapeError
        If the arrays are not one-dimensional and of one length.

    References
    ----------
    Ledoit, O., Wolf, M. (2008). Robust Performance Hypothesis Testing with the Sharpe Ratio. Journal of Empirical
    Finance 15(5). Davison, A. C., Hinkley, D. V. (1997). Bootstrap Methods and their Application, equation 4.11.
    """
    found = _bootstrapped(returns_a, returns_b, seed)
    if found is None:
        return math.nan
    is_as_large = ~(found.studentised < found.difference / found.error)
    return float((1 + np.count_nonzero(is_as_large)) / (1 + len(is_as_large)))


def sharpe_difference_interval(
    returns_a: FloatArray1D,
    returns_b: FloatArray1D,
    *,
    periods_per_year: float,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return a studentised interval of the annualised Sharpe ratio of `a` less that of `b`.

    Parameters
    ----------
    returns_a, returns_b : ndarray of shape (n_periods,)
        Simple excess returns of the same periods. Returns that are all zero are cash: a Sharpe ratio of 0.
    periods_per_year : float
        365 for daily crypto, 260 for daily FX.
    confidence : float
        Between 0 and 1.
    seed : int

    Returns
    -------
    Interval
        NaN where `p_value_of_better` is, and where more than 1 - confidence of the resamples do not vary.

    Raises
    ------
    ShapeError
        If the arrays are not one-dimensional and of one length.

    References
    ----------
    Ledoit and Wolf (2008).
    """
    found = _bootstrapped(returns_a, returns_b, seed)
    if found is None or np.isnan(found.studentised).mean() > 1.0 - confidence:
        return Interval(math.nan, math.nan, confidence)
    below, above = np.nanquantile(found.studentised, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    scale = math.sqrt(periods_per_year)
    return Interval(
        low=scale * (found.difference - float(above) * found.error),
        high=scale * (found.difference - float(below) * found.error),
        confidence=confidence,
    )


@dataclass(frozen=True, eq=False)
class _Bootstrap:
    """The difference per period, its standard error, and (d* - d) / error* of each resample, NaN where undefined."""

    difference: float
    error: float
    studentised: FloatArray1D


def _bootstrapped(returns_a: FloatArray1D, returns_b: FloatArray1D, seed: int) -> _Bootstrap | None:
    """Return None where too little is known for a bootstrap."""
    require_1d(returns_a, "returns_a")
    require_1d(returns_b, "returns_b")
    if len(returns_a) != len(returns_b):
        raise ShapeError(
            f"expected returns of the same periods, got {len(returns_a)} and {len(returns_b)}; "
            "next: sample both at the same day ends"
        )
    if len(returns_a) < MIN_PERIODS or np.isnan(returns_a).any() or np.isnan(returns_b).any():
        return None
    apart = returns_a - returns_b
    if (apart == apart[0]).all():
        return None
    block_length = max(optimal_block_length(apart), 1.0)
    n_lags = math.ceil(block_length)
    difference, error = _differences(returns_a[None, :], returns_b[None, :], n_lags)
    if not error[0] > 0.0:
        return None
    studentised = []
    for drawn in stationary_resamples(len(returns_a), block_length=block_length, seed=seed):
        resampled, its_error = _differences(returns_a[drawn], returns_b[drawn], n_lags)
        its_error[its_error == 0.0] = np.nan
        studentised.append((resampled - difference[0]) / its_error)
    return _Bootstrap(float(difference[0]), float(error[0]), np.concatenate(studentised))


def _differences(a: FloatArray2D, b: FloatArray2D, n_lags: int) -> tuple[FloatArray1D, FloatArray1D]:
    """Return the Sharpe ratios' difference of each row and its standard error."""
    sharpe_a, influence_a = _sharpe_and_influence(a)
    sharpe_b, influence_b = _sharpe_and_influence(b)
    influence = influence_a - influence_b
    n_periods = a.shape[1]
    variance = (influence**2).sum(axis=1)
    for lag in range(1, n_lags + 1):
        products = np.einsum("ij,ij->i", influence[:, lag:], influence[:, :-lag])
        variance += 2.0 * (1.0 - lag / (n_lags + 1.0)) * products
    return sharpe_a - sharpe_b, np.sqrt(np.maximum(variance, 0.0)) / n_periods


def _sharpe_and_influence(returns: FloatArray2D) -> tuple[FloatArray1D, FloatArray2D]:
    """Return the Sharpe ratio of each row, 0 for cash, and how much each period weighs in it (the delta method)."""
    mean = returns.mean(axis=1, keepdims=True)
    centred = returns - mean
    deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True))
    is_constant = (returns == returns[:, :1]).all(axis=1, keepdims=True)
    is_cash = is_constant & (returns[:, :1] == 0.0)
    deviation[is_constant | (deviation == 0.0)] = np.nan
    deviation[is_cash] = 1.0
    sharpe, scaled = mean / deviation, centred / deviation
    return sharpe[:, 0], scaled - sharpe / 2.0 * (scaled**2 - 1.0) * ~is_cash
