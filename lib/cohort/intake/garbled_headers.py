"""Names of columns as a wrong encoding leaves them, so that no such column is taken for an unknown one.

A text in MacRoman or CP850 hardly ever fails to be read as windows-1252: only its accents and dashes become
other characters. Which ones is known for every declared name; a header with one of them is refused, as the
values below it are no better read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from html.entities import codepoint2name
from itertools import product

GARBLED = "HEADER_GARBLED"
REASON_OF = {"mac_roman": "ENCODING_MACROMAN", "cp850": "ENCODING_CP850", "cp437": "ENCODING_CP850"}
"""The reason where a text of this encoding was read as windows-1252, which tells it."""
WRITTEN = ("mac_roman", "cp850", "cp437", "utf-8", "cp1252", "iso8859-15")
READ = ("cp1252", "utf-8", "latin-1", "mac_roman", "cp850", "cp437")
INSTEAD = ("_", "?", "??", "\ufffd", "\ufffd\ufffd")
"""What software writes for a letter that its encoding lacks."""


def spellings(names: Iterable[str], folded: Callable[[str], str]) -> dict[str, str]:
    """Every garbled spelling of names, as `folded` leaves it, with the reason code of what garbled it.

    A spelling that is itself a name, or two of them, is none.
    """
    known = {folded(name) for name in names}
    found: dict[str, str] = {}
    for name in names:
        for spelling, reason in _of(name) if not name.isascii() else ():
            if (key := folded(spelling)) not in known:
                found.setdefault(key, reason)
    return found


def _of(name: str) -> Iterator[tuple[str, str]]:
    for form in (name, name.upper(), unicodedata.normalize("NFD", name)):
        for written, read in product(WRITTEN, READ):
            reason = REASON_OF.get(written, GARBLED) if read == "cp1252" else GARBLED
            with suppress(UnicodeEncodeError):
                once = form.encode(written).decode(read, "replace")
                yield once, reason
                yield once.encode("utf-8").decode(read, "replace"), GARBLED
    for instead in INSTEAD:
        yield "".join(c if c.isascii() else instead for c in name), GARBLED
    yield "".join(c for c in name if c.isascii() or not c.isalpha()), GARBLED
    yield name.encode("ascii", "xmlcharrefreplace").decode(), GARBLED
    yield (
        "".join(
            f"&{codepoint2name[ord(c)]};" if ord(c) in codepoint2name and not c.isascii() else c for c in name
        ),
        GARBLED,
    )
