"""Checkpoint: where a training is kept after each epoch, so that a killed one goes on.

Belongs here: the file, whole or not there. Not here: what is in it (`models.networks.checkpoint`).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot_core_dagster.errors import ModelError
from bot_core_dagster.models.files import read_file, write_file

_DIGEST_BYTES: Final = hashlib.sha256().digest_size


@dataclass(frozen=True)
class StoredCheckpoint:
    """A `predictions.CheckpointFile` on the disk: the sha256 of its content, and the content."""

    file: Path

    def read(self) -> bytes | None:
        """Return what was written last, None where nothing was or it is not whole."""
        try:
            found = read_file(self.file)
        except (FileNotFoundError, ModelError):
            return None
        digest, content = found[:_DIGEST_BYTES], found[_DIGEST_BYTES:]
        return content if hashlib.sha256(content).digest() == digest else None

    def write(self, content: bytes) -> None:
        """Keep this instead, atomically and durably.

        Raises
        ------
        ModelError
            If the disk refuses; what was written before is still there.
        """
        try:
            write_file(self.file, hashlib.sha256(content).digest() + content)
        except OSError as error:
            raise ModelError(
                f"{self.file}: the checkpoint cannot be written: {error.strerror}; next: bot-core doctor"
            ) from None

    def remove(self) -> None:
        """Forget it; nothing where there is none.

        Raises
        ------
        ModelError
            If the disk refuses.
        """
        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            raise ModelError(f"{self.file}: cannot be removed: {error.strerror}; next: check its owner") from None
