"""What a `.zip` or `.gz` holds: one member after the other, never more than the limits allow.

What a file is follows from its bytes (`kinds`), not from its name. A size that a container declares
counts against it, never for it: reading stops at the limit. Only what every tool writes (stored and deflated
members) is unpacked, because Python's decoders of other methods cannot be held to a size.
"""

from __future__ import annotations

import gzip
import io
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from cohort.agreements.container_limits import BYTES_WITHOUT_RATIO_LIMIT, ContainerLimits
from cohort.delivery_formats import file_types
from cohort.delivery_formats.file_reason_codes import DeliveryRejected

CONTAINER_BROKEN = "CONTAINER_BROKEN"
CONTAINER_ENCRYPTED = "CONTAINER_ENCRYPTED"
CONTAINER_BOMB = "CONTAINER_BOMB"
CONTAINER_PATH = "CONTAINER_PATH"
CONTAINER_NESTED = "CONTAINER_NESTED"
CONTAINER_EMPTY = "CONTAINER_EMPTY"

SYSTEM_FILE_PATTERN = re.compile(
    r"(?:.*/)?(?:(?:__MACOSX|@eaDir|\.Trashes|\.fseventsd|\.Spotlight-V100)/.*"
    r"|\.DS_Store|\._[^/]*|(?:eh)?Thumbs\.db|desktop\.ini|~\$[^/]*|\.~lock\.[^/]*)",
    re.I | re.S,
)
"""What operating systems and Office put beside the files that somebody packed."""
INVISIBLE_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
READ_BYTES = 1 << 16
DIRECTORY_ENTRIES_PER_MEMBER = 64
"""Entries, per member that the limits allow, that a zip's directory may have: folders and the system's."""
_ENTRY = b"PK\x01\x02"
_UNREADABLE = 0x1 | 0x40 | 0x2000
"""Flags of an encrypted entry: the old way, the strong way, a hidden directory."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def unpack_container(
    content: bytes, limits: ContainerLimits, name: str = "", *, systems: bool = False
) -> Iterator[tuple[str, bytes]]:
    """The deliveries in a container, one after the other.

    Takes: the bytes of a zip or gzip, the limits, the name of the file (which a gzip's member goes by).
    Gives: (name, bytes) pairs in the order packed; a name has `/` between its parts. Folders and what the
    system put there are left out, that with `systems` is not.
    Refuses: with a reason code, a damaged, encrypted or empty container, one over the limits, a name that
    climbs out, a container in a container. What a zip's directory tells is refused before the first member
    is given, the rest when its member is reached: a container counts whole or not at all.
    """
    packed = file_types.detect_file_type(content)
    if packed not in file_types.CONTAINER_TYPES:
        raise DeliveryRejected(CONTAINER_BROKEN)
    if packed == file_types.GZIP_FILE:
        with _told():
            file = gzip.GzipFile(fileobj=io.BytesIO(content))
        body = _read(file, len(content), limits)
        found = iter([(re.sub(r"\.gz\Z", "", name, flags=re.I), body)] if body else [])
    else:
        found = unpack_zip_entries(content, limits, systems=systems)
    given = 0
    for member, body in found:
        if not systems and SYSTEM_FILE_PATTERN.fullmatch(member):
            continue
        if file_types.detect_file_type(body) in (*file_types.CONTAINER_TYPES, file_types.OTHER_ARCHIVE):
            raise DeliveryRejected(CONTAINER_NESTED)
        given += 1
        yield member, body
    if not given:
        raise DeliveryRejected(CONTAINER_EMPTY)


def unpack_zip_entries(
    content: bytes, limits: ContainerLimits, *, systems: bool = False
) -> Iterator[tuple[str, bytes]]:
    """Every file in a zip under the same limits, whatever the zip is: all but folders.

    What the system put there is given without its content, which is not read; with `systems` it is a file
    like every other.
    """
    if (
        len(content) > limits.max_container_bytes
        or content.count(_ENTRY) > limits.members * DIRECTORY_ENTRIES_PER_MEMBER
    ):
        raise DeliveryRejected(CONTAINER_BOMB)
    with _told():
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = [(_safe(info), info) for info in archive.infolist()]
    files = [(name, info) for name, info in entries if not info.is_dir() and not name.endswith("/")]
    own = [info for name, info in files if systems or not SYSTEM_FILE_PATTERN.fullmatch(name)]
    if any(info.flag_bits & _UNREADABLE for info in own):
        raise DeliveryRejected(CONTAINER_ENCRYPTED)
    declared = [info.file_size for info in own]
    if len(own) > limits.members or max(declared, default=0) > limits.bytes_per_member:
        raise DeliveryRejected(CONTAINER_BOMB)
    if sum(declared) > min(limits.total_bytes, max(BYTES_WITHOUT_RATIO_LIMIT, len(content) * limits.ratio)):
        raise DeliveryRejected(CONTAINER_BOMB)
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in own):
        raise DeliveryRejected(CONTAINER_BROKEN)
    for name, info in files:
        if not systems and SYSTEM_FILE_PATTERN.fullmatch(name):
            yield name, b""
            continue
        with _told():
            file = archive.open(info)
        body = _read(file, min(info.compress_size, len(content)), limits)
        yield name, body


def _safe(info: zipfile.ZipInfo) -> str:
    """An entry's name with `/` between its parts.

    Refuses: a name that is absolute, climbs, names a drive or hides characters; a link to elsewhere.
    """
    name = info.orig_filename.replace("\\", "/")
    hidden = any(unicodedata.category(character) in INVISIBLE_CATEGORIES for character in name)
    climbs = name.startswith("/") or ".." in name.split("/") or re.match("[A-Za-z]:", name)
    mode = info.external_attr >> 16
    if not name or hidden or climbs or stat.S_ISLNK(mode):
        raise DeliveryRejected(CONTAINER_PATH)
    whole = "/".join(part for part in name.split("/") if part not in ("", "."))
    return whole + "/" if name.endswith("/") else whole


def _read(file: _Readable, packed: int, limits: ContainerLimits) -> bytes:
    """A member's content, piece by piece, so that no more is unpacked than what is allowed."""
    most = min(limits.bytes_per_member, max(BYTES_WITHOUT_RATIO_LIMIT, packed * limits.ratio))
    pieces: list[bytes] = []
    size = 0
    while True:
        with _told():
            piece = file.read(min(READ_BYTES, most + 1 - size))
        if not piece:
            return b"".join(pieces)
        size += len(piece)
        if size > most:
            raise DeliveryRejected(CONTAINER_BOMB)
        pieces.append(piece)


@contextmanager
def _told() -> Iterator[None]:
    """Whatever a decoder makes of damaged bytes is told as damage: its own message could hold a value."""
    try:
        yield
    except (DeliveryRejected, MemoryError):  # no memory says nothing of the bytes
        raise
    except Exception:
        raise DeliveryRejected(CONTAINER_BROKEN) from None
