"""What the tests of the command line share: a settings file of their own, and a way to run commands."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bot_core_dagster.places import PROJECT_ROOT

Run = Callable[..., Result]


@pytest.fixture
def settings_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The delivered settings in a folder of the test; nothing that a command sets in the environment outlives it."""
    path = tmp_path / "bot_core.toml"
    path.write_bytes((PROJECT_ROOT / "bot_core.toml").read_bytes())
    monkeypatch.setenv("BOT_CORE_CONFIG", str(path))
    for name in ("BOT_CORE_PROJECT", "DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, os.environ.get(name, str(PROJECT_ROOT)))
    monkeypatch.setenv("COLUMNS", "400")
    return path


@pytest.fixture
def run(settings_path: Path) -> Run:
    """Run a command in this process."""

    def _run(*arguments: str) -> Result:
        from bot_core_dagster.cli.app import app

        return CliRunner().invoke(app, list(arguments))

    return _run


@pytest.fixture
def answer(run: Run) -> Callable[..., Any]:
    """Run a command that succeeds, with --json, and return what it says."""

    def _answer(*arguments: str) -> Any:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return _answer


@pytest.fixture
def shell(settings_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run a command as a process of its own."""

    def _shell(*arguments: str, **changed: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "bot_core_dagster.cli", *arguments],
            env=os.environ | changed,
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return _shell


@pytest.fixture(autouse=True)
def _no_terminal_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of pytest-xdist set one."""
    monkeypatch.delenv("COLUMNS", raising=False)
