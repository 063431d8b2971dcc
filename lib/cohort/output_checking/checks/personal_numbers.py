"""Numbers of pupils and schools in any text: names, cells, metadata."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from cohort.foundation import INVISIBLE_MARKS, normalise_pgn

_CANDIDATES = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.,])[0-9](?:[.\- \u00a0_/']?[0-9]){6,8}(?:[.,]0+)?(?![0-9]|[.,][0-9])"
)
_BEHIND_LETTERS = re.compile(r"(?<=[A-Za-z])[0-9]{9}(?![0-9A-Za-z]|[.,][0-9])")
_DECIMAL_FIGURE = re.compile(r"[0-9]{1,4}\.[0-9]+")
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_EXPONENTS = re.compile(r"(?<![0-9.,])[1-9][.,][0-9]{6,8}[eE]\+?0*[678](?![0-9])")
_BRIN = re.compile(r"(?<![0-9A-Za-z])[0-9]{2}[.-]?[A-Z]{2}(?:[ .-]?[0-9]{2})?(?![0-9A-Za-z])")
_BRIN_IN_SMALL_LETTERS = re.compile(r"[0-9]{2}[a-z]{2}(?:[0-9]{2})?")
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
    plain = unicodedata.normalize("NFKC", text.translate(_INVISIBLE))
    if _has_pupil_number(plain):
        yield "PUPIL_NUMBER"
    if _BRIN.search(plain):
        yield "SCHOOL_NUMBER"
    if _LONG_CODE.search(plain) or any(re.search(pattern, plain) for pattern in further_patterns):
        yield "PSEUDONYM"


def _has_pupil_number(text: str) -> bool:
    for match in _CANDIDATES.finditer(text):
        if _DECIMAL_FIGURE.fullmatch(match.group()) or _DATE.fullmatch(match.group()):
            continue
        digits = _SEPARATORS.sub(
            "", re.sub(r"[.,]0+$", "", match.group()) if _is_decimal(match.group()) else match.group()
        )
        is_plain = match.group().isdigit()
        if (len(digits) == 9 or (is_plain and len(digits) == 8)) and normalise_pgn(digits.zfill(9)) is not None:
            return True
    others = [*_EXPONENTS.finditer(text), *_BEHIND_LETTERS.finditer(text)]
    return any(normalise_pgn(match.group()) is not None for match in others)


def find_identifiers_in_cells(cells: Iterable[str], further_patterns: Iterable[str] = ()) -> Iterator[str]:
    """Find which kinds of identifiers single cells hold; a cell that is a BRIN in small letters is one too.

    Args:
        cells: the text of each cell.
        further_patterns: regular expressions of other numbers.
    """
    texts = [cell.strip() for cell in cells]
    yield from find_identifiers(
        "\n".join(text.upper() if _BRIN_IN_SMALL_LETTERS.fullmatch(text) else text for text in texts), further_patterns
    )


def _is_decimal(text: str) -> bool:
    return re.fullmatch(r"[0-9]{7,9}[.,]0+", text) is not None
