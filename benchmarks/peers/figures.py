"""The statistics that every peer must give: those of `bot_core_dagster.backtest.statistics`, under the peers' Python.

Belongs here: what follows from the equity at day ends. Not here: what a peer reckons itself (its script).
"""

import numpy as np

from benchmarks.peers.serve import Arrays


def with_objectives(answer: Arrays, *, periods_per_year: float, years: float) -> Arrays:
    """Return the answer with the annualised ratios of its `daily_equity`, shape (n_combos, n_days + 1)."""
    equity = answer["daily_equity"]
    returns = equity[:, 1:] / equity[:, :-1] - 1.0
    annual, root = periods_per_year * returns.mean(axis=1), np.sqrt(periods_per_year)
    growth = answer["final_equity"] ** (1.0 / years) - 1.0
    shortfall = np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2, axis=1))
    return answer | {
        "sharpe_ratio": _over(annual, root * returns.std(axis=1, ddof=1)),
        "sortino_ratio": _over(annual, root * shortfall),
        "calmar_ratio": _over(growth, np.abs(answer["max_drawdown"])),
        "total_return": answer["final_equity"] - 1.0,
        "win_rate": _over(answer["n_winning"], answer["n_trades"]),
    }


def _over(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return the quotient, NaN where the denominator is zero."""
    quotient = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0.0)
    return quotient


def of_curve(equity: np.ndarray, last_bar: np.ndarray, profits: np.ndarray) -> Arrays:
    """Return the figures of one simulation.

    Parameters
    ----------
    equity : ndarray of shape (n_bars,)
        At each bar's close, 1 at the start.
    last_bar : ndarray of shape (n_days + 1,)
        Last bar closed by each day's end, -1 before the first.
    profits : ndarray of shape (n_trades,)
        Net, of closed trades.
    """
    from_start = np.concatenate([[1.0], equity])
    return {
        "daily_equity": from_start[last_bar + 1][None],
        "final_equity": from_start[-1:],
        "max_drawdown": np.array([(from_start / np.maximum.accumulate(from_start) - 1.0).min()]),
        "n_trades": np.array([len(profits)]),
        "n_winning": np.array([(profits > 0.0).sum()]),
        "gains": np.array([profits[profits > 0.0].sum()]),
        "losses": np.array([profits[profits <= 0.0].sum()]),
    }
