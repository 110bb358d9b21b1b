"""The names that the room gives to others."""

import pytest

from bot_core_dagster import lake


@pytest.mark.parametrize("name", lake.__all__)
def test_an_exported_name_is_there_and_lives_in_this_room(name: str) -> None:
    """Most are imported when they are first asked for."""
    exported = getattr(lake, name)
    assert getattr(exported, "__module__", lake.__name__).startswith(lake.__name__)


def test_another_name_is_none() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Delta'"):
        getattr(lake, "Delta")  # noqa: B009 the type checker knows that there is none
