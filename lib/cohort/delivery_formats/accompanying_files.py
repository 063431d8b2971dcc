"""Files beside the data in a container: a letter, a check sum, a picture, a schema.

They are counted in the feedback and are no deliveries: a school that sends a letter along did nothing wrong. What might
be data in a form without a reader stays a delivery, and is rejected as one.
"""

from __future__ import annotations

import re

from cohort.delivery_formats import file_types
from cohort.delivery_formats.file_reason_codes import UNREADABLE
from cohort.foundation import KNOWN_DELIMITERS

ACCOMPANYING_NAME_PATTERN = re.compile(
    r"(?:.*/)?(?:[^/]*\.(?:txt|text|md|nfo|log|ini|url|lnk|webloc|rtf|html?|xsd|xslt?|dtd|asc|sig|p7s|sfv"
    r"|md5(?:sums?)?|sha[0-9]*(?:sums?)?|crc)|(?:readme|leesmij|lees[ _-]mij|md5sums?|sha[0-9]+sums?)[^/.]*)",
    re.I | re.S,
)
"""Names of files that people and programs put beside data."""
MAX_CHECKED_LINES = 50
MIN_TABLE_FIELDS = 3


def is_accompanying_file(name: str, rejection: str | None, content: bytes) -> bool:
    """Tell whether a member of a container holds no data.

    Args:
        name: its name.
        rejection: the reason code for which it is rejected as a delivery, None where it is not.
        content: its bytes.
    """
    if rejection in (None, UNREADABLE):
        return False
    if rejection == file_types.UNREAD_TYPE_REASONS[file_types.OFFICE_DOCUMENT]:
        return True
    return ACCOMPANYING_NAME_PATTERN.fullmatch(name) is not None and not _is_table(content)


def _is_table(content: bytes) -> bool:
    """Tell whether most of the first lines have as many fields as the first line, and at least three."""
    head = content[: 1 << 16].replace(b"\0", b"").decode("utf-8", "replace")
    lines = [line for line in head.splitlines() if line.strip()][:MAX_CHECKED_LINES]
    if not lines:
        return False
    for delimiter in KNOWN_DELIMITERS:
        width = lines[0].count(delimiter) + 1
        same_width = sum(line.count(delimiter) + 1 == width for line in lines)
        if width >= MIN_TABLE_FIELDS and 2 * same_width > len(lines):
            return True
    return False
