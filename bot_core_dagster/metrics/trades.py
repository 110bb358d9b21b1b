"""Figures of trades: how often and how much they win, and how busy the strategy was.

Belongs here: figures of net profits in money and of positions. Not here: figures of returns per period
(`metrics.ratios`): a ratio of trades hides how long they lasted.
"""

import math

import numpy as np

from bot_core_dagster.metrics.arrays import BoolArray1D, FloatArray1D, require_1d


def win_rate(net_profits: FloatArray1D) -> float:
    """Return the share of closed trades with a net profit above zero; NaN without trades.

    Parameters
    ----------
    net_profits : ndarray of shape (n_trades,)
        Profit of each closed trade after its costs, in money.

    Raises
    ------
    ShapeError
        If `net_profits` is not one-dimensional.
    """
    require_1d(net_profits, "net_profits")
    return float(np.mean(net_profits > 0.0)) if len(net_profits) else math.nan


def profit_factor(net_profits: FloatArray1D) -> float:
    """Return the sum of gains over the absolute sum of losses, in money; NaN where nothing was lost.

    Raises
    ------
    ShapeError
        If `net_profits` is not one-dimensional.
    """
    require_1d(net_profits, "net_profits")
    losses = -net_profits[net_profits < 0.0].sum()
    return float(net_profits[net_profits > 0.0].sum() / losses) if losses > 0.0 else math.nan


def expectancy(net_profits: FloatArray1D) -> float:
    """Return p x mean win - (1 - p) x mean loss, in money a trade; NaN without trades.

    A trade with no net profit counts as a loss of zero or more, as in `win_rate`.

    Raises
    ------
    ShapeError
        If `net_profits` is not one-dimensional.
    """
    require_1d(net_profits, "net_profits")
    if not len(net_profits):
        return math.nan
    is_win = net_profits > 0.0
    share = float(is_win.mean())
    mean_win = float(net_profits[is_win].mean()) if is_win.any() else 0.0
    mean_loss = float(-net_profits[~is_win].mean()) if not is_win.all() else 0.0
    return share * mean_win - (1.0 - share) * mean_loss


def exposure(is_in_position: BoolArray1D) -> float:
    """Return the share of bars in position; NaN without bars."""
    return float(np.mean(is_in_position)) if len(is_in_position) else math.nan


def turnover(traded_notionals: FloatArray1D, equity: FloatArray1D, *, years: float) -> float:
    """Return the traded notional over the mean equity, per year.

    Parameters
    ----------
    traded_notionals : ndarray of shape (n_fills,)
        Quantity times price of each fill, in the money of `equity`.
    equity : ndarray of shape (n_bars,)
        Equity at each bar's close.
    years : float
        Elapsed years.

    Returns
    -------
    float
        Times per year, buys and sells both counted; NaN over no time.

    Raises
    ------
    ShapeError
        If an array is not one-dimensional or `equity` is empty.
    """
    require_1d(traded_notionals, "traded_notionals")
    require_1d(equity, "equity", at_least=1)
    return float(np.abs(traded_notionals).sum() / equity.mean() / years) if years > 0.0 else math.nan
