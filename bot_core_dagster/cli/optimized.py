"""A search for parameters as it was asked for at the terminal: searched, its trials recorded, judged by the gate.

Belongs here: the order of these steps and the page. Not here: the command (`cli.optimize`), how it looks
(`cli.optimize_table`), search and gate (`optimization`), what is put in force (the assets: their searches are weekly,
all on the same terms).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from bot_core_dagster import metrics
from bot_core_dagster.backtest import TradingRules, equity_of_sleeve
from bot_core_dagster.cli.series import Series
from bot_core_dagster.lake import default_lake
from bot_core_dagster.optimization import (
    Decision,
    DeployedParameters,
    Optimization,
    WalkForward,
    decide,
    deployed_set,
    optimize_strategy,
    record_trials,
)
from bot_core_dagster.reports.optimization.headline import growth
from bot_core_dagster.strategies import check_settings, settings_of, strategy_named


@dataclass(frozen=True)
class Optimized:
    """A search, what the gate says of its winner, and how many of its trials were new.

    deployed : what is in force on the instrument; None where nothing is
    """

    found: Optimization
    decision: Decision
    deployed: DeployedParameters | None
    n_new_trials: int


@dataclass(frozen=True)
class WalkedFigures:
    """The joined out-of-sample curve of one design in figures; returns are fractions, NaN is undefined.

    sharpe_ratio : annualised with periods_per_year, of n_periods days
    mean_position : over the bars, from -1 to 1
    """

    net_return: float
    double_cost_return: float
    buy_and_hold_return: float
    sharpe_ratio: float
    max_drawdown_at_day_ends: float
    total_trades: int
    mean_position: float
    n_periods: int
    periods_per_year: int


def walked(walk: WalkForward, periods_per_year: int) -> WalkedFigures:
    """Return the figures of a joined curve."""
    return WalkedFigures(
        net_return=growth(walk.returns),
        double_cost_return=growth(walk.double_cost_returns),
        buy_and_hold_return=growth(walk.buy_and_hold_returns),
        sharpe_ratio=metrics.sharpe_ratio(walk.returns, periods_per_year=periods_per_year),
        max_drawdown_at_day_ends=metrics.maximum_drawdown(walk.equity),
        total_trades=walk.n_trades,
        mean_position=walk.exposure,
        n_periods=len(walk.returns),
        periods_per_year=periods_per_year,
    )


def run(series: Series, name: str, typed: Mapping[str, Any], on_progress: Callable[[float], None]) -> Optimized:
    """Search the parameters of a strategy on the bars of `series`, record the trials, and ask the gate.

    Parameters
    ----------
    series : Series
    name : str
        Of the strategy.
    typed : mapping
        What is not as in [optimization] of the settings; None is not typed.
    on_progress : callable
        Told the share that is done, in percent.

    Raises
    ------
    UnknownNameError
        If there is no such strategy or objective.
    SettingsError
        If the settings say what no strategy takes.
    ParameterError, ShapeError, QualityError
        As `optimization.optimize_strategy`.
    """
    strategy, settings, instrument, lake = strategy_named(name), series.settings, series.instrument, default_lake()
    check_settings(settings.strategies)
    said = {key: value for key, value in typed.items() if value is not None}
    section = settings_of(name, settings.strategies)
    found = optimize_strategy(
        series.bars,
        strategy,
        instrument,
        rules=TradingRules.of(section, instrument, equity_of_sleeve(settings, instrument)),
        settings=settings.optimization.model_copy(update=said),
        lake=lake,
        progress=on_progress,
    )
    n_new = sum(change.n_new for change in record_trials(lake, found.trials).values())
    deployed = deployed_set(lake, name, instrument.symbol, instrument.timeframe)
    decision = decide(
        found, deployed, series.bars, strategy, instrument, settings_parameters=section.parameters or None
    )
    return Optimized(found, decision, deployed, n_new)


def newest(bars: pd.DataFrame, lookback_days: int) -> pd.DataFrame:
    """Return the bars of the last days, as the weekly search takes them."""
    since = bars["close_time"].iloc[-1] - timedelta(days=lookback_days)
    kept: pd.DataFrame = bars[bars["open_time"] >= since].reset_index(drop=True)
    return kept


def write_report(file: Path, done: Optimized, series: Series) -> Path:
    """Write the page of the search to `file`; return where it lies.

    Raises
    ------
    BotCoreError
        If the disk refuses.
    """
    from bot_core_dagster.reports import optimization_report_html, write_page

    deployed = done.deployed.parameters if done.deployed else None
    page = optimization_report_html(done.found, series.provenance(), decision=done.decision, deployed=deployed)
    return write_page(file, page)
