"""Kinds: found by name, with the libraries that they need."""

import pytest

from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.models.kinds import MODEL_TYPES, kind_named, libraries_of, trained_kind_named


@pytest.mark.parametrize(
    ("names", "libraries"),
    [
        (["lstm", "transformer"], ["torch"]),
        (["boosting", "naive", "gru"], ["torch", "xgboost"]),
        (["naive", "a kind of another version"], []),
        ([], []),
    ],
)
def test_only_the_libraries_of_the_kinds_asked_about_are_named(names: list[str], libraries: list[str]) -> None:
    assert libraries_of(names) == libraries


def test_every_kind_is_found_and_another_name_is_told_which_there_are() -> None:
    assert [trained_kind_named(name).name for name in MODEL_TYPES] == list(MODEL_TYPES)
    with pytest.raises(UnknownNameError, match="lstm, gru, transformer, boosting, naive"):
        kind_named("tarot")
    with pytest.raises(UnknownNameError, match=r"lstm, gru, transformer, boosting$"):
        trained_kind_named("naive")
