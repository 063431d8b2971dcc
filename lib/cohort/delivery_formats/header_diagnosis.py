"""Diagnosis of a header that was not recognised: it stands below other lines, or has another delimiter.

Called for files that are rejected already: the diagnosis only makes the reason, and so the feedback, more precise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from cohort.delivery_formats.delivered_file import DeliveredFile, school_of_first_row
from cohort.delivery_formats.format_declarations import DeliveryFormats, RecognisedHeader
from cohort.foundation import KNOWN_DELIMITERS, UTF8, UTF16, WINDOWS_1252, UnreadableText, decode_text, split_fields

HEADER_LOWER, DELIMITER_OTHER = "HEADER_LOWER", "DELIMITER_OTHER"
MAX_HEADER_LINES = 20
"""Lines among which a header is looked for: titles are short."""
MAX_DIAGNOSED_CHARACTERS = 1 << 20


class MisplacedHeader(NamedTuple):
    """A header that stands where none is read: its line, its columns, and the row below it."""

    line_number: int
    columns: tuple[str | None, ...]
    first_row: Sequence[str]


def find_header_row(rows: Sequence[tuple[int, Sequence[str]]], formats: DeliveryFormats) -> MisplacedHeader | None:
    """Find the first row that is the header of a declared format.

    Args:
        rows: rows with content, each with its number.
        formats: the declared formats.

    Returns:
        The header, None where no row is one.
    """
    for index, (number, names) in enumerate(rows[:MAX_HEADER_LINES]):
        header = formats.recognise_names(names)
        if isinstance(header, RecognisedHeader):
            row_below = rows[index + 1][1] if index + 1 < len(rows) else ()
            return MisplacedHeader(number, header.columns, row_below)
    return None


def diagnose_text_header(content: bytes, formats: DeliveryFormats) -> tuple[str, MisplacedHeader] | None:
    """Look for the header of a text of which the first line is no header of a declared format.

    Returns:
        A reason code (HEADER_LOWER, DELIMITER_OTHER) and the header, None where there is no header.
    """
    try:
        text, _ = decode_text(content, (UTF8, UTF16, WINDOWS_1252))
    except UnreadableText:
        return None
    numbered = enumerate(text[:MAX_DIAGNOSED_CHARACTERS].splitlines(), 1)
    lines = [(number, line) for number, line in numbered if line.strip()][: MAX_HEADER_LINES + 1]
    candidates = [
        find_header_row([(number, split_fields(line, delimiter)) for number, line in lines], formats)
        for delimiter in KNOWN_DELIMITERS
    ]
    headers = [header for header in candidates if header]
    if not headers:
        return None
    first = min(headers, key=lambda header: header.line_number)
    return (DELIMITER_OTHER if first.line_number == lines[0][0] else HEADER_LOWER), first


def reject_for_header(file: DeliveredFile, reason: str, header: MisplacedHeader) -> DeliveredFile:
    """Reject a file for a misplaced header; its school is that of the first row below the header."""
    school = school_of_first_row(header.first_row, header.columns)
    return replace(file, rejection=reason, rejected_lines=(header.line_number,), header_difference=None, school=school)
