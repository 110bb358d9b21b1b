"""The watchlist in bot_core.toml, edited without losing a comment.

Belongs here: adding, changing and removing an entry of the settings file, all or nothing. Not here: what an entry may
hold (`settings.Instrument`), what a name implies (`cli.naming`), commands (`cli.symbols`, `cli.import_bars`).
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT, Comment, Table, Whitespace

from bot_core_dagster.errors import SettingsError, UnknownNameError
from bot_core_dagster.places import PREFIX, settings_file
from bot_core_dagster.settings import load_settings


def add_instrument(fields: Mapping[str, Any]) -> None:
    """Put an instrument at the end of the watchlist.

    Parameters
    ----------
    fields : mapping
        The fields of `settings.Instrument`; they are checked before the file is replaced.

    Raises
    ------
    SettingsError
        If the symbol is there, a field is wrong, or the file cannot be written; the file is then as it was.
    """
    with _edited() as watchlist:
        if _position(watchlist, fields["symbol"]) is not None:
            raise SettingsError(f"{fields['symbol']} is on the watchlist; next: add --replace to change it")
        entry = tomlkit.table()
        _fill(entry, fields)
        if watchlist:
            _add_trivia(entry, _cut_trivia(watchlist[-1]))
            watchlist[-1].add(tomlkit.nl())
        watchlist.append(entry)


def change_instrument(symbol: str, changed: Mapping[str, Any]) -> None:
    """Set fields of an instrument of the watchlist; the others, the order and the comments stay.

    Raises
    ------
    UnknownNameError
        If it is not there.
    SettingsError
        As `add_instrument`.
    """
    with _edited() as watchlist:
        _fill(watchlist[_known_position(watchlist, symbol)], changed)


def remove_instrument(symbol: str) -> None:
    """Take an instrument from the watchlist; its stored bars are no business of the settings.

    Raises
    ------
    UnknownNameError
        If it is not there.
    SettingsError
        If it is the only one (a run needs one), or as `add_instrument`.
    """
    with _edited() as watchlist:
        position = _known_position(watchlist, symbol)
        if len(watchlist) == 1:
            raise SettingsError(f"{symbol} is the only instrument of the watchlist; next: add another one first")
        is_last = position == len(watchlist) - 1
        comments_of_what_follows = _cut_trivia(watchlist[position])
        del watchlist[position]
        if is_last:
            _cut_trivia(watchlist[-1])
            _add_trivia(watchlist[-1], comments_of_what_follows)


def require_editable() -> Path:
    """Return the settings file if its watchlist can be edited now; what depends on the edit begins after it.

    Raises
    ------
    SettingsError
        If a variable sets the watchlist, or the file is wrong, missing or read-only, or its folder is read-only.
    """
    path = settings_file()
    if PREFIX + "WATCHLIST" in os.environ:
        raise SettingsError(f"the watchlist is set by {PREFIX}WATCHLIST, not by {path}; next: unset the variable")
    load_settings(path)
    read_only = [str(place) for place in (path, path.parent) if not os.access(place, os.W_OK)]
    if read_only:
        raise SettingsError(
            f"{path}: the watchlist cannot be changed, {' and '.join(read_only)} cannot be written; nothing was "
            "changed; next: make the file and its folder writable"
        )
    return path


@contextmanager
def _edited() -> Iterator[AoT]:
    """Yield the watchlist; afterwards check the whole file and replace it in one step, under a lock."""
    path = require_editable()
    try:
        with _locked(path.parent):
            document = tomlkit.parse(path.read_text(encoding="utf-8"))
            watchlist = document.setdefault("watchlist", tomlkit.aot())
            if not isinstance(watchlist, AoT):
                raise SettingsError(f"{path}: watchlist is no list of [[watchlist]] tables; next: edit it by hand")
            yield watchlist
            _replace(path, tomlkit.dumps(document))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}; nothing was changed") from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of the file's folder: a lock on the file itself would go with it when it is replaced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, content: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(path.stat().st_mode)
        try:
            load_settings(draft)
        except SettingsError as error:
            raise SettingsError(f"{str(error).replace(str(draft), str(path))}; nothing was changed") from None
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _position(watchlist: AoT, symbol: str) -> int | None:
    return next((place for place, entry in enumerate(watchlist) if entry.get("symbol") == symbol), None)


def _known_position(watchlist: AoT, symbol: str) -> int:
    position = _position(watchlist, symbol)
    if position is None:
        there = ", ".join(str(entry["symbol"]) for entry in watchlist) or "none"
        raise UnknownNameError(f"{symbol} is not on the watchlist (there: {there}); next: bot-core symbols list")
    return position


def _fill(entry: Table, fields: Mapping[str, Any]) -> None:
    """Set fields; None is what nothing is known of, and TOML has no word for it."""
    for name, came in fields.items():
        if not isinstance(came, Mapping):
            entry[name] = came
            continue
        if name not in entry:
            entry[name] = tomlkit.inline_table()
        entry[name].update({part: known for part, known in came.items() if known is not None})


def _cut_trivia(entry: Table) -> list[Whitespace | Comment]:
    """Take blank lines and comments from the end of an entry: TOML counts them to it, a reader to what follows."""
    last = next((item for key, item in reversed(entry.value.body) if key is not None), None)
    if isinstance(last, Table):
        return _cut_trivia(last)
    cut: list[Whitespace | Comment] = []
    while isinstance(item := entry.value.body[-1][1], Whitespace | Comment):
        entry.value.body.pop()
        cut.insert(0, item)
    return cut


def _add_trivia(entry: Table, trivia: list[Whitespace | Comment]) -> None:
    for item in trivia:
        entry.add(item)
