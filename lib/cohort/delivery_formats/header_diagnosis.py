"""Why a header was not recognised, where a nearer look tells: lines above it, another delimiter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cohort.delivery_formats.format_declarations import Formats, Recognised
from cohort.foundation.delimited_text import (
    KNOWN_DELIMITERS,
    UTF8,
    UTF16,
    WINDOWS_1252,
    UnreadableText,
    decode_text,
    split_fields,
)

LOWER, DELIMITER = "HEADER_LOWER", "DELIMITER_OTHER"
LOOKED_AT = 20
"""Lines that may be the header: titles are short."""
MOST_CHARACTERS = 1 << 20


class Header(NamedTuple):
    """A header that stands where none is read: its line, its columns, and the row below it."""

    line: int
    columns: tuple[str | None, ...]
    first: Sequence[str]


def among(rows: Sequence[tuple[int, Sequence[str]]], formats: Formats) -> Header | None:
    """The first of the rows that is the header of a declared format, None if none is.

    Takes: rows with content, each with its number.
    """
    for place, (number, names) in enumerate(rows[:LOOKED_AT]):
        found = formats.of_names(names)
        if isinstance(found, Recognised):
            below = rows[place + 1][1] if place + 1 < len(rows) else ()
            return Header(number, found.columns, below)
    return None


def of_text(content: bytes, formats: Formats) -> tuple[str, Header] | None:
    """What a nearer look at a text tells: a reason code and the header that it is about.

    Takes: the bytes of a text of which the first line is no header of a declared format.
    """
    try:
        text, _ = decode_text(content, (UTF8, UTF16, WINDOWS_1252))
    except UnreadableText:
        return None
    every = enumerate(text[:MOST_CHARACTERS].splitlines(), 1)
    lines = [(number, line) for number, line in every if line.strip()][: LOOKED_AT + 1]
    found = [among([(n, split_fields(line, mark)) for n, line in lines], formats) for mark in KNOWN_DELIMITERS]
    first = min((header for header in found if header), key=lambda header: header.line, default=None)
    if first is None:
        return None
    return (DELIMITER if first.line == lines[0][0] else LOWER), first
