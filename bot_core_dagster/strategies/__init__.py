"""Strategies: from closed bars to the position to hold.

Belongs here: the protocol, one file a strategy, and the list of them. Not here: fills and costs (`backtest`),
indicators (`features`). A strategy says what to hold from the close of each bar on, reading that bar and earlier ones.
"""

from bot_core_dagster.strategies.registry import STRATEGIES, enabled_strategies, strategy_named
from bot_core_dagster.strategies.rsi import RsiStrategy
from bot_core_dagster.strategies.strategy import Strategy

__all__ = ["STRATEGIES", "RsiStrategy", "Strategy", "enabled_strategies", "strategy_named"]
