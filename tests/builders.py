"""The smallest honest data that tests build on.

Belongs here: builders of valid bars and instruments, varied by keyword. Not here: real files, fixtures.
"""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from bot_core_dagster.market.bar import BAR_COLUMNS
from bot_core_dagster.settings import Instrument
from bot_core_dagster.timeframe import Timeframe


def instrument(**changed: Any) -> Instrument:
    """Return BTCUSDT on 1h bars, with fields changed by keyword."""
    fields: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "venue": "binance",
        "timeframe": "1h",
        "base": "BTC",
        "quote": "USDT",
        "calendar": "crypto",
        "price_side": "trade",
        "source": "simulated",
        "costs": {"fee_bps": 4.0, "spread_bps": 1.0, "slippage_bps": 1.0},
    }
    return Instrument.model_validate(fields | changed)


def bars(
    n_bars: int = 100,
    *,
    symbol: str = "BTCUSDT",
    timeframe: str = "1h",
    start: datetime = datetime(2024, 1, 1, tzinfo=UTC),
    seed: int = 0,
    source: str = "file:test",
) -> pd.DataFrame:
    """Return `n_bars` valid consecutive bars of a seeded random walk (one price step of 0.5 % a bar)."""
    rng = np.random.default_rng(seed)
    length = Timeframe.parse(timeframe).delta
    open_time = pd.date_range(start, periods=n_bars, freq=length).as_unit("us")
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.005, n_bars)))
    open_ = np.concatenate([[100.0], close[:-1]])
    wick = 1.0 + np.abs(rng.normal(0.0, 0.002, (2, n_bars)))
    return pd.DataFrame(
        {
            "symbol": symbol,
            "timeframe": timeframe,
            "open_time": open_time,
            "close_time": open_time + length,
            "open": open_,
            "high": np.maximum(open_, close) * wick[0],
            "low": np.minimum(open_, close) / wick[1],
            "close": close,
            "volume": rng.lognormal(3.0, 0.5, n_bars),
            "spread": np.nan,
            "price_side": "trade",
            "volume_unit": "base",
            "source": source,
        }
    )[list(BAR_COLUMNS)]
