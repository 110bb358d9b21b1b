"""Kinds: every kind of model by its name.

Belongs here: which there are, and what they compute with. Not here: any of them (`models.networks`,
`models.boosting`, `models.naive`).
"""

from collections.abc import Iterable
from typing import Final

from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.models.boosting import BOOSTING
from bot_core_dagster.models.naive import NAIVE
from bot_core_dagster.models.networks import GRU, LSTM, TRANSFORMER
from bot_core_dagster.models.predictions import ModelKind

_KINDS: Final = {kind.name: kind for kind in (LSTM, GRU, TRANSFORMER, BOOSTING, NAIVE)}

MODEL_TYPES: Final = ("lstm", "gru", "transformer", "boosting")
"""Kinds that are trained as assets, in this order; naive is counted where it is needed."""


def kind_named(name: str) -> ModelKind:
    """Return the kind of this name.

    Raises
    ------
    UnknownNameError
        If there is none; the message names those there are.
    """
    if name not in _KINDS:
        raise UnknownNameError(f"no model is named {name!r}; there are {', '.join(_KINDS)}")
    return _KINDS[name]


def trained_kind_named(name: str) -> ModelKind:
    """Return the kind of this name, of those that are trained as assets.

    Raises
    ------
    UnknownNameError
        If there is none; the message names those there are.
    """
    if name not in MODEL_TYPES:
        raise UnknownNameError(f"no model to train is named {name!r}; there are {', '.join(MODEL_TYPES)}")
    return _KINDS[name]


def libraries_of(names: Iterable[str]) -> list[str]:
    """Return the modules that these kinds compute with, and import on use; of a name that is no kind, none."""
    return sorted({_KINDS[name].library for name in names if name in _KINDS} - {""})
