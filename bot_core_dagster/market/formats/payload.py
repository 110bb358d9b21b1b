"""Payload: the bytes of a file, read within limits before anything is parsed.

Belongs here: which files are read at all (regular, of bounded size, text without NUL and without endless lines). Not
here: what is inside an archive (`archive`), what the text means (one file per format).
"""

import codecs
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Final

from bot_core_dagster.errors import FormatError

MAX_BYTES: Final = 1 << 30
"""A file, or an archive's member unpacked, may be this long (14 million rows of 75 characters)."""
MAX_LINE_BYTES: Final = 1 << 16
MAX_JSON_BYTES: Final = 64 << 20
"""JSON is parsed into Python objects, 20 times the size of the text; it has no lines to bound."""
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Payload:
    """The content of a file.

    name : the file's name, without its folder
    member : name of the one file in the archive, None where the file is no archive
    content : its bytes; for text checked to be UTF-8 without NUL, with no line over MAX_LINE_BYTES, no byte order mark
    """

    name: str
    member: str | None
    content: bytes

    def first_lines(self, n_lines: int = 2) -> list[str]:
        """Return the first lines without their ends; bytes that are no UTF-8 (Parquet) replaced."""
        head = self.content[: n_lines * MAX_LINE_BYTES].decode("utf-8", errors="replace")
        return [line.rstrip("\r") for line in head.split("\n")[:n_lines]]


@contextmanager
def regular_file(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for reading.

    Raises
    ------
    FormatError
        If it is missing, no regular file (a folder, link, pipe or device), empty, or longer than MAX_BYTES.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        kind = "a symbolic link: give the file it points to" if path.is_symlink() else error.strerror
        raise FormatError(f"{path}: cannot be read: {kind}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise FormatError(f"{path}: expected a regular file, got a folder, pipe or device; give one file of bars")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size == 0:
            raise FormatError(f"{path}: the file is empty; expected bars")
        if status.st_size > MAX_BYTES:
            raise FormatError(f"{path}: {status.st_size:,} bytes is over the limit of {MAX_BYTES:,}; split the file")
        yield file


def checked_text(name: str, chunks: Iterable[bytes]) -> bytes:
    """Join the chunks of a text, checking them on the way: what is refused is never held whole.

    Raises
    ------
    FormatError
        If the text is empty, not UTF-8, holds a NUL byte, a line over MAX_LINE_BYTES (JSON: is over MAX_JSON_BYTES) or
        is longer than MAX_BYTES.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    kept: list[bytes] = []
    n_bytes = line_bytes = 0
    is_json = None
    for chunk in chunks:
        if is_json is None and chunk.strip():
            is_json = chunk.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in b"[{"
        _check_characters(name, chunk, decoder)
        if not is_json:
            line_bytes = _check_lines(name, chunk, line_bytes)
        kept.append(chunk)
        n_bytes += len(chunk)
        if n_bytes > (MAX_JSON_BYTES if is_json else MAX_BYTES):
            raise FormatError(f"{name}: over {n_bytes - 1:,} bytes, more than is read at once; split the file")
    _check_characters(name, b"", decoder, is_last=True)
    if not any(chunk.strip() for chunk in kept):
        raise FormatError(f"{name}: the file is empty; expected bars")
    return b"".join(kept).removeprefix(codecs.BOM_UTF8)


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what is left of `stream` in chunks."""
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def _check_characters(name: str, chunk: bytes, decoder: codecs.IncrementalDecoder, *, is_last: bool = False) -> None:
    if b"\0" in chunk:
        raise FormatError(f"{name}: holds NUL bytes: binary, or UTF-16; expected UTF-8 text, save it as UTF-8")
    if chunk.isascii() and not decoder.getstate()[0]:
        return
    try:
        decoder.decode(chunk, final=is_last)
    except UnicodeDecodeError as error:
        raise FormatError(f"{name}: not UTF-8 text ({error.reason}); save it as UTF-8") from None


def _check_lines(name: str, chunk: bytes, line_bytes: int) -> int:
    """Return how many bytes of an unfinished line there are after `chunk`, `line_bytes` of which came before it."""
    position = 0
    while line_bytes + len(chunk) - position > MAX_LINE_BYTES:
        end = chunk.rfind(b"\n", position, position + MAX_LINE_BYTES - line_bytes + 1)
        if end < 0:
            raise FormatError(f"{name}: a line is longer than {MAX_LINE_BYTES:,} bytes; expected one bar a line")
        position, line_bytes = end + 1, 0
    last_end = chunk.rfind(b"\n", position)
    return len(chunk) - last_end - 1 if last_end >= 0 else line_bytes + len(chunk) - position
