"""Names of columns: what makes no difference in them, which may be told, and what a wrong encoding makes of them.

A text in MacRoman or CP850 can nearly always be read as windows-1252: only its accents and dashes become other
characters. Which ones is computed for every declared name; a header with one of them is rejected, because the values
below it are read no better.
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
"""A name of a column that may be told: words with two digits at most, so it cannot be a number of a person."""
MAX_SHOWN_COLUMNS = 100
OTHER_DASHES = "\u00ad\u2043\u2212"
"""Soft hyphen, hyphen bullet and minus: Unicode does not class them as dashes, but they are used as such."""
HEADER_GARBLED = "HEADER_GARBLED"
ENCODING_REASONS = {"mac_roman": "ENCODING_MACROMAN", "cp850": "ENCODING_CP850", "cp437": "ENCODING_CP850"}
"""The reason code of a text in each of these encodings that was read as windows-1252."""
SAVED_ENCODINGS = ("mac_roman", "cp850", "cp437", "utf-8", "cp1252", "iso8859-15")
READ_ENCODINGS = ("cp1252", "utf-8", "latin-1", "mac_roman", "cp850", "cp437")
REPLACEMENT_CHARACTERS = ("_", "?", "??", "\ufffd", "\ufffd\ufffd")
"""Texts that software writes for a letter that its encoding does not have."""


class GarbledName(NamedTuple):
    """The declared name that a garbled spelling stands for, and the reason code of the encoding that garbled it."""

    name: str
    reason: str


@lru_cache(maxsize=100_000)
def fold_column_name(name: str) -> str:
    """Remove from the name of a column what makes no difference: capitals, diacritics, blanks, lengths of dashes.

    Characters that are not displayed are removed too, except a soft hyphen, which stands for a dash.
    """
    decomposed = unicodedata.normalize("NFKD", name.strip().strip('"'))
    bare = "".join(
        "-" if unicodedata.category(c) == "Pd" or c in OTHER_DASHES else c
        for c in decomposed
        if c in OTHER_DASHES or not (unicodedata.combining(c) or unicodedata.category(c) == "Cf")
    )
    return " ".join(bare.casefold().split())


def describe_unread_columns(
    header: Sequence[str], columns: Sequence[str | None], *, with_names: bool = True
) -> Iterator[str]:
    """Describe the columns of a header that no canonical column is read from.

    Args:
        header: the names as delivered.
        columns: the canonical column at each position, None where there is none.
        with_names: whether the names may be told, because the first line certainly is a header.

    Returns:
        Positions from 1, each with its name where it may be told, such as `7 (Naam)`; `…` after the first hundred.
    """
    width = max((position for position, cell in enumerate(header, 1) if cell.strip()), default=0)
    unread = [position for position in range(1, width + 1) if not columns[position - 1]]
    for position in unread[:MAX_SHOWN_COLUMNS]:
        name = " ".join(unicodedata.normalize("NFC", header[position - 1]).split())
        yield f"{position} ({name})" if with_names and SHOWABLE_NAME_PATTERN.fullmatch(name) else f"{position}"
    if len(unread) > MAX_SHOWN_COLUMNS:
        yield "…"


def garbled_spellings(names: Iterable[str]) -> dict[str, GarbledName]:
    """Compute the garbled spellings of names, folded; a spelling that is itself one of the names is left out."""
    folded_names = {fold_column_name(name) for name in names}
    by_spelling: dict[str, GarbledName] = {}
    for name in names:
        for spelling, reason in _garble(name) if not name.isascii() else ():
            if (folded := fold_column_name(spelling)) not in folded_names:
                by_spelling.setdefault(folded, GarbledName(name, reason))
    return by_spelling


def _garble(name: str) -> Iterator[tuple[str, str]]:
    """Give the spellings that a name gets when it is saved in one encoding and read in another, with reason codes."""
    for form in (name, name.upper(), unicodedata.normalize("NFD", name)):
        for saved, read in product(SAVED_ENCODINGS, READ_ENCODINGS):
            reason = ENCODING_REASONS.get(saved, HEADER_GARBLED) if read == "cp1252" else HEADER_GARBLED
            with suppress(UnicodeEncodeError):
                once = form.encode(saved).decode(read, "replace")
                yield once, reason
                yield once.encode("utf-8").decode(read, "replace"), HEADER_GARBLED
    for replacement in REPLACEMENT_CHARACTERS:
        yield "".join(c if c.isascii() else replacement for c in name), HEADER_GARBLED
    yield "".join(c for c in name if c.isascii() or not c.isalpha()), HEADER_GARBLED
