"""Which strategies there are, and which of them the settings switch on.

Belongs here: finding them, their order, what settings may say of them. Not here: what they decide
(`strategies.catalog`). A file dropped into the catalog adds its strategies; nothing else has to be edited.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Final

from bot_core_dagster.errors import ParameterError, SettingsError, UnknownNameError
from bot_core_dagster.settings import StrategySettings
from bot_core_dagster.strategies.strategy import Strategy

CATALOG: Final = "bot_core_dagster.strategies.catalog"


@cache
def strategies_of(package: str = CATALOG) -> tuple[Strategy, ...]:
    """Return the strategies of every module of `package`, by module name, then in the order they stand there.

    Raises
    ------
    UnknownNameError
        If two of them have one name.
    """
    folder = importlib.import_module(package).__path__
    modules = sorted(module.name for module in pkgutil.iter_modules(folder))
    declared = {
        id(each): each
        for module in modules
        for each in vars(importlib.import_module(f"{package}.{module}")).values()
        if isinstance(each, Strategy) and not isinstance(each, type)
    }
    names = [strategy.name for strategy in declared.values()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnknownNameError(
            f"strategies have one name each, but {package} declares {', '.join(twice)} more than once; "
            "next: rename one of them"
        )
    return tuple(declared.values())


def strategies() -> dict[str, Strategy]:
    """Return every strategy of the catalog by name: by file, then in the order they stand there."""
    return {strategy.name: strategy for strategy in strategies_of()}


def strategy_named(name: str) -> Strategy:
    """Return the strategy of that name.

    Raises
    ------
    UnknownNameError
        If there is none; the message lists those there are.
    """
    known = strategies()
    if name not in known:
        raise UnknownNameError(f"unknown strategy {name!r}; there are {', '.join(known)}")
    return known[name]


def enabled_strategies(settings: Mapping[str, StrategySettings]) -> tuple[Strategy, ...]:
    """Return the strategies that have a section which says `enabled`, in the order of the catalog.

    Raises
    ------
    SettingsError
        As `check_settings`.
    """
    check_settings(settings)
    return tuple(each for name, each in strategies().items() if name in settings and settings[name].enabled)


def settings_of(name: str, settings: Mapping[str, StrategySettings]) -> StrategySettings:
    """Return the section of a strategy; one that is not enabled, with all defaults, where it has none.

    Raises
    ------
    UnknownNameError
        If there is no such strategy.
    """
    return settings.get(strategy_named(name).name, StrategySettings(enabled=False))


def check_settings(settings: Mapping[str, StrategySettings]) -> None:
    """Refuse sections of strategies that there are not, and parameters that they cannot have.

    Raises
    ------
    SettingsError
        Names the key, what came and what is allowed.
    """
    known = strategies()
    for name, section in settings.items():
        if name not in known:
            raise SettingsError(f"strategies.{name}: no such strategy; allowed: {', '.join(known)}")
        try:
            known[name].space.complete(section.parameters)
        except ParameterError as error:
            raise SettingsError(f"strategies.{name}.parameters: {error}") from None
