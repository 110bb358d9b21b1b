"""What a command about strategies reads: settings, instrument, bars of a range, and the parameters that hold there.

Belongs here: finding these and saying what is wrong with what was typed. Not here: what is computed of them
(`cli.backtested`, `cli.optimized`), the texts that were typed (`cli.strategy_options`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import pandas as pd
import typer

from bot_core_dagster import lake
from bot_core_dagster.errors import ParameterError, ShapeError
from bot_core_dagster.settings import Instrument, Settings, StrategySettings
from bot_core_dagster.strategies import Strategy, check_settings, settings_of, strategy_named
from bot_core_dagster.timeframe import Timeframe

if TYPE_CHECKING:
    from bot_core_dagster.reports import Provenance

Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True)
class Series:
    """An instrument, on the timeframe that was asked for, and its bars of a range: at least one."""

    settings: Settings
    instrument: Instrument
    bars: pd.DataFrame

    def provenance(self) -> "Provenance":
        """Return what a page made from these bars says of its origin, now."""
        from bot_core_dagster.optimization import content_of
        from bot_core_dagster.reports import Provenance

        read = f"bars of {self.instrument.symbol} {self.instrument.timeframe}"
        return Provenance(datetime.now(UTC), version("bot-core"), {read: content_of(self.bars)})


@dataclass(frozen=True)
class Chosen:
    """A strategy with its section of the settings, complete parameters, and where those come from."""

    strategy: Strategy
    section: StrategySettings
    parameters: Mapping[str, float]
    origin: str


def stored_series(
    settings: Settings, symbol: str, timeframe: Timeframe | None, window: Window = (None, None)
) -> Series:
    """Return the bars of an instrument of the watchlist with start <= open_time < end.

    Raises
    ------
    UnknownNameError
        If the symbol is not on the watchlist, or has no bars of that or a shorter timeframe.
    ShapeError
        If there is no bar in the range; the message says which there are.
    """
    instrument = settings.instrument(symbol)
    if timeframe is not None:
        instrument = instrument.model_copy(update={"timeframe": timeframe})
    bars = lake.bars(symbol, instrument.timeframe, *window)
    if bars.empty:
        raise ShapeError(_nothing_there(instrument))
    return Series(settings, instrument, bars)


def chosen(series: Series, name: str, given: Mapping[str, float]) -> Chosen:
    """Return a strategy with the parameters that were typed, those in force on the instrument for the rest.

    In force are the deployed ones, else those of the settings, else the defaults.

    Raises
    ------
    UnknownNameError
        If there is no such strategy.
    SettingsError
        If the settings say what no strategy takes.
    typer.BadParameter
        If the strategy cannot take what was typed.
    """
    from bot_core_dagster.optimization import deployed_set

    strategy, settings, instrument = strategy_named(name), series.settings, series.instrument
    check_settings(settings.strategies)
    section = settings_of(name, settings.strategies)
    deployed = deployed_set(lake.default_lake(), name, instrument.symbol, instrument.timeframe)
    base = section.parameters if deployed is None else deployed.parameters
    origin = f"deployed, version {deployed.version}" if deployed else "settings" if base else "defaults"
    try:
        complete = strategy.space.complete({**base, **given})
    except ParameterError as error:
        raise typer.BadParameter(str(error), param_hint="--param") from None
    if given:
        origin = "as typed" if set(given) == set(complete) else f"{', '.join(given)} as typed, else {origin}"
    return Chosen(strategy, section, complete, origin)


def _nothing_there(instrument: Instrument) -> str:
    whole = lake.bars(instrument.symbol, instrument.timeframe)
    if whole.empty:
        return f"no {instrument.timeframe} bar of {instrument.symbol} is complete; next: bot-core run, or a shorter one"
    first, last = whole["open_time"].iloc[0], whole["open_time"].iloc[-1]
    return (
        f"no {instrument.timeframe} bar of {instrument.symbol} opens in that range; there are some from "
        f"{first:%Y-%m-%dT%H:%MZ} to {last:%Y-%m-%dT%H:%MZ}; next: change --start or --end"
    )
