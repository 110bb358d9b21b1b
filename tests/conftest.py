"""What every test shares: where the real files are, and a state home that is never the user's.

Belongs here: fixtures for all. Not here: data builders (`tests/builders.py`).
"""

import os
from pathlib import Path

import pytest

_DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files: skipped where absent, a failure where BOT_CORE_TEST_DATA names a missing one."""
    declared = os.environ.get("BOT_CORE_TEST_DATA")
    folder = Path(declared) if declared else _DEFAULT_DATA
    if not folder.is_dir():
        if declared:
            pytest.fail(f"BOT_CORE_TEST_DATA={declared} is not a folder")
        pytest.skip(f"no real data: {folder} is absent and BOT_CORE_TEST_DATA is unset")
    return folder


@pytest.fixture(autouse=True)
def _own_state_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_CORE_HOME", str(tmp_path_factory.mktemp("home")))
