"""Which strategies there are, and which of them the settings switch on.

Belongs here: the list; a new strategy is a file beside this one, a section in `settings.StrategiesSettings` and a line
here. Not here: what they decide.
"""

from typing import Final

from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.settings import StrategiesSettings
from bot_core_dagster.strategies.rsi import RsiStrategy
from bot_core_dagster.strategies.strategy import Strategy

STRATEGIES: Final = {"rsi": RsiStrategy.from_settings}
"""Each strategy's name, which is that of its section, and how it is made of it."""


def strategy_named(name: str, settings: StrategiesSettings) -> Strategy:
    """Return the strategy of that name with the parameters of its section.

    Raises
    ------
    UnknownNameError
        If there is none; the message lists those there are.
    """
    if name not in STRATEGIES:
        raise UnknownNameError(f"unknown strategy {name!r}; there are {', '.join(STRATEGIES)}")
    return STRATEGIES[name](getattr(settings, name))


def enabled_strategies(settings: StrategiesSettings) -> tuple[Strategy, ...]:
    """Return the strategies whose section says `enabled`, in the order of the list."""
    return tuple(strategy_named(name, settings) for name in STRATEGIES if getattr(settings, name).enabled)
