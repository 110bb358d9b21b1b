"""Archives: the one file in a zip, unpacked within limits.

Belongs here: which zips are refused, and why. Not here: limits of any file (`payload`), what the member means (one file
per format). Nothing is ever written to disk, so a member's path is a name and no more; one that climbs is refused
anyway.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from bot_core_dagster.errors import FormatError
from bot_core_dagster.market.formats.payload import MAX_BYTES, Payload, checked_text, chunks_of

MAX_RATIO: Final = 200
"""Bars pack 4 to 20 times; a zip of zeros 1,000 times."""
_SMALL_BYTES: Final = 1 << 20
_ENCRYPTED: Final = 0x1


def unzipped(name: str, packed: BinaryIO) -> Payload:
    """Return the only member of a zip as text.

    Raises
    ------
    FormatError
        If the archive is truncated or damaged, holds no or several members, or one that is encrypted, has a path that
        leaves its folder, unpacks to more than MAX_BYTES or MAX_RATIO times its size, or is no text.
    """
    try:
        with zipfile.ZipFile(packed) as archive:
            member = _only_member(name, archive)
            text = checked_text(f"{name}: {member.filename}", _unpacked(name, archive, member))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError) as error:
        raise FormatError(f"{name}: the zip is truncated or damaged ({error}); download it again") from None
    return Payload(name, PurePosixPath(member.filename).name, text)


def _only_member(name: str, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise FormatError(f"{name}: expected a zip of one file, got {len(members)}; import them one by one")
    member = members[0]
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in member.filename:
        raise FormatError(f"{name}: the member path {member.filename!r} leaves the archive's folder; refused")
    if member.flag_bits & _ENCRYPTED:
        raise FormatError(f"{name}: {member.filename} is encrypted; unpack it with its password and import the file")
    if member.file_size > MAX_BYTES:
        raise FormatError(f"{name}: {member.filename} unpacks to {member.file_size:,} bytes, over {MAX_BYTES:,}")
    return member


def _unpacked(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the member in chunks, counting: the sizes in a zip's directory may lie."""
    allowed = max(_SMALL_BYTES, MAX_RATIO * member.compress_size)
    n_bytes = 0
    with archive.open(member) as stream:
        for chunk in chunks_of(stream):
            n_bytes += len(chunk)
            if n_bytes > allowed:
                raise FormatError(f"{name}: {member.filename} unpacks to over {MAX_RATIO} times its size: a zip bomb")
            yield chunk
