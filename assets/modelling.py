"""What the assets of models read of each symbol, and how they fail.

Belongs here: bars with the features made of them, progress of a training, which errors Dagster may try again. Not here:
what is trained (`assets.models`), reading alone (`assets.reading`).
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from typing import Final

import dagster as dg

from assets.reading import Read, stored_bars
from bot_core_dagster.ahead import begin
from bot_core_dagster.errors import LakeConflictError
from bot_core_dagster.lake import Lake
from bot_core_dagster.models.decision import Champion
from bot_core_dagster.models.intervals import load_loop
from bot_core_dagster.models.kinds import libraries_of
from bot_core_dagster.models.known import Known
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.predictions import Curve
from bot_core_dagster.models.registry import champions_of, models_of
from bot_core_dagster.models.registry_tables import MODEL_DECISIONS
from bot_core_dagster.models.store import ModelStore
from bot_core_dagster.settings import Instrument
from resources.mlflow_models import WantedModel, WantedVersion

TRANSIENT: Final = (LakeConflictError,)
"""What may have passed in five minutes."""

RETRIES: Final = 3
RETRY_DELAY_S: Final = 300.0


def known_bars(lake: Lake, instruments: Sequence[Instrument]) -> Mapping[str, Read[Known]]:
    """Return the current bars of each instrument with the features of exactly these bars.

    The features are computed (a millisecond for a year of hours), not read: they cannot be of other bars then.
    """
    stored = stored_bars(lake, instruments)
    return {
        one.symbol: Read(
            Known.of(stored[one.symbol].content, one, stored[one.symbol].versions["bars"]), stored[one.symbol].versions
        )
        for one in instruments
        if one.symbol in stored
    }


@dataclass(frozen=True, eq=False)
class Served:
    """What is known of an instrument, and the model in force; None where the naive forecast is."""

    known: Known
    champion: Champion | None


def served_bars(lake: Lake, instruments: Sequence[Instrument]) -> Mapping[str, Read[Served]]:
    """Return what `known_bars` does, and who serves with the version of these decisions: a person may decide, too."""
    decided = lake.content_hashes(MODEL_DECISIONS, [one.symbol for one in instruments])
    champions = champions_of(lake, {one.symbol: str(one.timeframe) for one in instruments})
    libraries = libraries_of(one.model_type for one in champions.values())
    begin(*(partial(import_module, name) for name in libraries), load_loop)
    return {
        symbol: Read(Served(one.content, champions.get(symbol)), {**one.versions, "champion": decided[symbol]})
        for symbol, one in known_bars(lake, instruments).items()
    }


def said_by_epoch(context: dg.AssetExecutionContext, symbol: str, plan: TrainingPlan) -> Callable[[int, Curve], None]:
    """Return what records an observation after each epoch: current, total, message."""

    def say(epoch: int, curve: Curve) -> None:
        losses = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in curve.items())
        context.log_event(
            dg.AssetObservation(
                asset_key=context.asset_key,
                partition=symbol,
                metadata={"current": epoch, "total": plan.max_epochs, "message": f"{symbol}, epoch {epoch}: {losses}"},
            )
        )

    return say


def plan_version(plan: TrainingPlan) -> str:
    """Return a hash of how models are trained."""
    return hashlib.sha256(json.dumps(asdict(plan), sort_keys=True).encode()).hexdigest()


@contextmanager
def tried_again_where_transient(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Have Dagster try again, five minutes later, what may have passed by then; whatever else is raised fails at once.

    Dagster follows a `RetryPolicy` where a run is cancelled, too, and no signal ends its wait between two attempts: so
    the attempt is asked for here, and the wait is here.
    """
    try:
        yield
    except TRANSIENT as error:
        if context.retry_number < RETRIES:
            context.log.warning(f"{error}; tried again in {RETRY_DELAY_S / 60:.0f} minutes")
            time.sleep(RETRY_DELAY_S)
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=0) from error


def wanted_in_mlflow(lake: Lake, store: ModelStore, instruments: Sequence[Instrument]) -> list[WantedModel]:
    """Return what MLflow's registry should say: each instrument's models, which serves, and which asks to."""
    champions = champions_of(lake, {one.symbol: str(one.timeframe) for one in instruments})
    return [_wanted(lake, store, one, champions.get(one.symbol)) for one in instruments]


def _wanted(lake: Lake, store: ModelStore, instrument: Instrument, champion: Champion | None) -> WantedModel:
    rows = models_of(lake, instrument.symbol, str(instrument.timeframe))
    serves = champion.version if champion else None
    others = rows[rows["version"] != serves]
    versions = tuple(
        WantedVersion(version, run_id or None, store.folder(instrument.symbol, kind, version))
        for version, run_id, kind in rows[["version", "mlflow_run_id", "model_type"]].astype(str).to_numpy().tolist()
    )
    challenger = str(others["version"].iloc[-1]) if len(others) else None
    return WantedModel(instrument.symbol, versions, champion=serves, challenger=challenger)
