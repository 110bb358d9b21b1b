"""The card of a model: what it is, what it was made of, and whether it can still be used.

Belongs here: the card, its JSON, the version that follows from what determines a model, the check before use. Not here:
its files (`models.store`), its row in the lake (`models.registry`), how calibration and drift are written.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from bot_core_dagster.errors import ModelError
from bot_core_dagster.identity import as_json, sources_hash
from bot_core_dagster.models.feature_probe import changed_features, feature_probe
from bot_core_dagster.models.labels import HORIZONS, MOVE_DEVIATIONS, VOLATILITY, Labels
from bot_core_dagster.models.plan import TrainingPlan
from bot_core_dagster.models.predictions import QUANTILES, ModelKind
from bot_core_dagster.models.slices import Slices
from bot_core_dagster.models.windows import WINDOW_BARS, Scaler, Windows
from bot_core_dagster.settings import Instrument

if TYPE_CHECKING:
    import pandas as pd

SCHEMA: Final = 1
"""Of the card; one that another number wrote is refused."""

_PACKAGE: Final = Path(__file__).parents[1]
SOURCES: Final = (_PACKAGE / "features", _PACKAGE / "models")
"""Folders whose code decides what a model is."""
_DIGITS: Final = 16
_LIBRARIES: Final = ("numpy", "scikit-learn", "torch", "xgboost-cpu")
_DECIDES: Final = {"symbol", "timeframe", "calendar", "price_side"}
"""Fields of an instrument that decide what a model learns; costs decide only what it earns."""


@dataclass(frozen=True)
class LabelDefinition:
    """What up and down mean, and how returns are scaled (`models.labels`)."""

    horizons: int = HORIZONS
    move_deviations: float = MOVE_DEVIATIONS
    volatility: str = VOLATILITY


@dataclass(frozen=True)
class SliceTimes:
    """As-of times of the first and the last row of a slice, UTC, and how many rows it has."""

    first: datetime
    last: datetime
    n_rows: int


@dataclass(frozen=True)
class ModelCard:
    """All that is to be known of a trained model beside its weights.

    model_type : name of its kind; version: what `version_of` says
    architecture, options : of the kind, and of the training
    columns, scaler : features that it reads, in this order and scale
    probe : what the code computed for each of these columns on bars that never change (`models.feature_probe`)
    as_of : close of the last bar that was known
    bars_content_hash : of these bars; features_content_hash: of the features that it read
    slices : as-of times of each slice
    used_until : end of the last label used for training, stopping, calibration or conformal; what comes after is new
    best_epoch, n_epochs : from 1; 0 without epochs
    calibration, drift : JSON of `models.calibration` and `models.drift`
    metrics : figures on the rows that it has not seen; NaN is undefined
    simulated : whether the simulated source made any of its bars
    files : sha256 of each file of its weights; filled in where it is stored
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_inf_nan="strings", extra="forbid")

    model_type: str
    symbol: str
    timeframe: str
    version: str
    trained_at: datetime
    architecture: Mapping[str, Any]
    options: Mapping[str, Any]
    columns: tuple[str, ...]
    scaler: Scaler
    as_of: datetime
    bars_content_hash: str
    features_content_hash: str
    code_version: str
    slices: Mapping[str, SliceTimes]
    used_until: datetime
    best_epoch: int
    n_epochs: int
    stopping_reason: str
    calibration: str
    drift: str
    metrics: Mapping[str, float]
    simulated: bool
    probe: Mapping[str, float] = field(default_factory=lambda: feature_probe())
    label: LabelDefinition = LabelDefinition()
    window_bars: int = WINDOW_BARS
    quantiles: tuple[float, ...] = QUANTILES
    libraries: Mapping[str, str] = field(default_factory=lambda: libraries())
    files: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON holds it: times in ISO 8601, NaN as "NaN"."""
        content: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return content

    def to_json(self) -> str:
        """Return it as JSON text."""
        return _adapter().dump_json(self, indent=2).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> "ModelCard":
        """Return the card that `to_json` wrote.

        Raises
        ------
        ModelError
            If it is no card, or that of another schema: says which.
        """
        try:
            content = json.loads(text)
        except ValueError as error:
            raise ModelError(f"the card is corrupt or cut off ({error}); next: train the model again") from None
        schema = content.get("schema") if isinstance(content, dict) else None
        if schema != SCHEMA:
            raise ModelError(
                f"the card has schema {schema if schema is not None else 'none'}, this Bot Core reads {SCHEMA}; next: "
                "train the model again"
            )
        try:
            return _adapter().validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            at = ".".join(map(str, first["loc"]))
            raise ModelError(f"the card is not whole: {at}: {first['msg']}; next: train the model again") from None


def check_usable(card: ModelCard, columns: Sequence[str] | None = None) -> None:
    """Refuse a model whose label, window, quantiles or features are no longer what the code computes.

    Parameters
    ----------
    card : ModelCard
    columns : sequence of str, optional
        What it would be given, in this order. By default it picks its own out of the catalog, so that features which
        were added since, or stand in another order there, do no harm.

    Raises
    ------
    ModelError
        Names everything that differs.
    """
    now = {"label": LabelDefinition(), "window bars": WINDOW_BARS, "quantiles": QUANTILES}
    then = {"label": card.label, "window bars": card.window_bars, "quantiles": card.quantiles}
    differs = [f"{name} was {_shown(then[name])} and is {_shown(now[name])}" for name in now if then[name] != now[name]]
    given = list(feature_probe()) if columns is None else list(columns)
    differs += [f"{name} was removed" for name in card.columns if name not in given]
    if columns is not None:
        differs += [f"{name} was added" for name in given if name not in card.columns]
        if sorted(given) == sorted(card.columns) and given != list(card.columns):
            differs.append(f"features were in the order {', '.join(card.columns)} and are in {', '.join(given)}")
    asked = {name: card.probe.get(name, np.nan) for name in card.columns}
    differs += [f"{name} is computed otherwise" for name in changed_features(asked)]
    if differs:
        raise ModelError(
            f"{card.model_type} {card.version} of {card.symbol} cannot be used: {'; '.join(differs)}; next: bot-core "
            f"train {card.model_type} {card.symbol}"
        )


def version_of(kind: ModelKind, content_hash: str, instrument: Instrument, plan: TrainingPlan) -> str:
    """Return the id of the model that this training gives: equal where all that determines it is.

    Kind and architecture, the plan (from which and the bars the slices follow), the bars, the instrument's fields that
    decide what is learned, the code of features and models, and the versions of the libraries.
    """
    made_of = {
        "kind": kind.name,
        "architecture": dict(kind.architecture),
        "plan": {name: part for name, part in plan.as_parameters().items() if name != "is_first"},
        "bars": content_hash,
        "instrument": instrument.model_dump(mode="json", include=_DECIDES),
        "code": code_version(),
        "libraries": libraries(),
    }
    return hashlib.sha256(as_json(made_of).encode()).hexdigest()[:_DIGITS]


@cache
def code_version() -> str:
    """Return a hash of the code that decides what a model is, read once a process."""
    return hashlib.sha256(f"{version('bot-core')} {sources_hash(SOURCES)}".encode()).hexdigest()[:_DIGITS]


@cache
def _installed() -> tuple[tuple[str, str], ...]:
    found = []
    for name in _LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that decide what a model is."""
    return dict(_installed())


