"""The worst periods: value at risk and what is lost beyond it.

Belongs here: historical figures of the lower tail, as returns (a loss is below zero, as a drawdown is). Not here:
moments of all returns (`metrics.moments`), the path of equity (`metrics.equity`).
"""

import math
from typing import Final

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D, require_1d

TAIL_SHARE: Final = 0.05
"""The worst 5 % of periods."""


def value_at_risk(returns: FloatArray1D, *, tail_share: float = TAIL_SHARE) -> float:
    """Return the best return among the worst `tail_share` of periods: historical, nothing assumed about their shape.

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)
        Simple returns as fractions.
    tail_share : float
        Between 0 and 1.

    Returns
    -------
    float
        The ⌈n · tail_share⌉th smallest return, a fraction, negative where it is a loss; NaN without returns and where
        one is NaN.

    Raises
    ------
    ShapeError
        If `returns` is not one-dimensional.

    References
    ----------
    Jorion, P. (2006). Value at Risk, 3rd edition, chapter 5.
    """
    require_1d(returns, "returns")
    if not len(returns):
        return math.nan
    return float(np.quantile(returns, tail_share, method="inverted_cdf"))


def conditional_value_at_risk(returns: FloatArray1D, *, tail_share: float = TAIL_SHARE) -> float:
    """Return the mean of the worst `tail_share` of periods, the last of them counted by the share that belongs to it.

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)
        Simple returns as fractions.
    tail_share : float
        Between 0 and 1.

    Returns
    -------
    float
        A fraction, negative where it is a loss, never above the value at risk; NaN without returns and where one is
        NaN.

    Raises
    ------
    ShapeError
        If `returns` is not one-dimensional.

    References
    ----------
    Acerbi, C., Tasche, D. (2002). On the Coherence of Expected Shortfall. Journal of Banking and Finance 26(7).
    """
    require_1d(returns, "returns")
    at_risk = value_at_risk(returns, tail_share=tail_share)
    if math.isnan(at_risk):
        return math.nan
    beyond = np.minimum(returns - at_risk, 0.0).sum() / (len(returns) * tail_share)
    return float(at_risk + beyond)
