"""The pain of a drawdown: how deep and how long equity stays below its highest so far.

Belongs here: figures that need every period below the peak. Not here: the deepest point alone (`metrics.equity`).
"""

import math

import numpy as np

from bot_core_dagster.metrics.arrays import FloatArray1D, IntArray1D, require_1d
from bot_core_dagster.metrics.equity import drawdown


def ulcer_index(equity: FloatArray1D) -> float:
    """Return the root mean square of the drawdown over all periods.

    Parameters
    ----------
    equity : ndarray of shape (n_periods + 1,)
        The starting equity, which is a peak but no period, then the equity at each close; positive.

    Returns
    -------
    float
        A fraction, 0 or more (0.05 is 5 %; Martin gives percent); NaN without a period.

    Raises
    ------
    ShapeError
        If `equity` is not one-dimensional or is empty.

    References
    ----------
    Martin, P., McCann, B. (1989). The Investor's Guide to Fidelity Funds, chapter 5.
    """
    require_1d(equity, "equity", at_least=1)
    depths = drawdown(equity)[1:]
    return float(np.sqrt(np.mean(depths**2))) if len(depths) else math.nan


def longest_time_under_water(equity: FloatArray1D) -> int:
    """Return the most consecutive closes below the highest equity so far, the present stretch included.

    Parameters
    ----------
    equity : ndarray of shape (n_periods + 1,)
        The starting equity, then the equity at each close; positive.

    Raises
    ------
    ShapeError
        If `equity` is not one-dimensional or is empty.
    """
    return int(_periods_under_water(equity).max())


def current_time_under_water(equity: FloatArray1D) -> int:
    """Return how many consecutive closes up to the last one lie below the highest equity so far; 0 at a new high.

    Raises
    ------
    ShapeError
        If `equity` is not one-dimensional or is empty.
    """
    return int(_periods_under_water(equity)[-1])


def _periods_under_water(equity: FloatArray1D) -> IntArray1D:
    """Return for each close how many closes ago equity last stood at its highest so far."""
    require_1d(equity, "equity", at_least=1)
    place = np.arange(len(equity))
    at_peak = np.maximum.accumulate(np.where(equity >= np.maximum.accumulate(equity), place, 0))
    return place - at_peak
