"""Reports: results as people look at them.

Belongs here: HTML pages and pictures of results that exist. Not here: the results (`portfolio`, `backtest`), tables on
a terminal (`cli`).
"""

from bot_core_dagster.reports.caveats import Provenance
from bot_core_dagster.reports.files import write_report
from bot_core_dagster.reports.page import portfolio_report_html
from bot_core_dagster.reports.pictures import backtest_picture, portfolio_picture

__all__ = ["Provenance", "backtest_picture", "portfolio_picture", "portfolio_report_html", "write_report"]
