"""Cost stress: what is left when trading costs more than assumed.

Belongs here: one signal simulated at several multiples of its costs. Not here: which costs there are
(`backtest.prepared`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot_core_dagster import metrics
from bot_core_dagster.backtest.general_kernel import simulate
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.metrics.arrays import FloatArray1D

MULTIPLIERS: Final = (1.0, 2.0)


@dataclass(frozen=True)
class StressedResult:
    """Figures of one backtest at a multiple of its costs.

    multiplier : of fee, spread, slippage and the financing that is paid
    total_return : a fraction
    sharpe_ratio : annualised, of daily returns; NaN where they do not vary, and after a ruin
    max_drawdown : over bar closes, a fraction from -1 to 0
    """

    multiplier: float
    total_return: float
    sharpe_ratio: float
    max_drawdown: float


def cost_stress(
    prepared: PreparedBars, signal: FloatArray1D, rules: TradingRules, *, multipliers: Sequence[float] = MULTIPLIERS
) -> tuple[StressedResult, ...]:
    """Return the figures of trading `signal` at each multiple of the costs.

    Parameters
    ----------
    prepared : PreparedBars
    signal : ndarray of shape (n_bars,)
        +1 long, -1 short (flat where shorts are not allowed), 0 flat, NaN keep; the same at every cost.
    rules : TradingRules
    multipliers : sequence of float
        0 or more; 0 is gross.

    Returns
    -------
    tuple of StressedResult
        In the order of `multipliers`.

    Raises
    ------
    ShapeError
        As `general_kernel.simulate`.
    """
    return tuple(_at(prepared, signal, rules, multiplier) for multiplier in multipliers)


def _at(prepared: PreparedBars, signal: FloatArray1D, rules: TradingRules, multiplier: float) -> StressedResult:
    days = prepared.own_days
    equity = simulate(prepared, signal, rules, cost_multiplier=multiplier).equity
    returns = metrics.simple_returns(equity[days.last_bar + 1])
    return StressedResult(
        multiplier=multiplier,
        total_return=float(equity[-1] - 1.0),
        sharpe_ratio=metrics.sharpe_ratio(returns, periods_per_year=days.periods_per_year),
        max_drawdown=metrics.maximum_drawdown(equity),
    )
