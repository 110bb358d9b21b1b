"""The result of a backtest.

Belongs here: its shape. Not here: how it comes about (`backtest.engine`), how it is stored (`backtest.tables`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from bot_core_dagster.backtest.fills import fills_frame
from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.backtest.summary import Summary

CURVES: Final = ("equity", "gross_equity", "double_cost_equity", "buy_and_hold")
"""Net of costs; without costs; at twice the costs; bought with all of the equity at the second bar's open, at cost, and
held. The first is the result; all are multiples of the starting equity."""


@dataclass(frozen=True)
class Backtest:
    """One strategy on one instrument, simulated over its bars.

    strategy, symbol, timeframe : what was simulated
    parameters_used : the strategy's parameters
    rules : how its signal was traded
    trades : DataFrame of `backtest.trades.TRADE_COLUMNS`
    equity : DataFrame of shape (n_bars, 6): close_time, the CURVES at that close, position (1, 0 or -1 after the
        bar's open)
    daily_equity : DataFrame: sampling, day_end, the CURVES; the day ends after the start, up to the next expected bar
    summary : the figures, with what a headline must carry
    is_simulated : whether any bar was made by the simulated source
    """

    strategy: str
    symbol: str
    timeframe: str
    parameters_used: Mapping[str, float]
    rules: TradingRules
    trades: pd.DataFrame
    equity: pd.DataFrame
    daily_equity: pd.DataFrame
    summary: Summary
    is_simulated: bool

    def fills(self) -> pd.DataFrame:
        """Return the single executions, of `backtest.fills.FILL_COLUMNS`, in their order."""
        return fills_frame(self.trades)
