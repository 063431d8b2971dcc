"""Members of a `.zip` or `.gz`, unpacked one after the other under limits.

The type of a file follows from its bytes (`file_types`), not from its name. Sizes that a container declares are only
used against it: reading stops at the limit. Only stored and deflated members, which every tool writes, are unpacked,
because Python's decoders of other methods cannot be held to a size.
"""

from __future__ import annotations

import gzip
import io
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from cohort.agreements import BYTES_WITHOUT_RATIO_LIMIT, ContainerLimits
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
"""Names of files that operating systems and Office put beside the files that somebody packed."""
INVISIBLE_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories of characters that would hide a part of a name."""
READ_BYTES = 1 << 16
DIRECTORY_ENTRIES_PER_MEMBER = 64
"""How many entries the directory of a zip may have per allowed member: folders and system files count too."""
_ENTRY_SIGNATURE = b"PK\x01\x02"
_ENCRYPTION_FLAGS = 0x1 | 0x40 | 0x2000
"""Flags of an encrypted entry: traditional, strong, hidden directory."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def unpack_container(
    content: bytes, limits: ContainerLimits, name: str = "", *, with_system_files: bool = False
) -> Iterator[tuple[str, bytes]]:
    """Unpack the deliveries in a container, one after the other.

    What the directory of a zip shows is rejected before the first member is given, the rest when its member is
    reached: the caller counts a container whole or not at all.

    Args:
        content: the bytes of a zip or gzip.
        limits: the limits of containers.
        name: the name of the file, after which the member of a gzip is named.
        with_system_files: whether files that the operating system put there are given too.

    Returns:
        Names, with `/` between their parts, and bytes, in the order packed; without folders.

    Raises:
        DeliveryRejected: the container is damaged, encrypted, empty or over the limits, a name leads out of it, or it
            holds another container.
    """
    file_type = file_types.detect_file_type(content)
    if file_type not in file_types.CONTAINER_TYPES:
        raise DeliveryRejected(CONTAINER_BROKEN)
    members = (
        _unpack_gzip(content, limits, name)
        if file_type == file_types.GZIP_FILE
        else unpack_zip_entries(content, limits, with_system_files=with_system_files)
    )
    count = 0
    for member, body in members:
        if not with_system_files and SYSTEM_FILE_PATTERN.fullmatch(member):
            continue
        if file_types.detect_file_type(body) in (*file_types.CONTAINER_TYPES, file_types.OTHER_ARCHIVE):
            raise DeliveryRejected(CONTAINER_NESTED)
        count += 1
        yield member, body
    if not count:
        raise DeliveryRejected(CONTAINER_EMPTY)


def _unpack_gzip(content: bytes, limits: ContainerLimits, name: str) -> Iterator[tuple[str, bytes]]:
    """Unpack the member of a gzip, if it has content, under the name of the file without `.gz`."""
    with _damage_rejected():
        file = gzip.GzipFile(fileobj=io.BytesIO(content))
    body = _read_within_limits(file, len(content), limits)
    if body:
        yield re.sub(r"\.gz\Z", "", name, flags=re.I), body


def unpack_zip_entries(
    content: bytes, limits: ContainerLimits, *, with_system_files: bool = False
) -> Iterator[tuple[str, bytes]]:
    """Unpack every file in a zip of any kind, also an Office document, under the limits of containers.

    Args:
        content: the bytes of the zip.
        limits: the limits of containers.
        with_system_files: whether files that the operating system put there are read like all others. Otherwise they
            are given without content.

    Raises:
        DeliveryRejected: what `unpack_container` raises, except for empty and nested containers.
    """
    if len(content) > limits.max_container_bytes:
        raise DeliveryRejected(CONTAINER_BOMB)
    if content.count(_ENTRY_SIGNATURE) > limits.members * DIRECTORY_ENTRIES_PER_MEMBER:
        raise DeliveryRejected(CONTAINER_BOMB)
    with _damage_rejected():
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = [(_safe_name(info), info) for info in archive.infolist()]
    files = [(name, info) for name, info in entries if not info.is_dir() and not name.endswith("/")]
    is_read = [with_system_files or not SYSTEM_FILE_PATTERN.fullmatch(name) for name, _ in files]
    _check_directory([info for (_, info), read in zip(files, is_read, strict=True) if read], len(content), limits)
    for (name, info), read in zip(files, is_read, strict=True):
        if not read:
            yield name, b""
            continue
        with _damage_rejected():
            file = archive.open(info)
        yield name, _read_within_limits(file, min(info.compress_size, len(content)), limits)


def _check_directory(entries: Sequence[zipfile.ZipInfo], packed_size: int, limits: ContainerLimits) -> None:
    """Check what the directory of a zip declares of the entries that will be read.

    Raises:
        DeliveryRejected: an entry is encrypted or packed by another method, or the entries are over the limits.
    """
    if any(info.flag_bits & _ENCRYPTION_FLAGS for info in entries):
        raise DeliveryRejected(CONTAINER_ENCRYPTED)
    sizes = [info.file_size for info in entries]
    if len(entries) > limits.members or max(sizes, default=0) > limits.bytes_per_member:
        raise DeliveryRejected(CONTAINER_BOMB)
    if sum(sizes) > min(limits.total_bytes, max(BYTES_WITHOUT_RATIO_LIMIT, packed_size * limits.ratio)):
        raise DeliveryRejected(CONTAINER_BOMB)
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in entries):
        raise DeliveryRejected(CONTAINER_BROKEN)


def _safe_name(info: zipfile.ZipInfo) -> str:
    """Return the name of an entry with `/` between its parts.

    Raises:
        DeliveryRejected: the name is empty, absolute, leads upwards, names a drive or hides characters, or the entry
            is a link.
    """
    name = info.orig_filename.replace("\\", "/")
    has_hidden = any(unicodedata.category(character) in INVISIBLE_CATEGORIES for character in name)
    leads_out = name.startswith("/") or ".." in name.split("/") or re.match("[A-Za-z]:", name)
    mode = info.external_attr >> 16
    if not name or has_hidden or leads_out or stat.S_ISLNK(mode):
        raise DeliveryRejected(CONTAINER_PATH)
    path = "/".join(part for part in name.split("/") if part not in ("", "."))
    return path + "/" if name.endswith("/") else path


def _read_within_limits(file: _Readable, packed_size: int, limits: ContainerLimits) -> bytes:
    """Read a member piece by piece, so that no more is unpacked than is allowed.

    Raises:
        DeliveryRejected: CONTAINER_BOMB, CONTAINER_BROKEN.
    """
    max_bytes = min(limits.bytes_per_member, max(BYTES_WITHOUT_RATIO_LIMIT, packed_size * limits.ratio))
    pieces: list[bytes] = []
    size = 0
    while True:
        with _damage_rejected():
            piece = file.read(min(READ_BYTES, max_bytes + 1 - size))
        if not piece:
            return b"".join(pieces)
        size += len(piece)
        if size > max_bytes:
            raise DeliveryRejected(CONTAINER_BOMB)
        pieces.append(piece)


@contextmanager
def _damage_rejected() -> Iterator[None]:
    """Reject as CONTAINER_BROKEN whatever a decoder raises, because its own message could hold a value."""
    try:
        yield
    except (DeliveryRejected, MemoryError):  # lack of memory is not a fault of the bytes
        raise
    except Exception:
        raise DeliveryRejected(CONTAINER_BROKEN) from None
