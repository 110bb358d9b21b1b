"""Kinds: every kind of model by its name.

Belongs here: which there are, and loading their libraries ahead of use. Not here: any of them (`models.networks`,
`models.boosting`, `models.naive`).
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import partial
from importlib import import_module
from typing import Final

from bot_core_dagster.beside import beside
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


def libraries_loading(names: Iterable[str]) -> AbstractContextManager[None]:
    """Import what these kinds compute with while a block reads what they are asked about: torch takes over a second."""
    libraries = sorted({_KINDS[name].library for name in names if name in _KINDS} - {""})
    return beside(*(partial(import_module, library) for library in libraries))
