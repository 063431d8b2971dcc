"""The code list of every coded column: its canonical codes, and every accepted spelling of each.

Declared here once. Intake validates against it and writes the canonical code; the table of `docs/schools.md`
and the check of hierarchies and project files follow from it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NO_VALUE = ""
"""What a spelling is brought to that stands for no value: `?`, a weight that is not known."""
DECIMAL_MARKS = ",."
"""Both decimal marks: exports of different systems use either, whatever their own is declared to be."""


@dataclass(frozen=True)
class CodeList:
    """The codes of one column.

    Attributes:
        codes: the canonical codes, in their order. What stands in the results is one of these, or null.
        spellings: every accepted spelling, the codes themselves among them, with its canonical code;
            `NOTHING` for a spelling that stands for no value.
        form: a regular expression for exactly these codes, where they are too many to write out in SQL.
    """

    codes: tuple[str, ...]
    spellings: Mapping[str, str] = field(default_factory=dict)
    pattern: str | None = None

    def __post_init__(self) -> None:
        every = {**self.spellings, **{code: code for code in self.codes}}
        unlisted = set(every.values()) - {*self.codes, NO_VALUE}
        twice = len(set(self.codes)) != len(self.codes)
        misread = any(code != self.spellings.get(code, code) for code in self.codes)
        unfit = self.pattern and not all(re.fullmatch(self.pattern, code) for code in self.codes)
        if not self.codes or twice or unlisted or misread or unfit or NO_VALUE in every:
            raise ValueError("a code list whose spellings do not each lead to one of its codes")
        object.__setattr__(self, "spellings", MappingProxyType(every))

    @property
    def alternative_spellings(self) -> dict[str, str]:
        """The accepted spellings that are not canonical, each with its canonical code."""
        return {written: code for written, code in self.spellings.items() if written != code}

    def canonical_code(self, written: str) -> str | None:
        """The canonical code of a spelling, `NOTHING` for no value, None for a spelling not accepted."""
        return self.spellings.get(written)

    def canonical_sql(self, written: str) -> str:
        """The same as a native SQL expression.

        Args:
            written: SQL of a text. A canonical code is found by a hash or a pattern; only another spelling
                is looked for in the map.
        """
        known = f"{written} rlike r'^{self.pattern}\\z'" if self.pattern else f"{written} in ({_texts(self.codes)})"
        if not self.alternative_spellings:
            return f"case when {known} then {written} end"
        pairs = _texts(text for pair in self.alternative_spellings.items() for text in pair)
        return f"case when {known} then {written} else element_at(map({pairs}), {written}) end"

    def respelled_sql(self, stored: str) -> str:
        """SQL for whether a stored text is an accepted spelling other than its canonical code."""
        return f"{stored} in ({_texts(self.alternative_spellings)})" if self.alternative_spellings else "false"


def digest_code_lists() -> str:
    """A hash over all code lists: another one means that a spelling or a code changed."""
    told = repr([(name, one.codes, sorted(one.spellings.items())) for name, one in CODE_LISTS.items()])
    return hashlib.sha256(told.encode()).hexdigest()


def _texts(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _words(named: Mapping[str, Iterable[str]]) -> CodeList:
    """Codes that are words or letters: each, and each of its other names, in any common use of capitals."""
    written = {
        spelling: code
        for code, names in named.items()
        for name in (code, *names)
        for spelling in (name, name.lower(), name.upper(), name.capitalize() if name.islower() else name)
    }
    return CodeList(tuple(named), written)


def _whole(numbers: Iterable[int], words: Mapping[str, Iterable[str]] | None = None) -> CodeList:
    """Codes that are whole numbers, and words beside them.

    A number also counts with a leading zero (`05`) and as a table with gaps writes it (`5.0`).
    """
    codes = [f"{number}" for number in numbers]
    written = {
        spelling: code
        for code in codes
        for whole in (code, code.zfill(2))
        for spelling in (whole, *(f"{whole}{mark}0" for mark in DECIMAL_MARKS))
    }
    if not words:
        return CodeList(tuple(codes), written)
    named = _words(words)
    return CodeList(tuple(dict.fromkeys((*codes, *named.codes))), {**named.spellings, **written})


def _decimals(codes: tuple[str, ...], *nothing: str) -> CodeList:
    """Codes that are decimals: with either mark, and with zeros at the end up to three decimals."""
    written = dict.fromkeys(nothing, NO_VALUE)
    for code in codes:
        whole, _, decimals = code.partition(",")
        for length in range(max(1, len(decimals)), 4):
            written.update({f"{whole}{mark}{decimals.ljust(length, '0')}": code for mark in DECIMAL_MARKS})
    return CodeList(codes, written)


CODE_LISTS: Mapping[str, CodeList] = MappingProxyType(
    {
        "geslacht": _whole((1, 2, 0, 9)),
        "jaargroep": _whole(
            (*range(9), *range(11, 17)), {"B": (), "D": (), "S": (), "V": (), "C": (), "N": (), "H": ()}
        ),
        "gewicht": _decimals(("0", "0,25", "0,3", "0,4", "0,7", "0,9", "1,2"), "?"),
        "postcode4": CodeList(tuple(map(str, range(1000, 10_000))), pattern="[1-9][0-9]{3}"),
        "thuistaal": _words({"nl": (), "fy": (), "dialect": (), "overig": ()}),
        "opleiding_ouders": _words({"laag": (), "midden": (), "hoog": ()}),
        "ses": _whole(range(100)),
        "combinatiegroep": _whole((0, 1), {"0": ("nee", "n", "false", "onwaar"), "1": ("ja", "j", "true", "waar")}),
        "schooltype": _words({"bo": (), "sbo": (), "so": (), "vso": (), "vo": ()}),
        "afnameperiode": _words({"B": ("begin",), "M": ("midden",), "E": ("eind", "einde")}),
        "niveau_AE": _words({"A": (), "B": (), "C": (), "D": (), "E": ()}),
        "niveau_IV": _words({"I": ("I+",), "II": (), "III": (), "IV": (), "V": ()}),
    }
)
"""Every coded column of a delivery, by its canonical name."""
