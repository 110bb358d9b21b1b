"""The smallest honest rows of backtests that the tests of the review build on.

Belongs here: rows of EQUITY, BAR_EQUITY and TRADES for chosen sleeves, varied by keyword. Not here: bars and
instruments (`tests.builders`), rows of real backtests (the tests that run them).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot_core_dagster.settings import Instrument
from tests.builders import instrument


def watchlist(*symbols: str, calendar: str = "crypto") -> tuple[Instrument, ...]:
    """Return instruments of these symbols, alike but for their names."""
    return tuple(instrument(symbol=symbol, calendar=calendar) for symbol in symbols)


def equity_rows(
    multiples: npt.ArrayLike,
    *,
    symbol: str = "BTCUSDT",
    strategy: str = "rsi",
    first: str = "2024-01-02",
    **changed: Any,
) -> pd.DataFrame:
    """Return a row a day from `first` (00:00 UTC), equity as given; the other curves follow from it.

    gross_equity is 1 % higher, double_cost_equity 1 % lower, buy_and_hold 1.
    """
    equity = np.asarray(multiples, dtype=np.float64)
    fields = {
        "strategy": strategy,
        "symbol": symbol,
        "timeframe": "1h",
        "sampling": "utc",
        "day_end": pd.date_range(first, periods=len(equity), freq="D", tz="UTC").as_unit("us"),
        "equity": equity,
        "gross_equity": equity * 1.01,
        "double_cost_equity": equity * 0.99,
        "buy_and_hold": np.ones(len(equity)),
        "simulated": False,
    }
    return pd.DataFrame(fields | changed)


def bar_rows(equity: pd.DataFrame) -> pd.DataFrame:
    """Return a bar that closes at each day end of `equity`, with its equity: no more than the days know."""
    return equity[["strategy", "symbol", "timeframe", "equity", "simulated"]].assign(close_time=equity["day_end"])


def trade_rows(
    net_profits: npt.ArrayLike,
    *,
    symbol: str = "BTCUSDT",
    strategy: str = "rsi",
    first: str = "2024-01-01 12:00",
    **changed: Any,
) -> pd.DataFrame:
    """Return a closed trade a day from `first`, each held for two hours, costs .001, .0002 and .0001."""
    net = np.asarray(net_profits, dtype=np.float64)
    entry = pd.date_range(first, periods=len(net), freq="D", tz="UTC").as_unit("us")
    fields = {
        "strategy": strategy,
        "symbol": symbol,
        "timeframe": "1h",
        "entry_time": entry,
        "exit_time": entry + pd.Timedelta(hours=2),
        "net_profit": net,
        "gross_profit": net + 0.0013,
        "fees": 0.001,
        "spread_cost": 0.0002,
        "slippage_cost": 0.0001,
        "financing_cost": 0.0,
        "open": False,
        "simulated": False,
    }
    return pd.DataFrame(fields | changed)
