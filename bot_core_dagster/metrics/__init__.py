"""Metrics: what an equity curve and its trades are worth, by the conventions of a credible report.

Belongs here: formulas over arrays, each with its source. Not here: simulation (`backtest`), what is recommended on
their strength (`portfolio`). Undefined is NaN, never 0.
"""

from bot_core_dagster.metrics.equity import (
    cagr,
    calmar_ratio,
    drawdown,
    maximum_drawdown,
    simple_returns,
    years_between,
)
from bot_core_dagster.metrics.interval import Interval, sharpe_interval
from bot_core_dagster.metrics.ratios import sharpe_ratio, sortino_ratio
from bot_core_dagster.metrics.sampling import NEW_YORK, UTC_DAYS, Sampling, day_ends, equity_at_day_ends, sampling_of
from bot_core_dagster.metrics.significance import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    probabilistic_sharpe_ratio,
)
from bot_core_dagster.metrics.trades import expectancy, exposure, profit_factor, turnover, win_rate

__all__ = [
    "NEW_YORK",
    "UTC_DAYS",
    "Interval",
    "Sampling",
    "cagr",
    "calmar_ratio",
    "day_ends",
    "deflated_sharpe_ratio",
    "drawdown",
    "equity_at_day_ends",
    "expectancy",
    "expected_maximum_sharpe",
    "exposure",
    "maximum_drawdown",
    "probabilistic_sharpe_ratio",
    "profit_factor",
    "sampling_of",
    "sharpe_interval",
    "sharpe_ratio",
    "simple_returns",
    "sortino_ratio",
    "turnover",
    "win_rate",
    "years_between",
]
