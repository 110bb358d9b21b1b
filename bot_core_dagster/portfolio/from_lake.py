"""The review of what the lake holds.

Belongs here: reading a month's backtests for a review, and which month that is. Not here: figures (`portfolio.review`).
"""

from typing import Final

import pandas as pd

from bot_core_dagster.backtest import EQUITY, TRADES
from bot_core_dagster.errors import QualityError
from bot_core_dagster.lake import Lake
from bot_core_dagster.portfolio.report import PortfolioReport
from bot_core_dagster.portfolio.review import review_portfolio
from bot_core_dagster.settings import Settings
from bot_core_dagster.strategies import enabled_strategies

_NEW_YORK_EVENING: Final = pd.Timedelta(hours=3)
"""From the last day end in New York, 17:00 there, to the month's end in UTC; none in UTC lies so close before it."""


def review_month(lake: Lake, settings: Settings, month: str) -> PortfolioReport:
    """Review `month` ("YYYY-MM") of the enabled strategies over the watchlist; errors as `review_portfolio`."""
    strategies = [strategy.name for strategy in enabled_strategies(settings.strategies)]
    symbols = [instrument.symbol for instrument in settings.watchlist]
    equity, trades = lake.read(EQUITY, symbols), lake.read(TRADES, symbols)
    return review_portfolio(equity, trades, month, settings.portfolio, settings.watchlist, strategies)


def newest_full_month(lake: Lake, settings: Settings) -> str:
    """Return the last month ("YYYY-MM") that some backtest of the watchlist covers to its end.

    Where none covers a whole month, the month of the newest day end.

    Raises
    ------
    QualityError
        If there is no backtest of the watchlist yet.
    """
    days = lake.read(EQUITY, [instrument.symbol for instrument in settings.watchlist])["day_end"]
    if days.empty:
        raise QualityError("no backtest of the watchlist yet: nothing to review; next: bot-core run")
    newest, oldest = days.max().tz_localize(None), days.min().tz_localize(None)
    full = (newest + _NEW_YORK_EVENING).to_period("M") - 1
    return str(full if full >= oldest.to_period("M") else (newest - pd.Timedelta(seconds=1)).to_period("M"))
