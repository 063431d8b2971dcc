"""The codebook of a release: what it says of every variable, as a page, as DDI, and beside the table."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html
from tests.unit.drawn_browser import CHROMIUM, Browser, browser
from tests.unit.drawn_codebook import COLUMNS, drawn_codebook, make_project, make_published

from cohort.agreements import LabelText, project_hierarchies
from cohort.agreements.project import Project
from cohort.foundation.errors import ConfigurationRefused
from cohort.research_files import make_codebook, read_codebook, remove_research_files, renew_codebook
from cohort.research_files.codebook_document import Codebook, CodebookVariable
from cohort.research_files.codebook_page import render_codebook_page
from cohort.research_files.ddi_document import serialise_ddi
from cohort.research_files.value_codes import code_values
from cohort.sdc import Hierarchy

PROFILE = Path(__file__).parents[1] / "schemas" / "ddi_codebook_profile.rng"
OFFICIAL_SCHEMA = os.environ.get("COHORT_DDI_SCHEMA", "")
"""The file `codebook.xsd` of DDI-Codebook 2.5, which is published under the LGPL and is not part of this project."""
NAMES = {"nl": "proef-1.codebook.nl.html", "en": "proef-1.codebook.en.html"}
DDI = {"d": "ddi:codebook:2_5"}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Codebook:
    return drawn_codebook(tmp_path_factory.mktemp("codebook"))


def variable(book: Codebook, name: str) -> CodebookVariable:
    return next(one for one in book.variables if one.name == name)


def find(node: Any, path: str) -> list[Any]:
    """The elements of a page at an XPath."""
    found: list[Any] = node.xpath(path, namespaces=DDI)
    return found


def drawn(one: CodebookVariable) -> str:
    return "\n".join(
        f"{c.value} | {c.code} | {c.label.nl} | {c.label.en} | {c.missing or c.level}" for c in one.categories
    )


@pytest.mark.parametrize(
    ("name", "categories", "levels"),
    [
        (
            "geslacht",
            "1 | 1 | jongen | boy | 0\n2 | 2 | meisje | girl | 0\n"
            "niet opgegeven | 1001 | niet opgegeven | niet opgegeven | 1\n"
            "* | -2 | weggegeneraliseerd | generalised away | generalised",
            (0, 1, 2),
        ),
        (
            "jaargroep",
            "5-6 | 1004 | 5-6 | 5-6 | 1\n7 | 7 | groep 7 | year group 7 | 0\n8 | 8 | groep 8 | year group 8 | 0\n"
            "* | -2 | weggegeneraliseerd | generalised away | generalised",
            (0, 1, 3),
        ),
        (
            "rekenen_M",
            "0 tot 40 | 1001 | van 0 tot 40 | from 0 up to 40 | 1\n"
            "20 tot 40 | 2 | van 20 tot 40 | from 20 up to 40 | 0\n"
            "200 en hoger | 11 | 200 en hoger | 200 and above | 0\n"
            "onbekend | -1 | onbekend | not known | unknown\n"
            "* | -2 | weggegeneraliseerd | generalised away | generalised",
            (0, 1, 2),
        ),
        (
            "spelling",
            "I | 1 | I | I | 0\nII | 2 | II | II | 0\nIII | 3 | III | III | 0\nIV | 4 | IV | IV | 0\n"
            "V | 5 | V | V | 0\nonbekend | -1 | onbekend, of niet getoond | not known, or not shown | unknown",
            (0,),
        ),
    ],
)
def test_the_values_that_occur_with_codes_and_labels_in_order(
    book: Codebook, name: str, categories: str, levels: tuple[int, ...]
) -> None:
    assert drawn(variable(book, name)) == categories
    assert variable(book, name).levels == levels


def test_columns_are_called_after_their_source_and_bounds_after_their_column(book: Codebook) -> None:
    labels = {one.name: (one.label.nl, one.label.en) for one in book.variables}
    assert labels["geslacht"] == ("geslacht", "sex")
    score = ("rekenen (vaardigheidsscore), midden 2024-2025", "mathematics (ability score), middle of 2024-2025")
    assert labels["rekenen_M"] == score
    assert labels["rekenen_M_van"] == (f"{score[0]}: ondergrens", f"{score[1]}: lower bound")
    assert labels["rekenen_M_tot"][1] == f"{score[1]}: upper bound, not included"
    facts = {one.name: (one.kind, one.ordered, one.scale, one.domain and one.domain.en) for one in book.variables}
    assert facts["geslacht"] == ("category", False, None, None)
    assert facts["rekenen_M"] == ("category", True, "LVS-REK", "mathematics")
    assert facts["rekenen_M_tot"] == ("bound", True, "LVS-REK", "mathematics")
    assert [one.name for one in book.variables] == make_project().released_names


def test_shares_are_of_rounded_counts_and_small_ones_are_not_told(book: Codebook) -> None:
    shares = {one.name: one.shares.model_dump() for one in book.variables if one.shares is not None}
    # 346 rows count as 345; 36 wider than exact as 35; 6 generalised away is too few to be told
    assert shares["geslacht"] == {"generalised": 10, "generalised_away": None, "unknown": None}
    assert shares["rekenen_M"] == {"generalised": 25, "generalised_away": None, "unknown": 9}
    assert shares["spelling"] == {"generalised": None, "generalised_away": None, "unknown": 12}
    assert (book.rows, book.suppressed_percent) == (345, 10)
    assert shares.keys() == {"geslacht", "jaargroep", "rekenen_M", "spelling"}


def test_a_special_category_column_has_no_shares(tmp_path: Path) -> None:
    """A share of unknown values would tell how many pupils consented."""
    columns = [*COLUMNS[:3], COLUMNS[3] | {"legal_ground": "AVG art. 9 lid 2 onder a"}]
    columns[3]["constraint"] = {**columns[3]["constraint"], "distinct": 3}
    assert variable(drawn_codebook(tmp_path, make_project(columns=columns)), "spelling").shares is None


def test_pseudonyms_are_described_without_categories(tmp_path: Path) -> None:
    own = drawn_codebook(tmp_path, make_project(release_class="pseudonymous"))
    assert [(one.name, one.kind, one.categories) for one in own.variables[-2:]] == [
        ("pupil", "pseudonym", ()),
        ("school", "pseudonym", ()),
    ]
    assert own.variables[-2].label.nl == "pseudoniem van de leerling, alleen in dit project"


def labelled(**labels: Any) -> Project:
    return make_project(columns=[COLUMNS[0] | labels, *COLUMNS[1:]])


def test_labels_of_the_project_file_come_first(tmp_path: Path) -> None:
    names = {"nl": "Geslacht volgens de school", "en": "Sex as the school has it"}
    values = {"niet opgegeven": {"nl": "niet ingevuld", "en": "left empty"}, "1": {"nl": "j", "en": "b"}}
    own = variable(drawn_codebook(tmp_path, labelled(label=names, value_labels=values)), "geslacht")
    assert own.label.model_dump() == names
    assert [category.label.en for category in own.categories] == ["b", "girl", "left empty", "generalised away"]


def test_a_label_of_a_value_that_the_hierarchy_lacks_is_refused(tmp_path: Path) -> None:
    environment, *_ = make_published(tmp_path)
    own = labelled(value_labels={"jongen": {"nl": "jongen", "en": "boy"}})
    with pytest.raises(ConfigurationRefused, match=r"labels for values of the hierarchy alone.*found `jongen`"):
        project_hierarchies.load_hierarchies(own, environment.hierarchies)


@pytest.mark.parametrize("label", ["", "  ", "two\nlines", "x" * 201])
def test_a_label_is_one_line(label: str) -> None:
    with pytest.raises(ValueError, match=r"one line|at most 200"):
        LabelText.model_validate({"nl": label, "en": "x"})


#   leaves; wider values         codes
CODES = {
    "numbers": ("1 2 0 9", {"0 of 9": ["0", "9"]}, "1=1 2=2 0=0 0 of 9=1001 9=9"),
    "numbers and letters": ("7 8 S", {"7-8": ["7", "8"]}, "7=7 7-8=1001 8=8 S=1002"),
    "words": ("laag midden hoog", {"hoger": ["midden", "hoog"]}, "laag=1 midden=2 hoger=1001 hoog=3"),
    "large numbers": ("1017 9999", {}, "1017=1017 9999=9999"),
    "bands": ("0_tot_20 20_tot_40", {}, "0_tot_20=1 20_tot_40=2"),
    "negative numbers": ("-1 0 1", {"0 of meer": ["0", "1"]}, "-1=1 0=2 0 of meer=1001 1=3"),
    "leading zeros": ("05 06", {}, "05=1 06=2"),
}


@pytest.mark.parametrize(("leaves", "wide", "codes"), CODES.values(), ids=CODES.keys())
def test_a_value_has_a_code_that_follows_from_the_hierarchy_alone(
    leaves: str, wide: dict[str, list[str]], codes: str
) -> None:
    exact = leaves.split()
    group_of = {leaf: group for group, members in wide.items() for leaf in members}
    levels = [[*exact, "onbekend"], [*(group_of.get(leaf, leaf) for leaf in exact), "onbekend"]]
    coded = code_values(Hierarchy("x", (*map(tuple, levels), ("*",) * len(levels[0]))))
    assert " ".join(f"{one.value}={one.code}" for one in coded.values()) == f"{codes} onbekend=-1 *=-2"
    assert len({one.code for one in coded.values()}) == len(coded)


# The page.


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_page_says_what_the_document_says(book: Codebook, language: str) -> None:
    page = html.fromstring(render_codebook_page(book, language, NAMES).encode())
    assert page.get("lang") == language
    for one in book.variables:
        (section,) = find(page, f"//section[@id='{one.name}']")
        assert one.label.in_language(language) in section.text_content()
        rows = [[cell.text_content() for cell in row] for row in find(section, ".//tbody/tr")]
        assert [row[:3] for row in rows] == [
            [c.value, str(c.code), c.label.in_language(language)] for c in one.categories
        ]
    assert {link.get("href") for link in find(page, "//header//a")} == {NAMES["en" if language == "nl" else "nl"]}


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_page_loads_nothing_and_tells_no_exact_count(book: Codebook, language: str) -> None:
    text = render_codebook_page(book, language, NAMES)
    assert not re.search(r"<script|src=|url\(|https?://", text)
    (body,) = find(html.fromstring(text.encode()), "//body")
    shown = body.text_content()
    assert not re.search(r"\b(346|190|100|120|41)\b", shown)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_fits_a_phone_and_a_desk(book: Codebook, chromium: Browser, tmp_path: Path, width: int) -> None:
    for language, name in NAMES.items():
        (tmp_path / name).write_text(render_codebook_page(book, language, NAMES), encoding="utf-8")
        chromium.open((tmp_path / name).as_uri(), width)
        assert chromium.evaluate("document.documentElement.scrollWidth") <= width
        assert chromium.console_messages() == []
        assert len(chromium.requested_addresses()) == 1


# DDI.


def ddi_problems(document: bytes) -> list[str]:
    profile = etree.RelaxNG(etree.parse(str(PROFILE)))
    profile.validate(etree.fromstring(document))
    return [str(error) for error in profile.error_log]  # type: ignore[attr-defined]


def test_ddi_has_the_elements_of_the_standard_in_their_order(book: Codebook, tmp_path: Path) -> None:
    assert ddi_problems(serialise_ddi(book)) == []
    pseudonymous = make_project(
        release_class="pseudonymous", population={"schooljaar": ["2024-2025"], "jaargroep": ["7"]}
    )
    assert ddi_problems(serialise_ddi(drawn_codebook(tmp_path, pseudonymous))) == []
    assert ddi_problems(serialise_ddi(book).replace(b"catValu", b"catStat")) != []


@pytest.mark.skipif(not OFFICIAL_SCHEMA, reason="COHORT_DDI_SCHEMA does not name codebook.xsd of DDI-Codebook 2.5")
def test_ddi_is_valid_against_the_official_schema(book: Codebook, tmp_path: Path) -> None:
    schema = etree.XMLSchema(etree.parse(OFFICIAL_SCHEMA))
    for own in (book, drawn_codebook(tmp_path, make_project(release_class="pseudonymous"))):
        schema.assertValid(etree.fromstring(serialise_ddi(own)))


def test_ddi_says_what_the_document_says_and_no_statistics(book: Codebook) -> None:
    root = etree.fromstring(serialise_ddi(book))
    variables = root.findall("d:dataDscr/d:var", DDI)
    assert [one.get("name") for one in variables] == [one.name for one in book.variables]
    for element, one in zip(variables, book.variables, strict=True):
        labels = {
            label.get("{http://www.w3.org/XML/1998/namespace}lang"): label.text
            for label in element.findall("d:labl", DDI)
        }
        assert labels == one.label.model_dump()
        categories = [
            (c.findtext("d:catValu", None, DDI), [label.text for label in c.findall("d:labl", DDI)], c.get("missing"))
            for c in element.findall("d:catgry", DDI)
        ]
        assert categories == [
            (str(c.code), [c.label.nl, c.label.en], "Y" if c.missing else "N") for c in one.categories
        ]
    assert root.findtext(".//d:caseQnty", None, DDI) == "345"
    assert not find(root, "//d:sumStat | //d:catStat | //d:valrng")


# Beside the table.


def test_a_codebook_takes_the_place_of_everything_beside_the_table(tmp_path: Path) -> None:
    environment, project, record = make_published(tmp_path)
    zones, folder = environment.zones, environment.zones.research_files("proef")
    folder.mkdir(parents=True)
    (folder / "proef-0.sav").write_bytes(b"earlier rows")
    book = make_codebook(environment, project, record, zones.published_table("proef"))
    assert read_codebook(zones, record) is None
    renew_codebook(zones, book)
    assert sorted(path.name for path in folder.iterdir()) == [  # type: ignore[attr-defined]
        "proef-1.codebook.en.html",
        "proef-1.codebook.json",
        "proef-1.codebook.nl.html",
        "proef-1.codebook.xml",
    ]
    assert read_codebook(zones, record) == book
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}  # type: ignore[attr-defined]
    assert folder.stat().st_mode & 0o777 == 0o700  # type: ignore[attr-defined]
    remove_research_files(zones, "proef")
    assert not folder.exists()


def test_a_hierarchy_that_lacks_a_released_value_is_refused(tmp_path: Path) -> None:
    environment, project, record = make_published(tmp_path)
    (environment.hierarchies / "geslacht.csv").write_text(
        "1;*\n2;*\n0;anders;*\n9;anders;*\n".replace("1;*", "1;1;*").replace("2;*", "2;2;*")
    )
    with pytest.raises(ConfigurationRefused, match=r"every released value in the hierarchy.*column geslacht of"):
        make_codebook(environment, project, record, environment.zones.published_table("proef"))
