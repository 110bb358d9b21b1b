"""The tree of errors is the one drawn at the top of the file."""

import inspect
import re

import pytest

from bot_core_dagster import errors
from bot_core_dagster.errors import BotCoreError

TYPES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, BotCoreError)]


@pytest.mark.parametrize("kind", TYPES, ids=[kind.__name__ for kind in TYPES])
def test_every_error_is_drawn_and_says_what_it_is(kind: type[BotCoreError]) -> None:
    assert kind.__doc__
    assert kind.__name__ in (errors.__doc__ or "")


def test_the_drawing_shows_each_error_below_its_base() -> None:
    drawn: list[tuple[int, str]] = [
        (match.start(1), match[1])
        for line in (errors.__doc__ or "").splitlines()
        if (match := re.match(r"[├└│─ ]*(\w+Error)\b", line))
    ]
    parents = {"BotCoreError": Exception}
    above: list[tuple[int, str]] = []
    for depth, name in drawn:
        above = [one for one in above if one[0] < depth]
        kind = getattr(errors, name)
        assert kind.__base__ is (getattr(errors, above[-1][1]) if above else parents[name])
        above.append((depth, name))
    assert len(drawn) == len(TYPES)
