"""Names of columns: what makes no difference in them, what may be told, what a wrong encoding leaves.

A text in MacRoman or CP850 hardly ever fails to be read as windows-1252: only its accents and dashes become
other characters. Which ones is known for every declared name; a header with one of them is refused, as the
values below it are no better read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import product
from typing import NamedTuple

SHOWABLE_NAME_PATTERN = re.compile(
    r"(?=.{2,60}\Z)(?=.*[^\W\d_]{2})(?!(?:\D*\d){3})[^\W_][\w .,:?()/&%+*'’\u2010-\u2015-]*"
)
"""A name of a header that may be told: words with two digits at most, which no number of a person has."""
MAX_SHOWN_COLUMNS = 100
OTHER_DASHES = "\u00ad\u2043\u2212"
"""Soft hyphen, hyphen bullet and minus: no dashes to Unicode, but used as such."""
HEADER_GARBLED = "HEADER_GARBLED"
ENCODING_REASONS = {"mac_roman": "ENCODING_MACROMAN", "cp850": "ENCODING_CP850", "cp437": "ENCODING_CP850"}
"""The reason where a text of this encoding was read as windows-1252, which tells it."""
SAVED_ENCODINGS = ("mac_roman", "cp850", "cp437", "utf-8", "cp1252", "iso8859-15")
READ_ENCODINGS = ("cp1252", "utf-8", "latin-1", "mac_roman", "cp850", "cp437")
REPLACEMENT_CHARACTERS = ("_", "?", "??", "\ufffd", "\ufffd\ufffd")
"""What software writes for a letter that its encoding lacks."""


class GarbledName(NamedTuple):
    """What a spelling stands for: the declared name, and the reason code of what garbled it."""

    name: str
    reason: str


@lru_cache(maxsize=100_000)
def fold_column_name(name: str) -> str:
    """A column's name without what makes no difference: capitals, diacritics, blanks, a dash's length.

    Nor do characters that nobody sees; of these a soft hyphen stands for one that is seen.
    """
    parts = unicodedata.normalize("NFKD", name.strip().strip('"'))
    bare = "".join(
        "-" if unicodedata.category(c) == "Pd" or c in OTHER_DASHES else c
        for c in parts
        if c in OTHER_DASHES or not (unicodedata.combining(c) or unicodedata.category(c) == "Cf")
    )
    return " ".join(bare.casefold().split())


def describe_unread_columns(
    header: Sequence[str], columns: Sequence[str | None], *, named: bool = True
) -> Iterator[str]:
    """The places in a header that no declared column has, each with its name where it can be told."""
    last = max((place for place, cell in enumerate(header, 1) if cell.strip()), default=0)
    strange = [place for place in range(1, last + 1) if not columns[place - 1]]
    for place in strange[:MAX_SHOWN_COLUMNS]:
        cell = " ".join(unicodedata.normalize("NFC", header[place - 1]).split())
        yield f"{place} ({cell})" if named and SHOWABLE_NAME_PATTERN.fullmatch(cell) else f"{place}"
    if len(strange) > MAX_SHOWN_COLUMNS:
        yield "…"


def garbled_spellings(names: Iterable[str]) -> dict[str, GarbledName]:
    """Every garbled spelling of names, as `folded` leaves it; one that is itself a name is none."""
    known = {fold_column_name(name) for name in names}
    found: dict[str, GarbledName] = {}
    for name in names:
        for spelling, reason in _of(name) if not name.isascii() else ():
            if (key := fold_column_name(spelling)) not in known:
                found.setdefault(key, GarbledName(name, reason))
    return found


def _of(name: str) -> Iterator[tuple[str, str]]:
    for form in (name, name.upper(), unicodedata.normalize("NFD", name)):
        for written, read in product(SAVED_ENCODINGS, READ_ENCODINGS):
            reason = ENCODING_REASONS.get(written, HEADER_GARBLED) if read == "cp1252" else HEADER_GARBLED
            with suppress(UnicodeEncodeError):
                once = form.encode(written).decode(read, "replace")
                yield once, reason
                yield once.encode("utf-8").decode(read, "replace"), HEADER_GARBLED
    for instead in REPLACEMENT_CHARACTERS:
        yield "".join(c if c.isascii() else instead for c in name), HEADER_GARBLED
    yield "".join(c for c in name if c.isascii() or not c.isalpha()), HEADER_GARBLED
