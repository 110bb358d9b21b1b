"""Backtests: what following a strategy's decisions would have earned, after costs.

Belongs here: fills, the simulation, its trades, equity and figures, and their tables. Not here: decisions
(`strategies`), formulas (`metrics`), the portfolio of several (`portfolio`).
"""

from bot_core_dagster.backtest.engine import backtest_strategy, is_financing_known, run_backtest
from bot_core_dagster.backtest.result import CURVES, Backtest
from bot_core_dagster.backtest.summary import Summary
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
    "Summary",
    "backtest_rows",
    "backtest_strategy",
    "bar_equity_rows",
    "equity_rows",
    "is_financing_known",
    "run_backtest",
    "trade_rows",
]
