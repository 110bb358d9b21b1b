"""Strategies: from closed bars to the position to hold.

Belongs here: what a strategy is, its parameters, one file of `strategies.catalog` a strategy, and the list of them. Not
here: fills and costs (`backtest`), indicators (`features`), the search for parameters (`optimization`). A strategy says
at the close of each bar what to hold from the next open on, reading that bar and earlier ones.
"""

from bot_core_dagster.strategies.free import SignalStrategy
from bot_core_dagster.strategies.opinions import Opinions
from bot_core_dagster.strategies.parameters import Constraint, Parameter, ParameterSpace
from bot_core_dagster.strategies.registry import (
    check_settings,
    enabled_strategies,
    settings_of,
    strategies,
    strategy_named,
)
from bot_core_dagster.strategies.rules import RuleStrategy
from bot_core_dagster.strategies.strategy import Strategy
from bot_core_dagster.strategies.threshold import ThresholdStrategy
from bot_core_dagster.strategies.two_timeframes import TwoTimeframes

__all__ = [
    "Constraint",
    "Opinions",
    "Parameter",
    "ParameterSpace",
    "RuleStrategy",
    "SignalStrategy",
    "Strategy",
    "ThresholdStrategy",
    "TwoTimeframes",
    "check_settings",
    "enabled_strategies",
    "settings_of",
    "strategies",
    "strategy_named",
]
