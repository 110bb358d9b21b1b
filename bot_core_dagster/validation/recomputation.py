"""Recomputation: a function's values for some of the bars, as it would give them with nothing else known.

Belongs here: calling a feature, a strategy or a user's function on a part of the bars and of its other inputs, and
finding it by name. Not here: which parts (`validation.cuts`), what differs between them (`validation.look_ahead`).
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd

from bot_core_dagster.errors import ParameterError, ShapeError, TimeError, UnknownNameError

Columns: TypeAlias = dict[str, pd.Series]
"""A function's values by column, each of shape (n_bars,) and indexed from 0."""

AVAILABLE_AT: Final = "available_at"
UNNAMED: Final = "value"
_CALENDAR: Final = "calendar_name"


@dataclass(frozen=True, eq=False)
class Recomputation:
    """A function with the bars and the other inputs that it is computed on.

    function : callable of the bars, and by name of the calendar (`calendar_name`) and of each of `inputs`
    bars : bar frame of one instrument, ascending
    calendar_name : the instrument's trading calendar
    inputs : frames that come late; each has `available_at`, when its row was known, with a zone

    Raises
    ------
    ParameterError
        If the function asks for what it is not given, or does not take one of the inputs.
    TimeError
        If an input does not say when its rows were available.
    """

    function: Callable[..., Any]
    bars: pd.DataFrame
    calendar_name: str
    inputs: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, frame in self.inputs.items():
            if AVAILABLE_AT not in frame or getattr(frame[AVAILABLE_AT].dtype, "tz", None) is None:
                raise TimeError(
                    f"input {name}: expected a column {AVAILABLE_AT} of times with a zone, got "
                    f"{', '.join(map(str, frame.columns))}; next: say when each row was known, not what it is of"
                )
        _, *others = self._parameters
        asked = {parameter.name for parameter in others if parameter.default is parameter.empty}
        missing = sorted(asked - {_CALENDAR, *self.inputs})
        unknown = sorted(set(self.inputs) - {parameter.name for parameter in others})
        if missing or unknown:
            raise ParameterError(
                f"{name_of(self.function)} asks for {', '.join(missing) or 'nothing'} beyond bars, {_CALENDAR} and the "
                f"inputs, and takes no input {', '.join(unknown) or '(all taken)'}; next: give its parameters defaults "
                "(functools.partial), and each input the name of a parameter"
            )

    def values(self, start: int, stop: int) -> Columns:
        """Return the function's values for bars start..stop - 1, from these and what was available at their end alone.

        Raises
        ------
        ShapeError
            If the function fails on so few bars, or does not give one value a bar.
        """
        arguments = self._available(stop)
        if any(parameter.name == _CALENDAR for parameter in self._parameters[1:]):
            arguments[_CALENDAR] = self.calendar_name
        try:
            found = self.function(self.bars.iloc[start:stop].reset_index(drop=True), **arguments)
        except Exception as error:
            raise ShapeError(
                f"{name_of(self.function)} failed on {stop - start} bars ({type(error).__name__}: {error}); "
                "next: return NaN where too little is known"
            ) from error
        return _columns(found, stop - start, name_of(self.function))

    def _available(self, stop: int) -> dict[str, Any]:
        """Return the rows of the other inputs that were known at the close of bar stop - 1."""
        if not self.inputs:
            return {}
        until = self.bars["close_time"].iloc[stop - 1]
        return {name: frame[frame[AVAILABLE_AT] <= until].reset_index(drop=True) for name, frame in self.inputs.items()}

    def arrivals(self) -> list[pd.DatetimeIndex]:
        """Return when the rows of each input became available."""
        return [pd.DatetimeIndex(frame[AVAILABLE_AT].dropna()) for frame in self.inputs.values()]

    @cached_property
    def _parameters(self) -> list[inspect.Parameter]:
        parameters = list(inspect.signature(self.function).parameters.values())
        named = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
        if not named:
            raise ParameterError(f"{name_of(self.function)} takes no bars; next: a function of a bar frame")
        return named


def load_function(reference: str) -> Callable[..., Any]:
    """Return the function that "module:function" or "file.py:function" names.

    Parameters
    ----------
    reference : str
        The module is imported, with the working directory on the path.

    Raises
    ------
    UnknownNameError
        If there is no such module or function; the message lists the functions there are.
    """
    module_name, colon, function_name = reference.partition(":")
    if not (module_name and colon and function_name):
        raise UnknownNameError(f"expected MODULE:FUNCTION, got {reference!r}; next: my_features:momentum, for example")
    module = _imported(module_name)
    function: Any = getattr(module, function_name, None)
    if not callable(function):
        there = sorted(name for name, found in vars(module).items() if inspect.isfunction(found) and name[0] != "_")
        raise UnknownNameError(
            f"{module_name} has no function {function_name!r}; there are {', '.join(there) or 'none'}"
        )
    loaded: Callable[..., Any] = function
    return loaded


def name_of(function: Callable[..., Any]) -> str:
    """Return what a report calls the function; that of a strategy is told by the strategy's name."""
    inner = getattr(function, "func", function)
    owner = getattr(getattr(inner, "__self__", None), "name", None)
    if owner is not None:
        return f"{owner}.{inner.__name__}"
    return str(getattr(inner, "__qualname__", type(inner).__name__))


def _imported(module_name: str) -> Any:
    path = Path(module_name)
    folder = str(path.parent.resolve() if path.suffix == ".py" else Path.cwd())
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(path.stem if path.suffix == ".py" else module_name)
    except ModuleNotFoundError as error:
        raise UnknownNameError(
            f"no module {module_name!r} ({error}); next: run where it lies, or give the path of its file"
        ) from error
    finally:
        sys.path.remove(folder)


def _columns(found: Any, n_bars: int, name: str) -> Columns:
    if isinstance(found, pd.DataFrame):
        columns = {str(column): found[column] for column in found}
    elif isinstance(found, pd.Series):
        columns = {str(found.name or UNNAMED): found}
    else:
        array = np.asarray(found)
        if array.ndim not in (1, 2):
            raise ShapeError(f"{name} must give one value a bar, got {type(found).__name__} of shape {array.shape}")
        parts = (
            {UNNAMED: array} if array.ndim == 1 else {f"{UNNAMED} {place}": part for place, part in enumerate(array.T)}
        )
        columns = {column: pd.Series(part, copy=True) for column, part in parts.items()}
    lengths = {column: len(values) for column, values in columns.items() if len(values) != n_bars}
    if lengths or not columns:
        came = ", ".join(f"{length} for {column}" for column, length in lengths.items()) or "no column"
        raise ShapeError(f"{name} must give one value a bar, expected {n_bars}, got {came}; next: keep every bar's row")
    if isinstance(found, pd.Series | pd.DataFrame):
        columns = {column: values.reset_index(drop=True) for column, values in columns.items()}
    return {column: _comparable(values) for column, values in columns.items()}


def _comparable(values: pd.Series) -> pd.Series:
    return values.astype(object) if isinstance(values.dtype, pd.CategoricalDtype) else values
