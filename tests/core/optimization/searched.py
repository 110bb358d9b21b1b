"""A small search that several tests look at, and what it was made of.

Belongs here: one simulated half-year with a planted edge, and its optimisation. Not here: tests.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pandas as pd

from bot_core_dagster.backtest.rules import TradingRules
from bot_core_dagster.market.simulated import SimulatedSource
from bot_core_dagster.optimization import Optimization, optimize_strategy
from bot_core_dagster.settings import Instrument, OptimizationSettings
from bot_core_dagster.strategies.registry import strategy_named
from bot_core_dagster.strategies.strategy import Strategy
from tests.builders import instrument

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2024, 7, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Searched:
    """Bars, strategy, instrument, and the optimisation of them."""

    bars: pd.DataFrame
    strategy: Strategy
    instrument: Instrument
    found: Optimization


@cache
def simulated(edge: float = 0.5, seed: int = 1, start: datetime = START, end: datetime = END) -> pd.DataFrame:
    """Return hours of the simulated BTCUSDT with a planted edge."""
    return SimulatedSource(seed, edge).fetch(instrument(), start, end).bars


def settings(**changed: Any) -> OptimizationSettings:
    """Return settings of a small search, with fields changed by keyword."""
    return OptimizationSettings.model_validate({"parameter_variations": 40} | changed)


@cache
def searched(edge: float = 0.5, strategy: str = "rsi", rules: TradingRules | None = None) -> Searched:
    """Return the optimisation of half a year, made once for all tests."""
    bars, tried, traded = simulated(edge), strategy_named(strategy), instrument()
    found = optimize_strategy(bars, tried, traded, rules=rules or TradingRules(), settings=settings())
    return Searched(bars, tried, traded, found)
