"""Assets: what is persisted, one file a noun.

Belongs here: definitions, their checks, partitions, and the one helper that materialises many symbols. Not here: any
computation (`bot_core_dagster`), when things run (`jobs`, `schedules`, `sensors`).
"""

from assets.backtests import BACKTEST_ASSETS
from assets.bars import bar_quality, bars
from assets.champion import champion
from assets.checks import every_symbol_is_current
from assets.features import features
from assets.forecasts import forecast_scores, forecasts
from assets.housekeeping import housekeeping
from assets.market_analysis import market_analysis
from assets.models import MODEL_ASSETS
from assets.optimizations import OPTIMIZATION_ASSETS, PARAMETERS_ASSETS
from assets.portfolio import portfolio_review

ASSETS = [
    *(bars, bar_quality, features, market_analysis),
    *(*OPTIMIZATION_ASSETS.values(), *PARAMETERS_ASSETS.values(), *BACKTEST_ASSETS.values()),
    *(*MODEL_ASSETS.values(), champion, forecasts, forecast_scores),
    *(portfolio_review, housekeeping),
]
CHECKS = [every_symbol_is_current]

__all__ = ["ASSETS", "CHECKS"]
