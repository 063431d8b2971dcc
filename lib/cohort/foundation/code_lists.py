"""Code lists of the coded columns of a delivery: the canonical codes, and every accepted spelling of each.

Ingestion validates against these lists and writes the canonical code. The table in `docs/schools.md` and the checks of
hierarchies and project files are made from them, so a code is added here and nowhere else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

NO_VALUE = ""
"""The canonical code of a spelling that stands for no value, such as `?` for an unknown weight."""
DECIMAL_MARKS = ",."
"""Both decimal marks are accepted in a code: exports use either, whatever mark their format declares for scores."""
MAX_DECIMALS = 3


class CodeName(NamedTuple):
    """What a code means, in Dutch and in English."""

    nl: str
    en: str


@dataclass(frozen=True)
class CodeList:
    """The codes of one column.

    Attributes:
        codes: the canonical codes, in their order. A value in the results is one of these, or null.
        spellings: every accepted spelling with its canonical code, the codes themselves included; `NO_VALUE` is the
            code of a spelling that stands for no value.
        pattern: a regular expression for exactly these codes, where they are too many to write out in SQL.
        names: what codes mean, of those whose meaning is not plain from the code; for codebooks and files.
        ordered: whether the codes have an order that means something: that in which they stand.

    Raises:
        ValueError: there is no code, a code occurs twice, or a spelling leads to none of the codes.
    """

    codes: tuple[str, ...]
    spellings: Mapping[str, str] = field(default_factory=dict)
    pattern: str | None = None
    names: Mapping[str, CodeName] = field(default_factory=dict)
    ordered: bool = False

    def __post_init__(self) -> None:
        code_by_spelling = {**self.spellings, **{code: code for code in self.codes}}
        unlisted = set(code_by_spelling.values()) - {*self.codes, NO_VALUE}
        duplicated = len(set(self.codes)) != len(self.codes)
        reassigned = any(code != self.spellings.get(code, code) for code in self.codes)
        unmatched = self.pattern and not all(re.fullmatch(self.pattern, code) for code in self.codes)
        if not self.codes or duplicated or unlisted or reassigned or unmatched or NO_VALUE in code_by_spelling:
            raise ValueError("a code list whose spellings do not each lead to one of its codes")
        if not self.names.keys() <= {*self.codes}:
            raise ValueError("a code list with the name of a code that it does not have")
        object.__setattr__(self, "spellings", MappingProxyType(code_by_spelling))

    @property
    def alternative_spellings(self) -> dict[str, str]:
        """The accepted spellings that are not canonical, each with its canonical code."""
        return {spelling: code for spelling, code in self.spellings.items() if spelling != code}

    def canonical_code(self, spelling: str) -> str | None:
        """Look up the canonical code of a spelling.

        Returns:
            The code, `NO_VALUE` where the spelling stands for no value, None where it is not accepted.
        """
        return self.spellings.get(spelling)

    def canonical_sql(self, text: str) -> str:
        """Write `canonical_code` as a native SQL expression.

        Args:
            text: SQL of the text as delivered. Canonical codes are recognised by `in` or by the pattern; only
                other spellings are looked up in a map, which costs more.
        """
        is_canonical = (
            f"{text} rlike r'^{self.pattern}\\z'" if self.pattern else f"{text} in ({_sql_texts(self.codes)})"
        )
        if not self.alternative_spellings:
            return f"case when {is_canonical} then {text} end"
        pairs = _sql_texts(part for pair in self.alternative_spellings.items() for part in pair)
        return f"case when {is_canonical} then {text} else element_at(map({pairs}), {text}) end"

    def respelled_sql(self, stored: str) -> str:
        """Write SQL that is true where a stored text is an accepted spelling and not the canonical code."""
        return f"{stored} in ({_sql_texts(self.alternative_spellings)})" if self.alternative_spellings else "false"


def digest_code_lists() -> str:
    """Hash all code lists: a different digest means that a spelling or a code was changed."""
    content = repr([(name, one.codes, sorted(one.spellings.items())) for name, one in CODE_LISTS.items()])
    return hashlib.sha256(content.encode()).hexdigest()


def _sql_texts(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _word_codes(other_names: Mapping[str, Iterable[str]]) -> CodeList:
    """Make the list of codes that are words or letters; each code and other name in any common capitalisation."""
    spellings = {
        spelling: code
        for code, names in other_names.items()
        for name in (code, *names)
        for spelling in (name, name.lower(), name.upper(), name.capitalize() if name.islower() else name)
    }
    return CodeList(tuple(other_names), spellings)


def _whole_number_codes(numbers: Iterable[int], words: Mapping[str, Iterable[str]] | None = None) -> CodeList:
    """Make the list of codes that are whole numbers, with words beside them.

    A number is also accepted with a leading zero (`05`), and with a decimal zero (`5.0`), as programs write a column of
    numbers with gaps.
    """
    codes = [f"{number}" for number in numbers]
    spellings = {
        spelling: code
        for code in codes
        for whole in (code, code.zfill(2))
        for spelling in (whole, *(f"{whole}{mark}0" for mark in DECIMAL_MARKS))
    }
    if not words:
        return CodeList(tuple(codes), spellings)
    word_list = _word_codes(words)
    return CodeList(tuple(dict.fromkeys((*codes, *word_list.codes))), {**word_list.spellings, **spellings})


def _decimal_codes(codes: tuple[str, ...], *no_value_spellings: str) -> CodeList:
    """Make the list of codes that are decimals: with either mark, and with trailing zeros up to three decimals."""
    spellings = dict.fromkeys(no_value_spellings, NO_VALUE)
    for code in codes:
        whole, _, decimals = code.partition(",")
        for length in range(max(1, len(decimals)), MAX_DECIMALS + 1):
            spellings.update({f"{whole}{mark}{decimals.ljust(length, '0')}": code for mark in DECIMAL_MARKS})
    return CodeList(codes, spellings)


_CODE_NAMES: Mapping[str, Mapping[str, CodeName]] = {
    "geslacht": {
        "1": CodeName("jongen", "boy"),
        "2": CodeName("meisje", "girl"),
        "0": CodeName("onbekend bij de school", "not known to the school"),
        "9": CodeName("niet gespecificeerd", "not specified"),
    },
    "jaargroep": {
        **{str(group): CodeName(f"groep {group}", f"year group {group}") for group in range(9)},
        **{
            str(10 + year): CodeName(f"leerjaar {year} (voortgezet onderwijs)", f"year {year} of secondary education")
            for year in range(1, 7)
        },
        "S": CodeName("speciaal (basis)onderwijs", "special (primary) education"),
        "V": CodeName("voortgezet speciaal onderwijs", "secondary special education"),
        "C": CodeName("combinatiegroep", "combined class"),
        "H": CodeName("historisch", "historical"),
    },
    "gewicht": {"0": CodeName("0 (geen gewicht)", "0 (no weight)")},
    "thuistaal": {
        "nl": CodeName("Nederlands", "Dutch"),
        "fy": CodeName("Fries", "Frisian"),
        "dialect": CodeName("dialect", "dialect"),
        "overig": CodeName("overige talen", "other languages"),
    },
    "opleiding_ouders": {
        "laag": CodeName("laag", "low"),
        "midden": CodeName("midden", "middle"),
        "hoog": CodeName("hoog", "high"),
    },
    "combinatiegroep": {"0": CodeName("nee", "no"), "1": CodeName("ja", "yes")},
    "schooltype": {
        "bo": CodeName("basisonderwijs", "primary education"),
        "sbo": CodeName("speciaal basisonderwijs", "special primary education"),
        "so": CodeName("speciaal onderwijs", "special education"),
        "vso": CodeName("voortgezet speciaal onderwijs", "secondary special education"),
        "vo": CodeName("voortgezet onderwijs", "secondary education"),
    },
    "afnameperiode": {
        "B": CodeName("begin van het schooljaar", "start of the school year"),
        "M": CodeName("midden van het schooljaar", "middle of the school year"),
        "E": CodeName("eind van het schooljaar", "end of the school year"),
    },
}
"""What codes mean, by column; a code without an entry means what it says."""
_ORDERED = ("gewicht", "opleiding_ouders", "ses", "afnameperiode", "niveau_AE", "niveau_IV")
"""The columns whose codes have an order that means something."""


def _with_names(lists: Mapping[str, CodeList]) -> Mapping[str, CodeList]:
    """Add to each list what its codes mean, and whether they have an order."""
    return {
        name: replace(codes, names=_CODE_NAMES.get(name, {}), ordered=name in _ORDERED) for name, codes in lists.items()
    }


CODE_LISTS: Mapping[str, CodeList] = MappingProxyType(
    _with_names(
        {
            "geslacht": _whole_number_codes((1, 2, 0, 9)),
            "jaargroep": _whole_number_codes(
                (*range(9), *range(11, 17)), {"B": (), "D": (), "S": (), "V": (), "C": (), "N": (), "H": ()}
            ),
            "gewicht": _decimal_codes(("0", "0,25", "0,3", "0,4", "0,7", "0,9", "1,2"), "?"),
            "postcode4": CodeList(tuple(map(str, range(1000, 10_000))), pattern="[1-9][0-9]{3}"),
            "thuistaal": _word_codes({"nl": (), "fy": (), "dialect": (), "overig": ()}),
            "opleiding_ouders": _word_codes({"laag": (), "midden": (), "hoog": ()}),
            "ses": _whole_number_codes(range(100)),
            "combinatiegroep": _whole_number_codes(
                (0, 1), {"0": ("nee", "n", "false", "onwaar"), "1": ("ja", "j", "true", "waar")}
            ),
            "schooltype": _word_codes({"bo": (), "sbo": (), "so": (), "vso": (), "vo": ()}),
            "afnameperiode": _word_codes({"B": ("begin",), "M": ("midden",), "E": ("eind", "einde")}),
            "niveau_AE": _word_codes({"A": (), "B": (), "C": (), "D": (), "E": ()}),
            "niveau_IV": _word_codes({"I": ("I+",), "II": (), "III": (), "IV": (), "V": ()}),
        }
    )
)
"""The code list of every coded column of a delivery, by the canonical name of the column."""
