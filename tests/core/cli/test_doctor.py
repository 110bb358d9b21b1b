"""`bot-core doctor`: each finding is true and says the next step."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import Result

from bot_core_dagster.cli import checkup
from bot_core_dagster.lake import default_lake
from bot_core_dagster.places import state_home
from tests.builders import bars

Run = Callable[..., Result]
Answer = Callable[..., Any]


def test_a_sound_installation_has_no_failure(answer: Answer) -> None:
    default_lake(create=True).upsert_bars(bars(50))
    findings = {one["name"]: one for one in answer("doctor")}
    assert list(findings) == [
        "python", "packages", "settings", "state", "disk", "lake", "dagster", "port", "libraries", "time zones",
    ]  # fmt: skip
    assert findings["lake"]["detail"].startswith("1 tables, ")
    assert "fail" not in {one["verdict"] for one in findings.values()}


def test_whatever_is_not_well_says_the_next_step(run: Run, settings_path: Path) -> None:
    settings_path.write_text("[sauces]\n")
    (state_home() / "lake").mkdir()
    (state_home() / "lake" / "diary.txt").write_text("not a lake")
    result = run("doctor")
    assert result.exit_code == 1
    assert "unknown key sauces" in result.stdout
    assert "is not a lake" in result.stdout
    assert f"edit {settings_path}" in result.stdout


def test_a_lake_that_lost_a_file_is_found_out(settings_path: Path) -> None:
    default_lake(create=True).upsert_bars(bars(50))
    next((state_home() / "lake" / "bars").rglob("*.parquet")).unlink()
    assert checkup.lake().verdict == "fail"


def test_a_taken_port_names_its_owner(settings_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(checkup, "_PORT", taken.getsockname()[1])
        found = checkup.port()
    assert found.verdict == "warn"
    assert f"(pid {os.getpid()})" in found.detail
    assert found.next_step.startswith("bot-core up --port ")


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "verdict"), [(100, "ok"), (20, "ok"), (19, "warn"), (10, "warn"), (9, "fail"), (0, "fail")]
)
def test_under_20_per_cent_of_free_disk_warns_and_under_10_fails(
    settings_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str
) -> None:
    """The disk's figures are given: a test cannot fill a disk."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(100, 100 - free, free))
    found = checkup.disk_space()
    assert (found.verdict, bool(found.next_step)) == (verdict, verdict != "ok")


def test_packages_that_differ_from_the_pinned_ones_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_text("rich==0.1  # old\ntyper==0.1; python_version > '3'\nnot-there==1.0\n")
    for needed in ("rich", "no-such-package"):
        (tmp_path / "pyproject.toml").write_text(f'[project]\ndependencies = ["{needed} >= 1"]\n')
        monkeypatch.setattr(checkup, "PROJECT_ROOT", tmp_path)
        found = checkup.packages()
        if needed == "rich":
            assert (found.verdict, "rich " in found.detail, "typer " in found.detail) == ("warn", True, True)
        else:
            assert (found.verdict, found.detail) == ("fail", "not installed: no-such-package")
