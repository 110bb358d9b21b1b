"""A backtest as it was asked for at the terminal: what is in force, changed by what was typed, simulated once.

Belongs here: the order of these steps and the page. Not here: the command (`cli.backtest`), how it looks
(`cli.backtest_table`), the simulation (`backtest`).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from bot_core_dagster.backtest import Backtest, PreparedBars, TradingRules, backtest_strategy, equity_of_sleeve
from bot_core_dagster.cli.series import Chosen, Series
from bot_core_dagster.errors import ParameterError
from bot_core_dagster.lake import default_lake
from bot_core_dagster.optimization import trials_so_far
from bot_core_dagster.validation import StressedResult, cost_stress


@dataclass(frozen=True)
class Backtested:
    """A backtest with what was typed of it.

    chosen : the strategy and its parameters
    stressed : at the multiple of the costs that was typed; None where none was
    notes : what a reader has to know, a sentence each
    """

    backtest: Backtest
    chosen: Chosen
    stressed: StressedResult | None
    notes: tuple[str, ...]


def rules_of(series: Series, chosen: Chosen, typed: Mapping[str, Any]) -> TradingRules:
    """Return how the settings let the strategy trade the instrument, changed by what was typed (None is not).

    Raises
    ------
    typer.BadParameter
        If a value lies outside of its range.
    """
    said = {name: value for name, value in typed.items() if value is not None}
    of_settings = TradingRules.of(
        chosen.section, series.instrument, equity_of_sleeve(series.settings, series.instrument)
    )
    try:
        return replace(of_settings, **said)
    except ParameterError as error:
        raise typer.BadParameter(str(error), param_hint="--" + ", --".join(said).replace("_", "-")) from None


def run(series: Series, chosen: Chosen, rules: TradingRules, multiple: float | None) -> Backtested:
    """Return the backtest, deflated for the trials that were ever made on overlapping bars.

    Raises
    ------
    QualityError, ParameterError
        As `backtest.backtest_strategy`; also where a spread becomes as wide as the price at `multiple` times the costs.
    """
    bars, instrument, strategy = series.bars, series.instrument, chosen.strategy
    window = (bars["open_time"].iloc[0], bars["close_time"].iloc[-1])
    trials = trials_so_far(default_lake(), strategy.name, instrument, window)
    made = backtest_strategy(bars, strategy, chosen.parameters, instrument, rules, trials=trials)
    stressed = None
    if multiple is not None:
        signal = strategy.signal(bars, instrument.calendar, chosen.parameters)
        (stressed,) = cost_stress(PreparedBars.of(bars, instrument), signal, rules, multipliers=(multiple,))
    return Backtested(made, chosen, stressed, tuple(_notes(made, chosen)))


def write_tear_sheet(file: Path, done: Backtested, series: Series) -> Path:
    """Write the tear sheet to `file`; return where it lies.

    Raises
    ------
    BotCoreError
        If the disk refuses.
    """
    from bot_core_dagster.reports import backtest_report_html, write_page

    return write_page(file, backtest_report_html(done.backtest, series.bars, series.provenance()))


def _notes(made: Backtest, chosen: Chosen) -> Iterator[str]:
    figures, needed = made.summary, chosen.strategy.warm_up_bars(chosen.parameters)
    if figures.n_bars < needed:
        yield f"{made.strategy} decides from bar {needed:,} on, there are {figures.n_bars:,}: it could not trade"
    elif made.trades.empty:
        yield "no trade: the signal never entered"
    if (made.trades["exit_reason"] == "ruin").any():
        yield "RUIN: nothing was left, and nothing was traded after that"
    if math.isnan(figures.financing_cost):
        yield "swap, funding and borrow are unknown and in no figure: set them in the instrument's costs"
