"""Whether an XLSX holds bytes that belong to none of its parts."""

from __future__ import annotations

import struct
import zipfile

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_GROWTH_HINT = 0xA220
"""Excel leaves room in the headers of two parts; it is filled with zeros."""
_SMALL_EXTRAS = {0x0001: 32, 0x5455: 32, 0x7875: 32, 0x000A: 40}
"""Sizes beyond 4 GB, times and owners, with the most bytes that they take."""
_SIZES_BEHIND = (0, 12, 16, 20, 24)
"""Bytes behind a part that was written as a stream: its checksum and sizes."""


def has_foreign_bytes(archive: zipfile.ZipFile, content: bytes) -> bool:
    """Tell whether anything stands before, between or behind the parts, or in comments.

    Args:
        archive: the workbook.
        content: its bytes.
    """
    entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
    end = content.rfind(b"PK\x05\x06")
    if archive.comment or len(content) != end + 22 or any(entry.comment for entry in entries):
        return True
    place = 0
    for entry in entries:
        if not _SIZES_BEHIND[0] <= entry.header_offset - place <= _SIZES_BEHIND[-1]:
            return True
        if entry.header_offset != place and not _are_sizes(content[place : entry.header_offset]):
            return True
        header = content[entry.header_offset : entry.header_offset + _LOCAL_HEADER.size]
        if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
            return True
        *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        start = entry.header_offset + _LOCAL_HEADER.size + name_length
        if not (_is_plain_extra(content[start : start + extra_length]) and _is_plain_extra(entry.extra)):
            return True
        place = start + extra_length + entry.compress_size
    behind = content[place : archive.start_dir]
    return bool(behind) and not _are_sizes(behind)


def _are_sizes(between: bytes) -> bool:
    return len(between) in _SIZES_BEHIND and (len(between) in (12, 20) or between.startswith(b"PK\x07\x08"))


def _is_plain_extra(extra: bytes) -> bool:
    while len(extra) >= 4:
        kind, length = struct.unpack("<2H", extra[:4])
        data, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _GROWTH_HINT:
            if data[4:].strip(b"\0"):
                return False
        elif len(data) > _SMALL_EXTRAS.get(kind, -1):
            return False
    return not extra
