"""Which features there are: every `Feature` that a file of `features.catalog` holds.

Belongs here: finding them, their order, and the refusal of two columns of one name. Not here: what they compute
(`features.catalog`). A file dropped into the catalog adds its columns; nothing else has to be edited.
"""

import importlib
import pkgutil
from functools import cache
from typing import Final

from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.features.definition import Column, Feature

CATALOG: Final = "bot_core_dagster.features.catalog"


@cache
def features_of(package: str = CATALOG) -> tuple[Feature, ...]:
    """Return the features of every module of `package`, by module name, then in the order they stand there.

    Raises
    ------
    UnknownNameError
        If two features name a column alike.
    """
    folder = importlib.import_module(package).__path__
    modules = sorted(module.name for module in pkgutil.iter_modules(folder))
    found = [
        declared
        for module in modules
        for declared in vars(importlib.import_module(f"{package}.{module}")).values()
        if isinstance(declared, Feature)
    ]
    names = [column.name for declared in found for column in declared.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnknownNameError(
            f"feature columns have one name each, but {package} declares {', '.join(twice)} more than once; "
            "next: rename one of them"
        )
    return tuple(found)


def feature_columns(package: str = CATALOG) -> tuple[Column, ...]:
    """Return the described feature columns in the order of the features frame."""
    return tuple(column for declared in features_of(package) for column in declared.columns)
