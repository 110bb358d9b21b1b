"""Files of models: written durably, read with distrust.

Belongs here: names and bytes. Not here: which files a model has (`models.store`), what is in them (a kind's `load`).
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from bot_core_dagster.errors import ModelError
from bot_core_dagster.lake.durable import make_folders, sync_path, sync_paths

MAX_BYTES: Final = 256 << 20
"""Of one file; the largest model here has less than one MB."""
PART: Final = ".part-"
"""What names of folders and files begin with until they are whole."""
_LAST_ASCII: Final = 127
_ALLOWED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")


def folder_name(text: str) -> str:
    """Return `text` as the name of one folder: other texts give other names, none of them leads elsewhere."""
    return "".join(one if ord(one) > _LAST_ASCII else quote(one, safe="").replace(".", "%2E") for one in text)


def is_file_name(name: str) -> bool:
    """Whether a model's file may be called so: letters, digits, `_`, `-` and `.`, not beginning with a dot."""
    return bool(name) and len(name) <= 100 and set(name) <= _ALLOWED and not name.startswith(".")


def read_file(file: Path) -> bytes:
    """Return the content of a regular file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ModelError
        If it is a link, a folder or a pipe, too large, or the disk refuses.
    """
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as opened:
            found = os.fstat(opened.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ModelError(f"{file}: expected a file; next: remove it and train the model again")
            if found.st_size > MAX_BYTES:
                raise ModelError(
                    f"{file}: has {found.st_size} bytes, at most {MAX_BYTES} are read; next: remove it and train the "
                    "model again"
                )
            return opened.read(MAX_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ModelError(
            f"{file}: cannot be read as a file: {error.strerror}; next: is it a link, who owns it?"
        ) from None


def write_new_folder(parent: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a new folder in `parent` whose name begins with PART; return it once all is on the disk.

    Raises
    ------
    OSError
        If the disk refuses; nothing is left then.
    """
    sync_paths(make_folders([parent]))
    part = Path(tempfile.mkdtemp(prefix=PART, dir=parent))
    try:
        for name, content in files.items():
            (part / name).write_bytes(content)
        sync_paths([*(part / name for name in files), part])
    except OSError:
        remove_folder(part)
        raise
    return part


def write_file(file: Path, content: bytes) -> None:
    """Write a file atomically and durably, with the folders that it lies in.

    Raises
    ------
    OSError
        If the disk refuses; what was there before is still there then.
    """
    sync_paths(make_folders([file.parent]))
    handle, name = tempfile.mkstemp(prefix=PART, dir=file.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    sync_path(file.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder, first of all its name: what a kill leaves of it is no model."""
    doomed = folder
    if not folder.name.startswith(PART):
        doomed = Path(tempfile.mkdtemp(prefix=PART, dir=folder.parent))
        folder.replace(doomed)
    shutil.rmtree(doomed)
    sync_path(folder.parent)
