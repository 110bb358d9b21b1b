"""Where pages lie on disk.

Belongs here: where pages are kept, and writing one so that a reader sees the old one or the new one, never a part. Not
here: what is on it (`reports.page`).
"""

import os
import tempfile
from pathlib import Path

from bot_core_dagster.errors import BotCoreError
from bot_core_dagster.settings import state_home


def report_file(name: str) -> Path:
    """Return where the page called `name` is kept: $BOT_CORE_HOME/reports/`name`.html; odd letters are written %3A."""
    safe = "".join(letter if letter.isalnum() or letter in "._-" else f"%{ord(letter):02X}" for letter in name)
    return state_home() / "reports" / f"{safe}.html"


def write_page(file: Path, page: str) -> Path:
    """Write `page` to `file`, atomically and durably, with the folders that it lies in; return `file`.

    Raises
    ------
    BotCoreError
        If the disk refuses; a page that was there before is still there then.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, suffix=".part", delete=False, encoding="utf-8") as part:
            try:
                part.write(page)
                part.flush()
                os.fsync(part.fileno())
                Path(part.name).replace(file)
            except OSError:
                Path(part.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise BotCoreError(f"{file}: cannot be written: {error.strerror}; next: bot-core doctor") from None
    return file
