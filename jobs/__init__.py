"""Jobs: which assets run together, in which queue, within which limits. No logic.

Not here: when they run (`schedules`, `sensors`), what they compute (`assets`).
"""

from collections.abc import Sequence

import dagster as dg

from assets.backtests import BACKTEST_ASSETS
from assets.bars import bar_quality, bars
from assets.champion import champion
from assets.features import features
from assets.forecasts import forecast_scores, forecasts
from assets.housekeeping import housekeeping
from assets.market_analysis import market_analysis
from assets.models import MODEL_ASSETS
from assets.optimizations import OPTIMIZATION_ASSETS, PARAMETERS_ASSETS
from assets.portfolio import portfolio_review as portfolio_review_asset

collect_market_data = dg.define_asset_job(
    "collect_market_data",
    selection=dg.AssetSelection.assets(bars, bar_quality, features),
    description="Bring new and corrected bars of every symbol, judge them, and bring the features up to date.",
    tags={"queue": "scheduled", "dagster/priority": "5", "dagster/max_runtime": "3600"},
)

research_cycle = dg.define_asset_job(
    "research_cycle",
    selection=dg.AssetSelection.assets(
        *(bars, bar_quality, features, market_analysis),
        *(*OPTIMIZATION_ASSETS.values(), *PARAMETERS_ASSETS.values(), *BACKTEST_ASSETS.values()),
        *(*MODEL_ASSETS.values(), champion, forecasts, forecast_scores),
    ),
    description="From new bars to searched, gated and traded strategies, trained models, forecasts: all that follows "
    "from market data, symbol by symbol.",
    tags={"queue": "backtesting", "dagster/priority": "1", "dagster/max_runtime": "7200"},
)

optimize_strategies = dg.define_asset_job(
    "optimize_strategies",
    selection=dg.AssetSelection.assets(
        *OPTIMIZATION_ASSETS.values(), *PARAMETERS_ASSETS.values(), *BACKTEST_ASSETS.values()
    ),
    description="Search every strategy's parameters on the last years, deploy what passes the gate, trade it.",
    tags={"queue": "optimization", "dagster/priority": "1", "dagster/max_runtime": "7200"},
)

_TRAINED = dg.AssetSelection.assets(*MODEL_ASSETS.values(), champion, forecasts)
_TRAINING_TAGS = {"queue": "ml_training", "dagster/max_runtime": "3600", "dagster/max_retries": "0"}
"""An hour, and never again as a whole: a training that is cut off goes on from its last epoch when it is asked for."""

train_model = dg.define_asset_job(
    "train_model",
    selection=_TRAINED,
    description="Train models on demand, decide which serves, and forecast. The model types are the assets that are "
    "selected; symbols, days_of_data and retrain are the config of each.",
    tags=_TRAINING_TAGS | {"dagster/priority": "2"},
)

daily_retrain_models = dg.define_asset_job(
    "daily_retrain_models",
    selection=_TRAINED,
    description="Train every model of every symbol again, put in force what is better beyond luck, and forecast.",
    tags=_TRAINING_TAGS | {"dagster/priority": "0"},
)


def training_run_config(model_types: Sequence[str], **asked: object) -> dict[str, object]:
    """Return the ops config of a training of these kinds: days_of_data, retrain, is_first, as `TrainingConfig` has."""
    return {f"{name}_model": {"config": asked} for name in model_types}


analyze_market = dg.define_asset_job(
    "analyze_market",
    selection=dg.AssetSelection.assets(market_analysis),
    description="Say BUY, SELL or HOLD of any number of symbols; a bad one is reported and skipped.",
    tags={"queue": "bulk_analysis", "dagster/priority": "3", "dagster/max_runtime": "3600"},
)

portfolio_review = dg.define_asset_job(
    "portfolio_review",
    selection=dg.AssetSelection.assets(portfolio_review_asset),
    description="Review one month of the strategies over the watchlist.",
    tags={"queue": "scheduled", "dagster/priority": "3", "dagster/max_runtime": "3600"},
)

tidy_up = dg.define_asset_job(
    "tidy_up",
    selection=dg.AssetSelection.assets(housekeeping),
    description="Join small files of the lake, delete those of superseded versions and old runs.",
    tags={"queue": "scheduled", "dagster/priority": "-1", "dagster/max_runtime": "3600"},
)

JOBS = [
    *(collect_market_data, research_cycle, optimize_strategies, train_model, daily_retrain_models, analyze_market),
    *(portfolio_review, tidy_up),
]
