"""What is wrong with the settings, in one line: file or variable, key, what came, what is allowed.

Belongs here: turning pydantic's errors into that line. Not here: what is allowed (`settings`).
"""

import json
import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeGuard, get_args

from pydantic import BaseModel, ValidationError

from bot_core_dagster.places import PREFIX

_REWORDED: Final = {
    "missing": "is required",
    "tuple_type": "should be a list of [[watchlist]] tables",
    "model_type": "should be a table",
    "model_attributes_type": "should be a table",
}


def first_error(model: type[BaseModel], path: Path, content: Mapping[str, Any], error: ValidationError) -> str:
    """Return the first error in one line; an unknown key before all others, since a slip also lacks the right key.

    Parameters
    ----------
    model : the settings
    path, content : the settings file and what was read from it
    """
    problem = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    location = [str(part) for part in problem["loc"]]
    variable = _variable_of(location)
    where = f"variable {variable}" if variable else str(path)
    key = _shown_key(location, {} if variable else content)
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key {key}; allowed: {', '.join(_model_at(model, location[:-1]).model_fields)}"
    said = _REWORDED.get(problem["type"], problem["msg"].removeprefix("Value error, ").removeprefix("Input "))
    return f"{where}: {key or 'settings'}: {said}{_came(problem.get('input'))}"


def unreadable_variable(error: Exception) -> str:
    """Return which variable is no JSON where it should be; pydantic-settings names the field alone."""
    field = re.search(r'field "(\w+)"', str(error))
    start = PREFIX + (field[1].upper() if field else "")
    for variable in sorted(os.environ):
        if variable.upper().startswith(start):
            try:
                json.loads(os.environ[variable])
            except ValueError as problem:
                return f"variable {variable}: should be JSON ({problem}){_came(os.environ[variable])}"
    return str(error)


def _came(given: Any) -> str:
    if isinstance(given, Mapping | BaseModel):
        return ""
    return f", got {given.isoformat() if isinstance(given, date) else repr(given)}"


def _shown_key(location: list[str], content: Mapping[str, Any]) -> str:
    """Return the key as in the file: watchlist[2] (BNBUSDT).costs.fee_bps."""
    key = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in location).lstrip(".")
    if location[:1] != ["watchlist"] or len(location) < 3 or location[2] == "symbol":
        return key
    symbol = content["watchlist"][int(location[1])].get("symbol") if content else None
    start = f"watchlist[{location[1]}]"
    return key.replace(start, f"{start} ({symbol})", 1) if symbol else key


def _variable_of(location: list[str]) -> str | None:
    """Return the variable that a location was read from: its own, one above it, or one below it."""
    by_name = {variable.upper(): variable for variable in os.environ}
    for length in range(len(location), 0, -1):
        name = (PREFIX + "__".join(location[:length])).upper()
        if name in by_name:
            return by_name[name]
    below = (PREFIX + "__".join(location)).upper() + "__"
    return next((variable for name, variable in by_name.items() if name.startswith(below)), None)


def _model_at(model: type[BaseModel], location: list[str]) -> type[BaseModel]:
    for part in location:
        if part in model.model_fields:  # not the place in a list or the name in a table of sections
            annotation = model.model_fields[part].annotation
            sections = [one for one in (*get_args(annotation), annotation) if _is_section(one)]
            model = sections[0]
    return model


def _is_section(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
