"""Where things are: the checkout, the settings file, the folder of all state.

Belongs here: paths that variables may move. Not here: what a user may set (`settings`), paths inside the lake (`lake`).
It imports nothing heavy, so that `bot-core sql` starts at once.
"""

import os
from pathlib import Path
from typing import Final

PREFIX: Final = "BOT_CORE_"
"""What every variable of Bot Core starts with."""

PLACES: Final = ("HOME", "CONFIG", "PROJECT", "TEST_DATA")
"""Variables with the prefix that say where things are and are no settings."""

PROJECT_ROOT: Final = Path(os.environ.get("BOT_CORE_PROJECT", Path(__file__).resolve().parent.parent))


def state_home() -> Path:
    """Return the folder of all state: $BOT_CORE_HOME, else .bot_core in the checkout."""
    return Path(os.environ.get("BOT_CORE_HOME", PROJECT_ROOT / ".bot_core")).expanduser().resolve()


def settings_file() -> Path:
    """Return the settings file: $BOT_CORE_CONFIG, else bot_core.toml in the checkout."""
    return Path(os.environ.get("BOT_CORE_CONFIG", PROJECT_ROOT / "bot_core.toml")).expanduser().resolve()
