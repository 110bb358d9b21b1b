"""Streaks: how many trades in a row win or lose.

Belongs here: consecutive outcomes of closed trades. Not here: how often they win (`metrics.trades`).
"""

import numpy as np

from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D, require_1d


def longest_winning_streak(net_profits: FloatArray1D) -> int:
    """Return the most consecutive closed trades with a net profit above zero; 0 without one.

    Parameters
    ----------
    net_profits : ndarray of shape (n_trades,)
        Profit of each closed trade after its costs, in the order of their exits.

    Raises
    ------
    ShapeError
        If `net_profits` is not one-dimensional.
    """
    require_1d(net_profits, "net_profits")
    return _longest_streak(net_profits > 0.0)


def longest_losing_streak(net_profits: FloatArray1D) -> int:
    """Return the most consecutive closed trades that are no win: a net profit of zero is none, as in `win_rate`.

    Raises
    ------
    ShapeError
        If `net_profits` is not one-dimensional.
    """
    require_1d(net_profits, "net_profits")
    return _longest_streak(~(net_profits > 0.0))


def _longest_streak(holds: BoolArray1D) -> int:
    edges = np.flatnonzero(np.diff(holds, prepend=False, append=False))
    lengths = edges[1::2] - edges[::2]
    return int(lengths.max()) if len(lengths) else 0