def features_hash(windows: Windows) -> str:
    """Return the sha256 of the names and values of features, float32, undefined ones alike."""
    digest = hashlib.sha256(json.dumps(windows.columns).encode())
    digest.update(np.where(np.isnan(windows.matrix), np.float32(np.nan), windows.matrix).tobytes())
    return digest.hexdigest()


def slice_times(labels: Labels, slices: Slices) -> dict[str, SliceTimes]:
    """Return the as-of times of each slice's first and last row; a slice without rows is left out."""
    rows = {name: places for name, places in vars(slices).items() if len(places)}
    return {
        name: SliceTimes(_moment(labels.start[places[0]]), _moment(labels.start[places[-1]]), len(places))
        for name, places in rows.items()
    }


def used_until(labels: Labels, slices: Slices) -> datetime:
    """Return the end of the last label that any slice but the unseen one reads."""
    used = [slices.training, slices.stopping, slices.calibration, slices.conformal]
    return _moment(labels.end[np.concatenate(used)].max())


def _moment(time: "pd.Timestamp") -> datetime:
    moment: datetime = time.to_pydatetime()
    return moment


def _shown(part: Any) -> str:
    return json.dumps(asdict(part) if isinstance(part, LabelDefinition) else part)


@cache
def _adapter() -> TypeAdapter[ModelCard]:
    return TypeAdapter(ModelCard)
