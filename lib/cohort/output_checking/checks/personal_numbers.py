"""Numbers of pupils and schools in any text: names, cells, metadata."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cohort.foundation import INVISIBLE_MARKS, normalise_pgn

_CANDIDATES = re.compile(r"(?<![0-9A-Za-z.,])[0-9](?:[.\- \u00a0_/']?[0-9]){6,8}(?:[.,]0+)?(?![0-9]|[.,][0-9])")
_EXPONENTS = re.compile(r"(?<![0-9.,])[1-9][.,][0-9]{6,8}[eE]\+?0*[678](?![0-9])")
_BRIN = re.compile(r"(?<![0-9A-Za-z])[0-9]{2}[.-]?[A-Z]{2}(?:[ .-]?[0-9]{2})?(?![0-9A-Za-z])")
_LONG_CODE = re.compile(r"(?<![0-9A-Za-z])(?=[0-9a-fA-F]*[0-9])(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{32,}(?![0-9A-Za-z])")
_SEPARATORS = re.compile(r"[.\- \u00a0_/']")
_INVISIBLE = dict.fromkeys(map(ord, INVISIBLE_MARKS))


def find_identifiers(text: str, further_patterns: Iterable[str] = ()) -> Iterator[str]:
    """Find which kinds of identifiers a text holds.

    Args:
        text: the text, which no finding repeats.
        further_patterns: regular expressions of other numbers.

    Returns:
        `PUPIL_NUMBER`, `SCHOOL_NUMBER` or `PSEUDONYM`, each at most once.
    """
    plain = text.translate(_INVISIBLE)
    if _has_pupil_number(plain):
        yield "PUPIL_NUMBER"
    if _BRIN.search(plain):
        yield "SCHOOL_NUMBER"
    if _LONG_CODE.search(plain) or any(re.search(pattern, plain) for pattern in further_patterns):
        yield "PSEUDONYM"


def _has_pupil_number(text: str) -> bool:
    for match in _CANDIDATES.finditer(text):
        digits = _SEPARATORS.sub(
            "", re.sub(r"[.,]0+$", "", match.group()) if _is_decimal(match.group()) else match.group()
        )
        is_plain = match.group().isdigit()
        if (len(digits) == 9 or (is_plain and len(digits) == 8)) and normalise_pgn(digits.zfill(9)) is not None:
            return True
    return any(normalise_pgn(match.group()) is not None for match in _EXPONENTS.finditer(text))


def _is_decimal(text: str) -> bool:
    return re.fullmatch(r"[0-9]{7,9}[.,]0+", text) is not None
