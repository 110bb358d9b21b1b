"""Metrics: what an equity curve and its trades are worth, by the conventions of a credible report.

Belongs here: formulas over arrays, each with its source. Not here: simulation (`backtest`), what is recommended on
their strength (`portfolio`). Undefined is NaN, never 0.
"""

from bot_core_dagster.metrics.benchmark import alpha, beta
from bot_core_dagster.metrics.block_length import optimal_block_length, optimal_block_lengths
from bot_core_dagster.metrics.bootstrap import stationary_resamples
from bot_core_dagster.metrics.equity import (
    cagr,
    calmar_ratio,
    drawdown,
    maximum_drawdown,
    simple_returns,
    years_between,
)
from bot_core_dagster.metrics.interval import Interval, sharpe_interval
from bot_core_dagster.metrics.moments import kurtosis, skewness, volatility
from bot_core_dagster.metrics.ratios import omega_ratio, sharpe_ratio, sharpe_ratios, sortino_ratio
from bot_core_dagster.metrics.sampling import NEW_YORK, UTC_DAYS, Sampling, day_ends, equity_at_day_ends, sampling_of
from bot_core_dagster.metrics.significance import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    probabilistic_sharpe_ratio,
)
from bot_core_dagster.metrics.streaks import longest_losing_streak, longest_winning_streak
from bot_core_dagster.metrics.tail import conditional_value_at_risk, value_at_risk
from bot_core_dagster.metrics.trades import expectancy, exposure, profit_factor, turnover, win_rate
from bot_core_dagster.metrics.under_water import current_time_under_water, longest_time_under_water, ulcer_index

__all__ = [
    "NEW_YORK",
    "UTC_DAYS",
    "Interval",
    "Sampling",
    "alpha",
    "beta",
    "cagr",
    "calmar_ratio",
    "conditional_value_at_risk",
    "current_time_under_water",
    "day_ends",
    "deflated_sharpe_ratio",
    "drawdown",
    "equity_at_day_ends",
    "expectancy",
    "expected_maximum_sharpe",
    "exposure",
    "kurtosis",
    "longest_losing_streak",
    "longest_time_under_water",
    "longest_winning_streak",
    "maximum_drawdown",
    "omega_ratio",
    "optimal_block_length",
    "optimal_block_lengths",
    "probabilistic_sharpe_ratio",
    "profit_factor",
    "sampling_of",
    "sharpe_interval",
    "sharpe_ratio",
    "sharpe_ratios",
    "simple_returns",
    "skewness",
    "sortino_ratio",
    "stationary_resamples",
    "turnover",
    "ulcer_index",
    "value_at_risk",
    "volatility",
    "win_rate",
    "years_between",
]
