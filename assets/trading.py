"""What a strategy's assets read of each symbol: its bars, and how the strategy trades there.

Belongs here: deployed parameters, trading rules and trials beside the bars, and the version of the settings that they
come from. Not here: what is made of it (`assets.backtests`, `assets.optimizations`), reading alone (`assets.reading`).
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import dagster as dg
import pandas as pd

from assets.reading import Load, Read, stored_bars
from bot_core_dagster.backtest import TradingRules, Trials, equity_of_sleeve
from bot_core_dagster.errors import QualityError
from bot_core_dagster.lake import Lake
from bot_core_dagster.optimization import (
    PARAMETERS,
    Candidate,
    content_of,
    deployed_sets,
    stored_candidate,
    trials_of_each,
)
from bot_core_dagster.settings import Instrument, Settings
from bot_core_dagster.strategies import Strategy, settings_of

SAY_EVERY_S: Final = 5.0
SETTINGS: Final = "settings"
"""Name of the settings among the inputs of an outcome."""


@dataclass(frozen=True)
class Traded:
    """The bars of an instrument, and how a strategy trades them.

    parameters : deployed, else those of the settings
    trials : how many were searched so far, and how their Sharpe ratios vary
    """

    bars: pd.DataFrame
    parameters: Mapping[str, float]
    rules: TradingRules
    trials: Trials


def traded_bars(strategy: Strategy, settings: Settings) -> Load[Traded]:
    """Return what loads the instruments as `strategy` trades them."""

    def load(lake: Lake, instruments: Sequence[Instrument]) -> Mapping[str, Read[Traded]]:
        stored = stored_bars(lake, instruments)
        there = [one for one in instruments if one.symbol in stored]
        versions = parameters_versions(lake, strategy.name, list(stored))
        deployed = deployed_sets(lake, [strategy.name], there)
        trials = trials_of_each(lake, strategy.name, there)
        section = settings_of(strategy.name, settings.strategies)

        def traded(one: Instrument) -> Traded:
            in_force = deployed.get((strategy.name, one.symbol))
            return Traded(
                bars=stored[one.symbol].content,
                parameters=strategy.space.complete(in_force.parameters if in_force else section.parameters),
                rules=rules_of(strategy, settings, one),
                trials=trials[one.symbol],
            )

        return {
            one.symbol: Read(
                traded(one), {**stored[one.symbol].versions, f"{strategy.name}_parameters": versions[one.symbol]}
            )
            for one in there
        }

    return load


@dataclass(frozen=True)
class Searched:
    """The newest search of a strategy on an instrument, and the bars that it was made on."""

    candidate: Candidate
    bars: pd.DataFrame


def searched_bars(strategy: Strategy) -> Load[Searched]:
    """Return what loads the newest search of `strategy` with its bars; later bars do not matter to it."""

    def load(lake: Lake, instruments: Sequence[Instrument]) -> Mapping[str, Read[Searched]]:
        return {one.symbol: Read(_searched(lake, strategy, one)) for one in instruments}

    return load


def _searched(lake: Lake, strategy: Strategy, instrument: Instrument) -> Searched:
    timeframe = str(instrument.timeframe)
    candidate = stored_candidate(lake, strategy.name, instrument.symbol, timeframe)
    asked = candidate.question
    bars = lake.bars(instrument.symbol, timeframe, asked.start, asked.end)
    if content_of(bars) != candidate.origin.content_hash:
        raise QualityError(
            f"the bars of {instrument.symbol} that {strategy.name} was searched on have been corrected since; "
            f"next: materialise {strategy.name}_optimization again"
        )
    return Searched(candidate, bars)


def rules_of(strategy: Strategy, settings: Settings, instrument: Instrument) -> TradingRules:
    """Return how the settings let a strategy trade an instrument."""
    section = settings_of(strategy.name, settings.strategies)
    return TradingRules.of(section, instrument, equity_of_sleeve(settings, instrument))


def parameters_versions(lake: Lake, strategy: str, symbols: Sequence[str]) -> dict[str, str]:
    """Return the content hash of the decisions on a strategy's parameters for each symbol."""
    return lake.content_hashes(PARAMETERS, symbols, within={"strategy": strategy})


def settings_version(strategy: Strategy, settings: Settings, instrument: Instrument) -> str:
    """Return a hash of all that the settings say of how a strategy trades an instrument."""
    said = [
        settings_of(strategy.name, settings.strategies).model_dump(),
        instrument.model_dump(),
        equity_of_sleeve(settings, instrument),
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def said_in_log(context: dg.AssetExecutionContext, what: str) -> Callable[[float], None]:
    """Return what says progress in percent in the run's log, not more often than people read."""
    last_said = time.monotonic()

    def say(percent: float) -> None:
        nonlocal last_said
        if time.monotonic() - last_said >= SAY_EVERY_S:
            last_said = time.monotonic()
            context.log.info(f"{what}: {percent:.0f} % done")

    return say


def is_traded(context: dg.AssetExecutionContext, settings: Settings, strategy: Strategy) -> bool:
    """Return whether the settings switch a strategy on; say so where they do not."""
    is_enabled = settings_of(strategy.name, settings.strategies).enabled
    if not is_enabled:
        context.log.warning(f"strategies.{strategy.name} is not enabled in the settings: nothing to trade")
    return is_enabled
