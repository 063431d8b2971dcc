"""Why a header was not recognised, where a nearer look tells: lines above it, another delimiter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cohort.delivery_formats.format_declarations import DeliveryFormats, RecognisedHeader
from cohort.foundation.delimited_text import (
    KNOWN_DELIMITERS,
    UTF8,
    UTF16,
    WINDOWS_1252,
    UnreadableText,
    decode_text,
    split_fields,
)

HEADER_LOWER, DELIMITER_OTHER = "HEADER_LOWER", "DELIMITER_OTHER"
MAX_HEADER_LINES = 20
"""Lines that may be the header: titles are short."""
MAX_DIAGNOSED_CHARACTERS = 1 << 20


class MisplacedHeader(NamedTuple):
    """A header that stands where none is read: its line, its columns, and the row below it."""

    line_number: int
    columns: tuple[str | None, ...]
    first_row: Sequence[str]


def find_header_row(rows: Sequence[tuple[int, Sequence[str]]], formats: DeliveryFormats) -> MisplacedHeader | None:
    """The first of the rows that is the header of a declared format, None if none is.

    Takes: rows with content, each with its number.
    """
    for place, (number, names) in enumerate(rows[:MAX_HEADER_LINES]):
        found = formats.recognise_names(names)
        if isinstance(found, RecognisedHeader):
            below = rows[place + 1][1] if place + 1 < len(rows) else ()
            return MisplacedHeader(number, found.columns, below)
    return None


def diagnose_text_header(content: bytes, formats: DeliveryFormats) -> tuple[str, MisplacedHeader] | None:
    """What a nearer look at a text tells: a reason code and the header that it is about.

    Takes: the bytes of a text of which the first line is no header of a declared format.
    """
    try:
        text, _ = decode_text(content, (UTF8, UTF16, WINDOWS_1252))
    except UnreadableText:
        return None
    every = enumerate(text[:MAX_DIAGNOSED_CHARACTERS].splitlines(), 1)
    lines = [(number, line) for number, line in every if line.strip()][: MAX_HEADER_LINES + 1]
    found = [
        find_header_row([(n, split_fields(line, mark)) for n, line in lines], formats) for mark in KNOWN_DELIMITERS
    ]
    first = min((header for header in found if header), key=lambda header: header.line_number, default=None)
    if first is None:
        return None
    return (DELIMITER_OTHER if first.line_number == lines[0][0] else HEADER_LOWER), first
