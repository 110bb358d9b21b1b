"""Reports: results as people look at them.

Belongs here: HTML pages and pictures of results that exist. Not here: the results (`portfolio`, `backtest`,
`optimization`, `models`), tables on a terminal (`cli`).
"""

from bot_core_dagster.reports.backtest.candles_picture import candles_picture
from bot_core_dagster.reports.backtest.equity_picture import backtest_picture
from bot_core_dagster.reports.backtest.page import backtest_report_html
from bot_core_dagster.reports.files import report_file, write_page
from bot_core_dagster.reports.models.comparison_picture import comparison_picture
from bot_core_dagster.reports.models.curves_picture import curves_picture
from bot_core_dagster.reports.models.forecast_picture import forecast_picture
from bot_core_dagster.reports.models.reliability_picture import reliability_picture
from bot_core_dagster.reports.models.score_rows import score_rows
from bot_core_dagster.reports.models.scores_picture import scores_picture
from bot_core_dagster.reports.optimization.folds_picture import folds_picture
from bot_core_dagster.reports.optimization.heat_map_picture import heat_map_picture
from bot_core_dagster.reports.optimization.page import optimization_report_html
from bot_core_dagster.reports.optimization.trials_picture import trials_picture
from bot_core_dagster.reports.portfolio.page import portfolio_report_html
from bot_core_dagster.reports.portfolio.picture import portfolio_picture
from bot_core_dagster.reports.provenance import Provenance
from bot_core_dagster.reports.sheet import Picture, Sheet, backtest_sheet, portfolio_sheet, search_sheet

__all__ = [
    "Picture",
    "Provenance",
    "Sheet",
    "backtest_picture",
    "backtest_report_html",
    "backtest_sheet",
    "candles_picture",
    "comparison_picture",
    "curves_picture",
    "folds_picture",
    "forecast_picture",
    "heat_map_picture",
    "optimization_report_html",
    "portfolio_picture",
    "portfolio_report_html",
    "portfolio_sheet",
    "reliability_picture",
    "report_file",
    "score_rows",
    "scores_picture",
    "search_sheet",
    "trials_picture",
    "write_page",
]
