"""The store of models: a folder for each version, with its card and its weights.

Belongs here: saving, loading and removing versions; root/<symbol>/<model type>/<version>/{card.json, weights}. Not
here: reading and writing bytes (`models.files`), which versions there should be and which is in force
(`models.registry`), what weights mean (a kind's `load`).

A version is the hash of all that determines it, so a folder that is whole never changes: training it again gives the
same. A folder gets its name only once all of it is on the disk.
"""

import hashlib
import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from bot_core_dagster.errors import ModelError
from bot_core_dagster.lake.durable import sync_path
from bot_core_dagster.lake.lock import held
from bot_core_dagster.models.card import ModelCard
from bot_core_dagster.models.checkpoint_file import StoredCheckpoint
from bot_core_dagster.models.files import (
    PART,
    folder_name,
    is_file_name,
    read_file,
    remove_folder,
    write_new_folder,
)
from bot_core_dagster.places import state_home

CARD: Final = "card.json"
CHECKPOINT: Final = ".checkpoint"
"""What the name of a checkpoint ends with; it lies beside the folder that its training will make."""


@dataclass(frozen=True)
class ModelStore:
    """Models on the disk, safe for many processes at once.

    root : folder; made with the first model
    """

    root: Path

    @classmethod
    def default(cls) -> "ModelStore":
        """Return that of this installation: $BOT_CORE_HOME/models."""
        return cls(state_home() / "models")

    def folder(self, symbol: str, model_type: str, version: str) -> Path:
        """Return where a version lies, or would lie."""
        return self.root.joinpath(*map(folder_name, (symbol, model_type, version)))

    def has(self, symbol: str, model_type: str, version: str) -> bool:
        """Whether the version is there; whether it is whole shows when it is loaded."""
        return (self.folder(symbol, model_type, version) / CARD).is_file()

    def checkpoint(self, symbol: str, model_type: str, version: str) -> StoredCheckpoint:
        """Return where the training of a version keeps what it has got to."""
        folder = self.folder(symbol, model_type, version)
        return StoredCheckpoint(folder.with_name(folder.name + CHECKPOINT))

    def save(self, card: ModelCard, files: Mapping[str, bytes]) -> ModelCard:
        """Keep a model, and return its card as stored: with the sha256 of each file.

        A version that is there and whole stays as it is, and its card is returned. One that is broken is replaced.

        Raises
        ------
        ModelError
            If a file has a name that leads elsewhere, or the disk refuses; nothing new is left then.
        """
        refused = [name for name in files if not is_file_name(name) or name == CARD]
        if refused or not files:
            raise ModelError(f"expected files named like weights.json, got {', '.join(refused) or 'none'}")
        stored = replace(card, files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()})
        folder = self.folder(card.symbol, card.model_type, card.version)
        with _disk(folder):
            part = write_new_folder(folder.parent, {**files, CARD: stored.to_json().encode()})
            try:
                with held(self.root):
                    return self._named(part, folder, stored)
            finally:
                if part.exists():
                    remove_folder(part)

    def load(self, symbol: str, model_type: str, version: str) -> tuple[ModelCard, dict[str, bytes]]:
        """Return the card and the content of each file of its weights, checked against the card's sha256.

        Raises
        ------
        ModelError
            If the version is gone, not whole, changed, a link, or another model's: says what, and the next step.
        """
        folder = self.folder(symbol, model_type, version)
        retrain = f"next: bot-core train {model_type} {symbol}"
        for level in (folder, *folder.parents[:2]):
            if level.is_symlink():
                raise ModelError(f"{level}: is a link, and models are read from folders only; {retrain}")
        try:
            card = ModelCard.from_json(read_file(folder / CARD))
            found = (card.symbol, card.model_type, card.version)
            if found != (symbol, model_type, version):
                raise ModelError(f"it is the card of {found[1]} {found[2]} of {found[0]}")
            return card, {name: _checked(folder, name, digest) for name, digest in card.files.items()}
        except FileNotFoundError as error:
            gone = Path(error.filename).name if folder.is_dir() else "the folder"
            raise ModelError(
                f"{folder}: the file is gone: {gone} of {model_type} {version} of {symbol}; {retrain}"
            ) from None
        except ModelError as error:
            raise ModelError(
                f"{folder}: {model_type} {version} of {symbol} cannot be read: {_fault(error)}; {retrain}"
            ) from None

    def prune(self, keep: Collection[str], older_than: timedelta = timedelta(hours=1)) -> int:
        """Remove the versions that are not in `keep`, and what killed processes left; return how many versions.

        Parameters
        ----------
        keep : collection of str
        older_than : timedelta
            Younger ones stay: a training may be about to record what it has just saved.

        Raises
        ------
        ModelError
            If the disk refuses.
        """
        before = time.time() - older_than.total_seconds()
        names = {folder_name(version) for version in keep}
        n_removed = 0
        with _disk(self.root):
            for folder in list(self._entries()):
                if folder.lstat().st_mtime > before or folder.is_symlink():
                    continue
                if folder.is_dir() and folder.name not in names:
                    remove_folder(folder)
                    n_removed += not folder.name.startswith(PART)
                elif folder.name.startswith(PART) or folder.name.endswith(CHECKPOINT):
                    folder.unlink(missing_ok=True)
        return n_removed

    def _named(self, part: Path, folder: Path, stored: ModelCard) -> ModelCard:
        """Give a written folder its name, unless a whole one has it; return the card that the name now leads to."""
        if folder.exists() or folder.is_symlink():
            try:
                return self.load(stored.symbol, stored.model_type, stored.version)[0]
            except ModelError:
                folder.unlink() if folder.is_symlink() or folder.is_file() else remove_folder(folder)
        os.rename(part, folder)  # noqa: PTH104  `Path.replace` would do the same, but says nothing of folders
        sync_path(folder.parent)
        return stored

    def _entries(self) -> Iterator[Path]:
        """Yield what lies where versions lie."""
        return self.root.glob("*/*/*") if self.root.is_dir() else iter(())


def _checked(folder: Path, name: str, digest: str) -> bytes:
    if not is_file_name(name):
        raise ModelError(f"its card names a file {name!r}, which may lie elsewhere")
    content = read_file(folder / name)
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelError(f"{name} is not what its card says: corrupt, cut off, or changed since")
    return content


def _fault(error: ModelError) -> str:
    """Return what is wrong, without the next step that it names: here it is known better."""
    return str(error).partition("; next:")[0]


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Say what the disk refuses as a ModelError."""
    try:
        yield
    except OSError as error:
        raise ModelError(f"{path}: the disk refused: {error.strerror}; next: bot-core doctor") from error
