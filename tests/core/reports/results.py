"""Backtests and optimisations for the tests of pages and pictures.

Belongs here: one of each, varied by keyword, computed once a session. Not here: their bars (`tests.builders`), reviews
(`tests.core.reports.reviewed`).
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pandas as pd

from bot_core_dagster.backtest import Backtest, TradingRules, backtest_strategy
from bot_core_dagster.optimization import Optimization, optimize_strategy
from bot_core_dagster.reports import Provenance
from bot_core_dagster.settings import OptimizationSettings
from bot_core_dagster.strategies.registry import strategy_named
from tests.builders import bars, instrument

PROVENANCE = Provenance(datetime(2024, 5, 1, 4, 0, tzinfo=UTC), "1.2.3+abc", {"bars of BTCUSDT": "ab" * 32})
BOTH_WAYS = TradingRules(allow_short=True, stop=0.02, target=0.012, trailing_stop=0.025)
"""With these all reasons to leave a trade occur within some thousand bars."""

OFTEN = (("window", 5.0),)
"""Parameters of rsi that trade every few bars."""


@cache
def simulated_bars(
    n_bars: int, symbol: str = "BTCUSDT", timeframe: str = "1h", source: str = "file:test"
) -> pd.DataFrame:
    """Return bars; not to be changed."""
    return bars(n_bars, symbol=symbol, timeframe=timeframe, source=source, seed=3)


@cache
def backtest(
    n_bars: int = 4_000,
    *,
    symbol: str = "BTCUSDT",
    timeframe: str = "1h",
    source: str = "file:test",
    calendar: str = "crypto",
    rules: TradingRules = BOTH_WAYS,
    parameters: tuple[tuple[str, float], ...] = OFTEN,
) -> tuple[Backtest, pd.DataFrame]:
    """Return rsi traded on the bars, and these."""
    given = simulated_bars(n_bars, symbol, timeframe, source)
    traded = instrument(symbol=symbol, timeframe=timeframe, calendar=calendar)
    return backtest_strategy(given, strategy_named("rsi"), dict(parameters), traded, rules), given


@cache
def optimization(
    n_bars: int = 4_000, *, strategy: str = "rsi", symbol: str = "BTCUSDT", source: str = "file:test", **settings: Any
) -> tuple[Optimization, pd.DataFrame]:
    """Return a search over the bars, and these."""
    given = simulated_bars(n_bars, symbol, "1h", source)
    asked = OptimizationSettings.model_validate({"parameter_variations": 60} | settings)
    traded, searched = instrument(symbol=symbol), strategy_named(strategy)
    return optimize_strategy(given, searched, traded, rules=TradingRules(), settings=asked), given
