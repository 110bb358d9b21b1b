"""Portfolio: the strategies over the watchlist as one account, reviewed month by month.

Belongs here: sleeves, attribution, recommendations and the report of a month. Not here: formulas (`metrics`), simulated
trading (`backtest`), pages and pictures (`reports`).
"""

from bot_core_dagster.portfolio.attribution import Attribution, Sleeve
from bot_core_dagster.portfolio.from_lake import newest_full_month, review_month
from bot_core_dagster.portfolio.performance import Performance, TradeFigures
from bot_core_dagster.portfolio.recommendations import Limit, Recommendation
from bot_core_dagster.portfolio.report import PortfolioReport, SleeveReview
from bot_core_dagster.portfolio.review import review_portfolio
from bot_core_dagster.portfolio.tables import (
    PORTFOLIO_EQUITY,
    PORTFOLIO_REVIEWS,
    equity_rows,
    review_rows,
    series_of,
)

__all__ = [
    "PORTFOLIO_EQUITY",
    "PORTFOLIO_REVIEWS",
    "Attribution",
    "Limit",
    "Performance",
    "PortfolioReport",
    "Recommendation",
    "Sleeve",
    "SleeveReview",
    "TradeFigures",
    "equity_rows",
    "newest_full_month",
    "review_month",
    "review_portfolio",
    "review_rows",
    "series_of",
]
