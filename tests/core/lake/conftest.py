"""Fixtures of the lake's tests: an empty lake."""

from pathlib import Path

import pytest

from bot_core_dagster.lake import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)
