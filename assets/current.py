"""Which assets of a symbol are behind: made from other bars, parameters or settings than there are now.

Belongs here: what each asset would read now. Not here: what it read last (`bot_core_dagster.lineage`), who brings it up
to date (`sensors.fresh_bars`, `bot_core_dagster.cli.cycle`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from assets.partitions import FORECAST_ASSETS, TRADED
from assets.reading import own_series
from assets.trading import SETTINGS, parameters_versions, settings_version
from bot_core_dagster.lake import Lake
from bot_core_dagster.lineage import Outcome, assets_behind, outcomes_of
from bot_core_dagster.models.registry_tables import MODEL_DECISIONS
from bot_core_dagster.settings import Instrument, Settings
from bot_core_dagster.strategies import settings_of

SEARCH_EVERY: Final = timedelta(days=7)
"""What the weekly schedule does; whoever runs without it catches up at that age."""

SEARCH_FROM: Final = timedelta(days=120)
"""Of bars: with fewer nothing can be told apart, and a search or a training would say so."""

TRAIN_EVERY: Final = timedelta(days=7)
"""The daily schedule trains every night; whoever runs without it catches up at that age."""

Wanted = dict[tuple[str, str], Mapping[str, str]]
"""(asset, symbol) -> input -> the version that it would read now."""


def wanted_of(bars_versions: Mapping[str, str], settings: Settings) -> Wanted:
    """Return the bars that everything downstream of these bars should stand on, searches apart: those have their time.

    Parameters
    ----------
    bars_versions : symbol -> content hash of its bars
    """
    return {
        (name, symbol): {"bars": version} for symbol, version in bars_versions.items() for name in downstream(settings)
    }


def downstream(settings: Settings) -> tuple[str, ...]:
    """Return the assets that follow new bars at once."""
    backtests = [f"{each.name}_backtest" for each in TRADED if settings_of(each.name, settings.strategies).enabled]
    return ("bar_quality", "features", "market_analysis", *backtests, *FORECAST_ASSETS)


def wanted_now(lake: Lake, settings: Settings, instruments: Sequence[Instrument]) -> Wanted:
    """Return what `wanted_of` does for the bars in the lake, with the parameters and settings of the backtests too."""
    there = {symbol: one.content_hash for symbol, one in own_series(lake, instruments).items() if one.n_rows}
    wanted = wanted_of(there, settings)
    for strategy in TRADED:
        versions = parameters_versions(lake, strategy.name, list(there))
        for instrument in instruments:
            key = (f"{strategy.name}_backtest", instrument.symbol)
            if key in wanted:
                wanted[key] = {
                    **wanted[key],
                    f"{strategy.name}_parameters": versions[instrument.symbol],
                    SETTINGS: settings_version(strategy, settings, instrument),
                }
    champions = lake.content_hashes(MODEL_DECISIONS, list(there))
    for symbol, version in champions.items():
        wanted["forecasts", symbol] = {**wanted["forecasts", symbol], "champion": version}
    return wanted


def traded_otherwise(lake: Lake, wanted: Wanted) -> dict[str, tuple[str, ...]]:
    """Return, for each symbol, the backtests that were made with other parameters or settings than there are now.

    Parameters
    ----------
    wanted : as `wanted_now` gives; backtests that were not made do not count, nor do other bars
    """
    latest = outcomes_of(lake, sorted({asset for asset, _ in wanted}))
    made = {(one.asset, one.symbol) for one in latest if one.is_made}
    how = {
        key: {name: version for name, version in versions.items() if name != "bars"}
        for key, versions in wanted.items()
        if key in made and SETTINGS in versions
    }
    return assets_behind(lake, how)


def searchable(lake: Lake, instruments: Sequence[Instrument]) -> list[Instrument]:
    """Return the instruments whose bars are enough to search on."""
    series = own_series(lake, instruments)
    return [one for one in instruments if series[one.symbol].n_rows * one.timeframe.delta >= SEARCH_FROM]


def searches_due(
    lake: Lake, settings: Settings, instruments: Sequence[Instrument], now: datetime
) -> dict[str, tuple[str, ...]]:
    """Return, for each symbol, the searches that are due with all that follows them, and those not decided on."""
    enabled = [each for each in TRADED if settings_of(each.name, settings.strategies).enabled]
    names = [f"{each.name}_{noun}" for each in enabled for noun in ("optimization", "parameters")]
    last = {(one.asset, one.symbol): one for one in outcomes_of(lake, names)}
    due: dict[str, tuple[str, ...]] = {}
    for instrument in searchable(lake, instruments):
        for strategy in enabled:
            search, decision = (
                last.get((f"{strategy.name}_{noun}", instrument.symbol)) for noun in ("optimization", "parameters")
            )
            follow = [f"{strategy.name}_parameters", f"{strategy.name}_backtest"]
            if _is_due(search, settings_version(strategy, settings, instrument), now):
                follow.insert(0, f"{strategy.name}_optimization")
            elif _is_decided(decision, search):
                continue
            due[instrument.symbol] = (*due.get(instrument.symbol, ()), *follow)
    return due


def trainings_due(
    lake: Lake, settings: Settings, instruments: Sequence[Instrument], now: datetime
) -> dict[str, tuple[str, ...]]:
    """Return, for each symbol, the models that failed, are a week old or untrained, and the decision that is owed."""
    names = [f"{name}_model" for name in settings.models.types]
    last = {(one.asset, one.symbol): one for one in outcomes_of(lake, [*names, "champion"])}
    due: dict[str, tuple[str, ...]] = {}
    for instrument in searchable(lake, instruments):
        trained = {name: last.get((name, instrument.symbol)) for name in names}
        old = [
            name for name, one in trained.items() if one is None or not one.is_made or now - one.made_at >= TRAIN_EVERY
        ]
        made = [one.content_hash for one in trained.values() if one is not None and one.is_made]
        decision = last.get(("champion", instrument.symbol))
        is_decided = decision is not None and decision.is_made and {*made} <= {*decision.inputs.values()}
        if old or (made and not is_decided):
            due[instrument.symbol] = (*old, "champion", "forecasts")
    return due


def _is_due(search: Outcome | None, told: str, now: datetime) -> bool:
    """Return whether a search failed, is a week old, or was made at other costs and rules."""
    return (
        search is None
        or not search.is_made
        or now - search.made_at >= SEARCH_EVERY
        or search.inputs.get(SETTINGS) != told
    )


def _is_decided(decision: Outcome | None, search: Outcome | None) -> bool:
    """Return whether the newest search was decided on."""
    if decision is None or search is None or not decision.is_made:
        return False
    return search.content_hash in decision.inputs.values()
