"""One run of the job `train_model` from the terminal, and what it says.

Belongs here: executing the job in this process, gathering what was trained and decided. Not here: how it is shown
(`cli.train`), what is trained (`assets.models` and the core).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.partitions import stretches, symbol_range_tags
from bot_core_dagster.cli.cycle import Cycle, OnProgress, partitions_in_step
from bot_core_dagster.cli.cycle_result import Failed
from bot_core_dagster.errors import SettingsError
from bot_core_dagster.lake import Lake, default_lake
from bot_core_dagster.models.card import ModelCard
from bot_core_dagster.models.registry import decisions, models_of
from bot_core_dagster.settings import Settings
from jobs import training_run_config
from resources.run_history import fail_dead_runs


@dataclass(frozen=True)
class Trained:
    """A version that the run trained, or found trained before on the same bars."""

    model_type: str
    symbol: str
    version: str
    best_epoch: int
    n_epochs: int
    stopping_reason: str
    simulated: bool
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class TrainingRun:
    """What a run trained; `decisions` are the symbol, which model serves it, and why."""

    trained: tuple[Trained, ...]
    decisions: tuple[tuple[str, str, str], ...]
    failed: tuple[Failed, ...]
    seconds: float


def run_training(
    settings: Settings,
    model_types: Sequence[str],
    symbols: Sequence[str],
    *,
    days_of_data: int | None,
    retrain: bool,
    on_progress: OnProgress,
) -> TrainingRun:
    """Train these kinds of models on these symbols, decide, forecast.

    Raises
    ------
    SettingsError
        If the settings do not enable one of the kinds, or there is no symbol.
    """
    if not symbols:
        raise SettingsError("the watchlist is empty; next: bot-core symbols add BTCUSDT")
    disabled = [name for name in model_types if name not in settings.models.types]
    if disabled:
        raise SettingsError(f"models.types does not name {', '.join(disabled)}; next: add it there in bot_core.toml")
    started = time.perf_counter()
    with dg.DagsterInstance.get() as instance:
        fail_dead_runs(instance)
        cycle = Cycle(instance, on_progress)
        there = partitions_in_step(instance, [one.symbol for one in settings.watchlist])
        names = [*(f"{name}_model" for name in model_types), "champion", "forecasts"]
        config = training_run_config(model_types, days_of_data=days_of_data, retrain=retrain)
        for together in stretches(there, symbols):
            keys = [dg.AssetKey(name) for name in names]
            cycle.execute("train_model", ops=config, tags=symbol_range_tags(together), asset_selection=keys)
    lake = default_lake()
    trained = [one for symbol in symbols for one in _newest(lake, symbol, model_types)]
    told = [_decision(lake, settings, symbol) for symbol in symbols]
    return TrainingRun(tuple(trained), tuple(told), tuple(cycle.failed), time.perf_counter() - started)


def _newest(lake: Lake, symbol: str, model_types: Sequence[str]) -> list[Trained]:
    """Return the newest version of each kind."""
    rows = models_of(lake, symbol)
    found = []
    for name in model_types:
        of_kind = rows[rows["model_type"] == name]
        if len(of_kind):
            found.append(_trained(of_kind.sort_values("trained_at").iloc[-1].to_dict()))
    return found


def _trained(row: Mapping[Any, Any]) -> Trained:
    card = ModelCard.from_json(row["card"])
    return Trained(
        model_type=card.model_type,
        symbol=card.symbol,
        version=card.version,
        best_epoch=card.best_epoch,
        n_epochs=card.n_epochs,
        stopping_reason=card.stopping_reason,
        simulated=card.simulated,
        metrics=card.metrics,
    )


def _decision(lake: Lake, settings: Settings, symbol: str) -> tuple[str, str, str]:
    rows = decisions(lake, symbol, str(settings.instrument(symbol).timeframe))
    if rows.empty:
        return symbol, "naive", "no decision yet"
    last = rows.iloc[-1]
    serves = f"{last['champion_model_type']} {last['champion_version']}" if last["champion_version"] else "naive"
    return symbol, serves, str(last["summary"])
