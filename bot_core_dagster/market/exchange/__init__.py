"""Bars from an exchange over HTTP, through ccxt.

Belongs here: asking any exchange that ccxt knows for closed bars, page by page, within its limits. Not here: which of
the bars are believed (`market.intake`), which source an instrument uses (`market.sources`), orders (Bot Core sends
none).
"""

from bot_core_dagster.market.exchange.clock import SYSTEM_CLOCK, Clock
from bot_core_dagster.market.exchange.source import CcxtSource

__all__ = ["SYSTEM_CLOCK", "CcxtSource", "Clock"]
