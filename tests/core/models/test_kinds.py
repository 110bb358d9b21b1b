"""Kinds: found by name, their libraries loaded beside other work and never without need."""

import subprocess
import sys

import pytest

from bot_core_dagster.errors import UnknownNameError
from bot_core_dagster.models.kinds import MODEL_TYPES, kind_named, trained_kind_named

LOADED = """
import sys
from bot_core_dagster.models.kinds import libraries_loading
with libraries_loading({names}):
    pass
print([name for name in ("torch", "xgboost") if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("names", "loaded"),
    [
        (["lstm", "transformer"], ["torch"]),
        (["boosting", "naive"], ["xgboost"]),
        (["naive", "a kind of another version"], []),
        ([], []),
    ],
)
def test_only_the_libraries_of_the_kinds_asked_about_are_loaded(names: list[str], loaded: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(names=names)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(loaded)


def test_every_kind_is_found_and_another_name_is_told_which_there_are() -> None:
    assert [trained_kind_named(name).name for name in MODEL_TYPES] == list(MODEL_TYPES)
    with pytest.raises(UnknownNameError, match="lstm, gru, transformer, boosting, naive"):
        kind_named("tarot")
    with pytest.raises(UnknownNameError, match=r"lstm, gru, transformer, boosting$"):
        trained_kind_named("naive")
