"""What makes a folder a lake: a marker file with the version of the layout.

Belongs here: recognising and marking the folder. Not here: what lies in it (`lake.delta`).
"""

import json
import os
from pathlib import Path
from typing import Final
from uuid import uuid4

from bot_core_dagster.errors import LakeError
from bot_core_dagster.lake.durable import sync_path

FORMAT: Final = 1
_ODD: Final = frozenset("%=*?[]")
MARKER: Final = "bot_core_lake.json"


def open_root(root: Path, *, create: bool) -> Path:
    """Return the absolute path of the lake at `root`, marking an empty or missing folder where `create`.

    Raises
    ------
    LakeError
        If there is no lake, the folder holds other things, its path has characters that Delta or DuckDB do not take
        literally, or the lake was written by a newer Bot Core.
    """
    root = root.expanduser().absolute()
    odd = sorted(set(str(root)) & _ODD)
    if odd:
        raise LakeError(
            f"the path {root} has {' '.join(odd)} in it, which Delta or DuckDB read as more than a name; "
            "set BOT_CORE_HOME to a folder without any of " + " ".join(sorted(_ODD))
        )
    marker = root / MARKER
    try:
        if not marker.is_file():
            _mark(root, marker, create=create)
        _check_format(root, marker.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LakeError(
            f"lake {root}: expected a readable folder, got: {error}; check its owner and the disk"
        ) from error
    return root


def _mark(root: Path, marker: Path, *, create: bool) -> None:
    if root.exists() and not root.is_dir():
        raise LakeError(f"{root} is a file; expected the folder of a lake; set BOT_CORE_HOME to another folder")
    others = (
        [] if not root.exists() else [path.name for path in root.iterdir() if not path.name.startswith(f".{MARKER}")]
    )
    if others and not marker.is_file():
        raise LakeError(
            f"{root} is not a lake: it holds {', '.join(sorted(others)[:3])} and no {MARKER}; "
            "set BOT_CORE_HOME to an empty or missing folder"
        )
    if not create:
        raise LakeError(f"there is no lake at {root}; bring bars in first: make run, or bot-core import FILE")
    root.mkdir(parents=True, exist_ok=True)
    draft = root / f".{MARKER}.{uuid4().hex}"
    draft.write_text(json.dumps({"format": FORMAT, "about": "A lake of Bot Core: Delta tables."}), encoding="utf-8")
    sync_path(draft)
    os.replace(draft, marker)  # noqa: PTH105 - atomic also over a marker that another process has just put there
    sync_path(root)
    sync_path(root.parent)


def _check_format(root: Path, text: str) -> None:
    try:
        version = json.loads(text)["format"]
    except (ValueError, TypeError, KeyError):
        raise LakeError(f"{root / MARKER}: expected JSON with a format number; restore the file from a copy") from None
    if not isinstance(version, int) or version > FORMAT:
        raise LakeError(
            f"lake {root} has format {version!r}; this Bot Core reads up to {FORMAT}; install a newer Bot Core"
        )
