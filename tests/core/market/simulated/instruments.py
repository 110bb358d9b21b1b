"""The instruments that the tests of the simulated market share.

Belongs here: a crypto pair, an FX pair and a metal, varied by keyword. Not here: bars.
"""

from datetime import datetime
from typing import Any

import pandas as pd

from bot_core_dagster.settings import Instrument
from tests.builders import instrument


def btcusdt(**changed: Any) -> Instrument:
    """Return BTCUSDT at 5.5 bps a side."""
    return instrument(**changed)


def ethusdt(**changed: Any) -> Instrument:
    """Return ETHUSDT."""
    return instrument(**({"symbol": "ETHUSDT", "base": "ETH"} | changed))


def eurusd(**changed: Any) -> Instrument:
    """Return EURUSD at 0.7 bps a side."""
    costs = {"fee_bps": 0.0, "spread_bps": 1.0, "slippage_bps": 0.2}
    fields = {"symbol": "EURUSD", "venue": "oanda", "base": "EUR", "quote": "USD", "calendar": "fx"}
    return instrument(**(fields | {"price_side": "bid", "costs": costs} | changed))


def xauusd(**changed: Any) -> Instrument:
    """Return gold in dollars."""
    return eurusd(**({"symbol": "XAUUSD", "base": "XAU", "calendar": "metals"} | changed))


def utc(text: str) -> datetime:
    """Return the moment, e.g. "2024-01-01 12:00", in UTC."""
    return pd.Timestamp(text, tz="UTC").to_pydatetime()
