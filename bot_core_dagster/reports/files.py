"""Where pages lie on disk.

Belongs here: writing a page so that a reader sees the old one or the new one, never a part. Not here: what is on it
(`reports.page`).
"""

import os
import tempfile
from pathlib import Path

from bot_core_dagster.errors import BotCoreError
from bot_core_dagster.settings import state_home


def write_report(name: str, page: str) -> Path:
    """Write `page` as $BOT_CORE_HOME/reports/`name`, atomically and durably; return where.

    Raises
    ------
    BotCoreError
        If the disk refuses; a page that was there before is still there then.
    """
    folder = state_home() / "reports"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".part", delete=False, encoding="utf-8") as part:
            try:
                part.write(page)
                part.flush()
                os.fsync(part.fileno())
                Path(part.name).replace(folder / name)
            except OSError:
                Path(part.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise BotCoreError(f"{folder / name}: cannot be written: {error.strerror}; next: bot-core doctor") from None
    return folder / name
