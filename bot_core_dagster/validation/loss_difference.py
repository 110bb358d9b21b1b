"""Whether one forecast is better than another: Diebold and Mariano's test with its small-sample correction.

Belongs here: the test of two series of losses. Not here: losses (of the models), several challengers (their Holm
correction), the variance of a mean (`validation.long_run_variance`), Sharpe ratios (`validation.sharpe_difference`).
"""

import math
from typing import NamedTuple

import numpy as np

from bot_core_dagster.errors import ShapeError
from bot_core_dagster.metrics.arrays import FloatArray1D, require_1d
from bot_core_dagster.validation.long_run_variance import automatic_lags, long_run_variance


class DieboldMariano(NamedTuple):
    """The corrected statistic, below 0 where `a` loses less, and its p-value."""

    statistic: float
    p_value: float


def diebold_mariano(
    loss_a: FloatArray1D,
    loss_b: FloatArray1D,
    horizon: int = 1,
    *,
    is_one_sided: bool = False,
    n_lags: int | None = None,
) -> DieboldMariano:
    """Test whether two forecasts lose alike.

    Parameters
    ----------
    loss_a, loss_b : ndarray of shape (n_periods,)
        Of the challenger and of the champion, for the same forecasts, in order of time; the lower the better.
    horizon : int
        Periods that a forecast looks ahead, 1 or more: those of neighbouring periods overlap.
    is_one_sided : bool
        Ask whether `a` is better, instead of whether they differ.
    n_lags : int, optional
        Autocovariances in the variance, 0 or more; by default chosen automatically, at least horizon - 1.

    Returns
    -------
    DieboldMariano
        NaN where the losses differ by a constant or not at all, and where one is NaN.

    Raises
    ------
    ShapeError
        If the arrays are not one-dimensional and of one length of two or more, or the horizon or the lags are too few
        or not fewer than the periods.

    References
    ----------
    Diebold, F. X., Mariano, R. S. (1995). Comparing Predictive Accuracy. Journal of Business & Economic Statistics
    13(3). Harvey, D., Leybourne, S., Newbold, P. (1997). Testing the Equality of Prediction Mean Squared Errors.
    International Journal of Forecasting 13(2).
    """
    from scipy.special import stdtr

    _require_losses(loss_a, loss_b, horizon, n_lags)
    difference = loss_a - loss_b
    n_periods = len(difference)
    if np.isnan(difference).any() or (difference == difference[0]).all():
        return DieboldMariano(math.nan, math.nan)
    if n_lags is None:
        n_lags = min(max(automatic_lags(difference), horizon - 1), n_periods - 1)
    variance = long_run_variance(difference, n_lags) / n_periods
    correction = (n_periods + 1.0 - 2.0 * horizon + horizon * (horizon - 1.0) / n_periods) / n_periods
    if not variance > 0.0:
        return DieboldMariano(math.nan, math.nan)
    statistic = float(difference.mean()) * math.sqrt(correction / variance)
    if is_one_sided:
        return DieboldMariano(statistic, float(stdtr(n_periods - 1, statistic)))
    return DieboldMariano(statistic, 2.0 * float(stdtr(n_periods - 1, -abs(statistic))))


def _require_losses(loss_a: FloatArray1D, loss_b: FloatArray1D, horizon: int, n_lags: int | None) -> None:
    require_1d(loss_a, "loss_a", at_least=2)
    require_1d(loss_b, "loss_b", at_least=2)
    if len(loss_a) != len(loss_b):
        raise ShapeError(
            f"expected losses of the same forecasts, got {len(loss_a)} and {len(loss_b)}; next: keep those of both"
        )
    if not 1 <= horizon < len(loss_a) or not 0 <= (n_lags or 0) < len(loss_a):
        raise ShapeError(
            f"expected a horizon of 1 or more, lags of 0 or more, and both below the {len(loss_a)} periods, "
            f"got horizon {horizon} and lags {n_lags}; next: more periods"
        )
