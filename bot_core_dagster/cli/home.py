"""The launcher: what must be so before Dagster is imported or started.

Belongs here: DAGSTER_HOME, the project root on sys.path, telemetry off. Not here: starting processes (`cli.up`),
executing jobs (`cli.cycle`), where state lies (`settings.state_home`).
"""

import os
import sys
from pathlib import Path

from bot_core_dagster.errors import SettingsError
from bot_core_dagster.settings import PROJECT_ROOT, settings_file, state_home


def project_root() -> Path:
    """Return the checkout that holds the Dagster layer.

    Raises
    ------
    SettingsError
        If there is none: the wheel holds the core alone.
    """
    if not (PROJECT_ROOT / "dagster.yaml").is_file():
        raise SettingsError(
            f"{PROJECT_ROOT} is no checkout of Bot Core (no dagster.yaml there); "
            "run from a checkout, or set BOT_CORE_PROJECT to one"
        )
    return PROJECT_ROOT.resolve()


def prepare_dagster_home() -> Path:
    """Make $BOT_CORE_HOME/dagster, point DAGSTER_HOME to it and make the project importable; return the folder.

    dagster.yaml there is a link to the checkout's; a file of the user's own in its place is left alone. Every place is
    made absolute, since Dagster starts processes in other folders.

    Raises
    ------
    SettingsError
        If there is no checkout, or the folder cannot be made.
    """
    root = project_root()
    home = state_home() / "dagster"
    try:
        home.mkdir(parents=True, exist_ok=True)
        _link(home / "dagster.yaml", root / "dagster.yaml")
    except OSError as error:
        raise SettingsError(f"{home}: cannot be made: {error.strerror}; next: set BOT_CORE_HOME to another") from None
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    os.environ["BOT_CORE_HOME"] = str(state_home())
    os.environ["BOT_CORE_CONFIG"] = str(settings_file())
    os.environ["BOT_CORE_PROJECT"] = str(root)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return home


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() != target:
        link.unlink()
    if not link.is_symlink() and not link.exists():
        link.symlink_to(target)
