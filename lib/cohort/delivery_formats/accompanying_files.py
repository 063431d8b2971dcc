"""What lies beside the data in a container: a letter, a check sum, a picture, a schema.

It is told with the data, and is no delivery: a school that sends a letter along did nothing wrong. What might
be data in a form that is not read stays a delivery, and is rejected as one.
"""

from __future__ import annotations

import re

from cohort.delivery_formats import file_types
from cohort.delivery_formats.file_reason_codes import UNREADABLE

TABLE_DELIMITERS = ";\t|,"
ACCOMPANYING_NAME_PATTERN = re.compile(
    r"(?:.*/)?(?:[^/]*\.(?:txt|text|md|nfo|log|ini|url|lnk|webloc|rtf|html?|xsd|xslt?|dtd|asc|sig|p7s|sfv"
    r"|md5(?:sums?)?|sha[0-9]*(?:sums?)?|crc)|(?:readme|leesmij|lees[ _-]mij|md5sums?|sha[0-9]+sums?)[^/.]*)",
    re.I | re.S,
)
"""Names of what people and programs put beside data."""
MAX_CHECKED_LINES = 50
MIN_TABLE_FIELDS = 3


def is_accompanying_file(name: str, rejected: str | None, content: bytes) -> bool:
    """Whether a file out of a container is no data.

    Takes: its name there; why it was rejected as a delivery, if so; its bytes.
    """
    if rejected in (None, UNREADABLE):
        return False
    if rejected == file_types.UNREAD_TYPE_REASONS[file_types.OFFICE_DOCUMENT]:
        return True
    return ACCOMPANYING_NAME_PATTERN.fullmatch(name) is not None and not _is_table(content)


def _is_table(content: bytes) -> bool:
    """Whether the first lines of a text have as many fields each as the first, three at least."""
    head = content[: 1 << 16].replace(b"\0", b"").decode("utf-8", "replace")
    lines = [line for line in head.splitlines() if line.strip()][:MAX_CHECKED_LINES]
    if not lines:
        return False
    for mark in TABLE_DELIMITERS:
        fields = lines[0].count(mark) + 1
        alike = sum(line.count(mark) + 1 == fields for line in lines)
        if fields >= MIN_TABLE_FIELDS and 2 * alike > len(lines):
            return True
    return False
