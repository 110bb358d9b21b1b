"""The launcher's preparations."""

import os
import sys
from pathlib import Path

import pytest

from bot_core_dagster.cli.home import prepare_dagster_home
from bot_core_dagster.errors import SettingsError
from bot_core_dagster.places import PROJECT_ROOT, state_home


def test_dagster_is_given_a_home_below_the_state_with_the_checkouts_configuration(
    settings_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [part for part in sys.path if part != str(PROJECT_ROOT)])
    home = prepare_dagster_home()
    assert home == state_home() / "dagster"
    assert (home / "dagster.yaml").resolve() == (PROJECT_ROOT / "dagster.yaml").resolve()
    assert os.environ["DAGSTER_HOME"] == str(home)
    assert os.environ["DAGSTER_DISABLE_TELEMETRY"]
    assert sys.path[0] == str(PROJECT_ROOT)
    assert prepare_dagster_home() == home


def test_a_link_to_a_checkout_that_has_moved_is_mended(settings_path: Path) -> None:
    home = prepare_dagster_home()
    (home / "dagster.yaml").unlink()
    (home / "dagster.yaml").symlink_to("/nowhere/dagster.yaml")
    prepare_dagster_home()
    assert (home / "dagster.yaml").is_file()


def test_a_configuration_of_the_users_own_is_left_alone(settings_path: Path) -> None:
    home = prepare_dagster_home()
    (home / "dagster.yaml").unlink()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    prepare_dagster_home()
    assert not (home / "dagster.yaml").is_symlink()


def test_a_state_folder_that_cannot_be_made_is_a_settings_error(
    settings_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BOT_CORE_HOME", str(tmp_path / "file" / "state"))
    with pytest.raises(SettingsError, match=r"cannot be made: .*; next: set BOT_CORE_HOME"):
        prepare_dagster_home()
