"""Backtests: what following a strategy's decisions would have earned, after costs.

Belongs here: the simulation and its kernels, its trades, equity and figures, and their tables. Not here: decisions
(`strategies`), formulas (`metrics`), the search for parameters (`optimization`), the portfolio of several
(`portfolio`).
"""

from bot_core_dagster.backtest.engine import backtest_strategy, is_financing_known, quick_statistics, run_backtest
from bot_core_dagster.backtest.grid import run_grid
from bot_core_dagster.backtest.prepared import PreparedBars
from bot_core_dagster.backtest.result import CURVES, Backtest
from bot_core_dagster.backtest.rules import TradingRules, equity_of_sleeve
from bot_core_dagster.backtest.statistics import GridStatistics
from bot_core_dagster.backtest.summary import Summary, Trials
from bot_core_dagster.backtest.tables import (
    BACKTESTS,
    BAR_EQUITY,
    EQUITY,
    TRADES,
    backtest_rows,
    bar_equity_rows,
    equity_rows,
    trade_rows,
)

__all__ = [
    "BACKTESTS",
    "BAR_EQUITY",
    "CURVES",
    "EQUITY",
    "TRADES",
    "Backtest",
    "GridStatistics",
    "PreparedBars",
    "Summary",
    "TradingRules",
    "Trials",
    "backtest_rows",
    "backtest_strategy",
    "bar_equity_rows",
    "equity_of_sleeve",
    "equity_rows",
    "is_financing_known",
    "quick_statistics",
    "run_backtest",
    "run_grid",
    "trade_rows",
]
