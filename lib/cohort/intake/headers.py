"""Why a header was not recognised, where a nearer look tells: lines above it, another delimiter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cohort.delimited_text import DELIMITERS, UTF8, UTF16, WINDOWS, TextRefused, decoded, fields_of
from cohort.intake.formats import Formats, Recognised

LOWER, DELIMITER = "HEADER_LOWER", "DELIMITER_OTHER"
LOOKED_AT = 20
"""Lines below the first that may be the header: titles are short."""


def line_of_header(rows: Iterable[tuple[int, Sequence[str]]], formats: Formats) -> int | None:
    """The number of the first row that is the header of a declared format, None if there is none.

    Takes: rows below the first one with content, each with its number.
    """
    for number, names in rows:
        if isinstance(formats.of_names(names), Recognised):
            return number
    return None


def of_text(content: bytes, formats: Formats) -> tuple[str, int] | None:
    """What a nearer look at a text tells: a reason code and the number of the line that it is about.

    Takes: the bytes of a text of which the first line is no header of a declared format.
    """
    try:
        text, _ = decoded(content, (UTF8, UTF16, WINDOWS))
    except TextRefused:
        return None
    lines = text[: 1 << 20].splitlines()
    filled = [(n, line) for n, line in enumerate(lines, 1) if line.strip()][: LOOKED_AT + 1]
    for place, (number, line) in enumerate(filled):
        for mark in DELIMITERS:
            if line_of_header([(number, fields_of(line, mark))], formats):
                return (LOWER if place else DELIMITER), number
    return None
