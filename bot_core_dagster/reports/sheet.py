"""Sheets: all that people look at of one result, drawn by one call.

Belongs here: which pictures and which page are kept of a result. Not here: how any of them is drawn (each result's
package), where it is shown (`assets`), in which process it is drawn (`resources.drawing`): what another process is to
draw has to be one function of what can be pickled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bot_core_dagster.backtest.result import Backtest
from bot_core_dagster.optimization.result import Optimization
from bot_core_dagster.portfolio.report import PortfolioReport
from bot_core_dagster.reports.backtest.candles_picture import candles_picture
from bot_core_dagster.reports.backtest.equity_picture import backtest_picture
from bot_core_dagster.reports.backtest.page import backtest_report_html
from bot_core_dagster.reports.files import write_page
from bot_core_dagster.reports.optimization.folds_picture import folds_picture
from bot_core_dagster.reports.optimization.heat_map_picture import heat_map_picture
from bot_core_dagster.reports.optimization.page import optimization_report_html
from bot_core_dagster.reports.optimization.trials_picture import trials_picture
from bot_core_dagster.reports.portfolio.page import portfolio_report_html
from bot_core_dagster.reports.portfolio.picture import portfolio_picture
from bot_core_dagster.reports.provenance import Provenance


@dataclass(frozen=True)
class Picture:
    """A PNG, the name that it is kept by, and what it shows."""

    name: str
    title: str
    png: bytes


@dataclass(frozen=True)
class Sheet:
    """What is looked at of a result: pictures in the order in which they are shown, and where its page was written."""

    pictures: tuple[Picture, ...]
    page: Path


def backtest_sheet(backtest: Backtest, bars: pd.DataFrame, provenance: Provenance, file: Path) -> Sheet:
    """Draw equity and single trades of a backtest, and write its tear sheet to `file`.

    Raises
    ------
    ShapeError
        If the bars are not those of the backtest.
    BotCoreError
        If the disk refuses the page.
    """
    pictures = (
        Picture("equity", "equity, drawdown, buy and hold", backtest_picture(backtest)),
        Picture("candles", "candles with entries and exits", candles_picture(backtest, bars)),
    )
    return Sheet(pictures, write_page(file, backtest_report_html(backtest, bars, provenance)))


def search_sheet(
    found: Optimization, in_force: Mapping[str, float] | None, provenance: Provenance, file: Path
) -> Sheet:
    """Draw folds, heat map and trials of a search beside the parameters in force, and write its page to `file`.

    `in_force` is None where the settings' parameters hold. A BotCoreError says that the disk refuses the page.
    """
    pictures = (
        Picture("walk_forward", "walk-forward folds, out of sample", folds_picture(found)),
        Picture("heat_map", "objective over the parameters", heat_map_picture(found, in_force)),
        Picture("trials", "distribution of the trials", trials_picture(found)),
    )
    return Sheet(pictures, write_page(file, optimization_report_html(found, provenance, deployed=in_force)))


def portfolio_sheet(report: PortfolioReport, provenance: Provenance, file: Path) -> Sheet:
    """Draw equity with drawdown of a month's review, and write its page to `file`; errors as `search_sheet`."""
    equity = Picture("picture", "equity and drawdown", portfolio_picture(report))
    return Sheet((equity,), write_page(file, portfolio_report_html(report, provenance)))
