"""Code lists: every accepted spelling of every coded column, and the tables of the documentation."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from cohort.foundation.code_lists import CODE_LISTS, NO_VALUE, CodeList

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "schools.md"

DRAWN = [
    # column             code     accepted spellings
    ("geslacht", "1", "1 01 1.0 1,0"),
    ("jaargroep", "3", "3 03 3.0 3,0"),
    ("jaargroep", "B", "B b"),
    ("gewicht", "0", "0 0,0 0.0 0,00 0.00 0,000"),
    ("gewicht", "0,3", "0,3 0.3 0,30 0.30 0.300"),
    ("gewicht", "1,2", "1,2 1.2 1,20 1.20"),
    ("gewicht", "0,25", "0,25 0.25"),
    ("gewicht", NO_VALUE, "?"),
    ("postcode4", "1012", "1012"),
    ("thuistaal", "nl", "nl NL Nl"),
    ("thuistaal", "dialect", "dialect Dialect DIALECT"),
    ("opleiding_ouders", "hoog", "hoog Hoog HOOG"),
    ("ses", "5", "5 05 5.0 5,0"),
    ("ses", "50", "50 50.0"),
    ("combinatiegroep", "1", "1 ja Ja JA j J true True TRUE waar WAAR 1.0"),
    ("combinatiegroep", "0", "0 nee Nee NEE n N false False FALSE onwaar ONWAAR"),
    ("schooltype", "sbo", "sbo SBO"),
    ("afnameperiode", "M", "M m Midden midden"),
    ("afnameperiode", "E", "E e Eind Einde"),
    ("niveau_AE", "A", "A a"),
    ("niveau_IV", "I", "I i I+"),
    ("niveau_IV", "III", "III iii"),
]
UNLISTED = [
    ("geslacht", "3"),
    ("geslacht", "M"),
    ("geslacht", "J"),
    ("geslacht", "1.5"),
    ("jaargroep", "9"),
    ("gewicht", "0,5"),
    ("gewicht", "12"),
    ("gewicht", "0 3"),
    ("gewicht", "03"),
    ("gewicht", ",3"),
    ("postcode4", "0123"),
    ("postcode4", "1012AB"),
    ("ses", "100"),
    ("ses", "-1"),
    ("ses", "5.5"),
    ("combinatiegroep", "2"),
    ("combinatiegroep", ""),
    ("niveau_AE", "F"),
    ("niveau_IV", "1"),
    ("niveau_IV", "VI"),
    ("afnameperiode", "M5"),
    ("thuistaal", "nederlands"),
]


@pytest.mark.parametrize(("column", "code", "written"), DRAWN)
def test_every_spelling_has_its_canonical_code(column: str, code: str, written: str) -> None:
    assert {CODE_LISTS[column].canonical_code(spelling) for spelling in written.split()} == {code}
    assert code == NO_VALUE or code in CODE_LISTS[column].codes


@pytest.mark.parametrize(("column", "written"), UNLISTED)
def test_other_texts_have_no_code(column: str, written: str) -> None:
    assert CODE_LISTS[column].canonical_code(written) is None


@pytest.mark.parametrize(
    ("codes", "spellings"),
    [((), {}), (("1", "1"), {}), (("1",), {"ja": "2"}), (("1", "2"), {"1": "2"}), (("1",), {"": "1"})],
)
def test_a_contradictory_code_list_is_refused(codes: tuple[str, ...], spellings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="code list"):
        CodeList(codes, spellings)


def test_the_documentation_for_schools_has_these_lists() -> None:
    table = DOCUMENT.read_text(encoding="utf-8").partition("| column | codes | also written |\n")[2]
    rows = [line.strip("| ").split("|") for line in table.partition("\n\n")[0].splitlines()[1:]]
    told = {row[0].strip(): (row[1], row[2] if len(row) > 2 else "") for row in rows}
    assert list(told) == list(CODE_LISTS)
    for column, (codes, others) in told.items():
        spans = [(int(low), int(high)) for low, high in re.findall(r"`(\d+)`-`(\d+)`", codes)]
        single = re.findall(r"`([^`]+)`", re.sub(r"`\d+`-`\d+`", "", codes))
        listed = [*(str(n) for low, high in spans for n in range(low, high + 1)), *single]
        assert sorted(listed) == sorted(CODE_LISTS[column].codes)
        written = re.findall(r"`([^`]+)`", others.replace("counts as `I`", ""))
        assert bool(written) == bool(CODE_LISTS[column].alternative_spellings)
        assert set(written) <= CODE_LISTS[column].alternative_spellings.keys()


def test_spellings_that_differ_in_capitals_have_one_code() -> None:
    for column, one in CODE_LISTS.items():
        folded = sorted((spelling.casefold(), code) for spelling, code in one.spellings.items())
        assert all(a[0] != b[0] or a[1] == b[1] for a, b in pairwise(folded)), column
