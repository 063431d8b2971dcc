"""The checks of contents with a published table on disk, and with everything that was released before."""

from __future__ import annotations

import statistics
from collections import Counter
from types import SimpleNamespace

import deltalake
import pytest
from tests.unit.drawn_output_requests import PROVINCES, TABLE, as_csv, cells_of, count
from tests.unit.test_output_requests import PROJECT, Office, office

from cohort.foundation.errors import NotAnonymous, StateRefused, UsageRefused
from cohort.output_checking import content_checks, request_release, request_submission, reviews
from cohort.output_checking.request_events import RequestState

__all__ = ["office"]

HEAD = "project = 'proef'\nresearcher = 'r.visser'\npurpose = 'Een artikel over groei in rekenen.'\n"
BY_PROVINCE = """
[[files]]
name = "tabel.csv"
kind = "table"
decimal_mark = ","
hidden = ["x"]
columns = [
    { name = "provincie", role = "dimension", column = "provincie", total = "Totaal" },
    { name = "n", role = "count" },
    { name = "hoog", role = "share", of = "niveau", level = ["I", "II"], base = "n" },
    { name = "score", role = "mean", of = "score", base = "n" },
    { name = "p50", role = "percentile", of = "score", base = "n", percentile = 50 },
]
"""


def figures(**filters: str) -> list[list[str]]:
    """The table that is declared, with the right figures."""
    rows = [["provincie", "n", "hoog", "score", "p50"]]
    for province in ("Drenthe", "Fryslân", "Totaal"):
        labels = {} if province == "Totaal" else {"provincie": province}
        pupils = [r for r in TABLE.to_pylist() if all(r[k] == v for k, v in {**labels, **filters}.items())]
        high = 100 * sum(r["niveau"] in ("I", "II") for r in pupils) / len(pupils)
        mean = sum(r["score"] for r in pupils) / len(pupils)
        median = statistics.median(r["score"] for r in pupils)
        texts = [f"{figure:.1f}".replace(".", ",") for figure in (high, mean, median)]
        rows.append([province, str(len(pupils)), *texts])
    return rows


@pytest.fixture
def checked(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office whose project has a published table, and whose requests are checked."""
    monkeypatch.setattr(content_checks, "load_project", lambda *_given: SimpleNamespace(sensitive_column=None))
    deltalake.write_deltalake(str(office.zones.published_table("proef")), TABLE)
    office.checks = {"contents": content_checks.check_contents}
    hand_in(office, BY_PROVINCE, figures())
    return office


def hand_in(office: Office, declared: str, rows: list[list[str]]) -> None:
    (office.folder / "request.toml").write_text(HEAD + declared, encoding="utf-8")
    (office.folder / "tabel.csv").write_bytes(as_csv(rows))


def codes(office: Office, number: int = 1) -> set[str]:
    return {finding.code for finding in office.load(number).findings}


def recounted(office: Office) -> dict[tuple[int, int], str]:
    recount = content_checks.load_recount(office.zones, office.load())
    assert recount is not None
    return {(figure.row, figure.column): figure.recounted for figure in recount.figures}


def test_a_right_table_has_no_finding_and_each_figure_is_counted_again(checked: Office) -> None:
    checked.submit()
    assert checked.load().findings == ()
    expected = {
        (row, column): text
        for row, texts in enumerate(figures()[1:], 2)
        for column, text in enumerate(texts, 1)
        if 1 < column < 5
    }
    assert recounted(checked) == expected, "percentiles are not counted again"


def test_a_wrong_count_stands_beside_what_the_published_table_gives(checked: Office) -> None:
    rows = figures()
    rows[1][1] = str(int(rows[1][1]) + 1)
    hand_in(checked, BY_PROVINCE, rows)
    checked.submit()
    [finding] = [finding for finding in checked.load().findings if finding.code == "COUNT_DIFFERS"]
    assert finding.place == "row 2, column 2"
    assert recounted(checked)[2, 2] == str(count(provincie="Drenthe"))


def test_a_hidden_figure_is_not_counted_again(checked: Office) -> None:
    rows = figures()
    rows[1][1:] = ["x"] * 4
    hand_in(checked, BY_PROVINCE, rows)
    checked.submit()
    assert not {place for place in recounted(checked) if place[0] == 2}


def test_without_a_published_table_every_file_needs_both_reviewers(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_checks, "load_project", lambda *_given: SimpleNamespace(sensitive_column=None))
    office.checks = {"contents": content_checks.check_contents}
    hand_in(office, BY_PROVINCE, figures())
    office.submit()
    assert "NO_PUBLISHED_TABLE" in codes(office)
    assert recounted(office) == {}
    with pytest.raises(UsageRefused, match="NO_PUBLISHED_TABLE"):
        office.decide("jansen")


def test_a_damaged_published_table_is_refused(checked: Office) -> None:
    for file in checked.zones.published_table("proef").glob("*.parquet"):
        file.unlink()
    with pytest.raises(StateRefused, match="published table that can be read"):
        checked.submit()


def decide(office: Office, number: int) -> None:
    """Both reviewers approve every file."""
    for who in ("jansen", "klaas"):
        office.act_as(who)
        review = reviews.read_decisions(office.write(number=number), None)
        reviews.decide_request(office.environment(), office.load(number), review)


def release(office: Office, number: int) -> None:
    request_release.release_request(office.environment(), PROJECT, office.load(number), office.checks)


COUNTS = """
[[files]]
name = "tabel.csv"
kind = "table"
FILTERS
columns = [{ name = "provincie", role = "dimension", column = "provincie" }, { name = "n", role = "count" }]
"""


def test_a_cell_that_differs_little_from_a_released_one_is_found(checked: Office) -> None:
    """The pupils of special schools are four: all, beside all without them, tells of four."""
    all_pupils = cells_of("provincie", totals=False)
    hand_in(checked, COUNTS.replace("FILTERS", ""), all_pupils)
    checked.submit()
    others = [[*row[:1], str(count(provincie=row[0], school="nee"))] for row in all_pupils[1:]]
    hand_in(checked, COUNTS.replace("FILTERS", "filters = { school = ['nee'] }"), [all_pupils[0], *others])
    checked.submit()
    assert codes(checked, 2) == set(), "alone it is safe"
    for number in (1, 2):
        decide(checked, number)
    release(checked, 1)
    with pytest.raises(NotAnonymous):
        release(checked, 2)
    assert checked.load(2).state is RequestState.RETURNED
    assert "DIFFERENCE_WITH_RELEASED" in codes(checked, 2)


def test_a_released_table_that_today_cannot_be_counted_is_told(checked: Office) -> None:
    checked.submit()
    decide(checked, 1)
    release(checked, 1)
    deltalake.write_deltalake(
        str(checked.zones.published_table("proef")),
        TABLE.drop_columns(["niveau"]),
        mode="overwrite",
        schema_mode="overwrite",
    )
    hand_in(checked, COUNTS.replace("FILTERS", ""), cells_of("provincie", totals=False))
    checked.submit()
    assert [(f.code, f.place, f.severity) for f in checked.load(2).findings] == [
        ("RELEASED_NOT_COUNTED", "request 1", "look")
    ]


def test_a_released_table_of_an_earlier_release_is_told(checked: Office) -> None:
    """One pupil left after the first table: the second one beside it would tell of that pupil."""
    hand_in(checked, COUNTS.replace("FILTERS", ""), cells_of("provincie", totals=False))
    checked.submit()
    decide(checked, 1)
    release(checked, 1)
    deltalake.write_deltalake(str(checked.zones.published_table("proef")), TABLE.slice(1), mode="overwrite")
    fewer = Counter(TABLE.slice(1)["provincie"].to_pylist())
    hand_in(
        checked, COUNTS.replace("FILTERS", ""), [["provincie", "n"], *([name, str(fewer[name])] for name in PROVINCES)]
    )
    checked.submit()
    assert [(f.code, f.place, f.severity) for f in checked.load(2).findings] == [
        ("RELEASED_NOT_COUNTED", "request 1", "look")
    ]


@pytest.mark.parametrize(
    "declared",
    [
        "",
        "[[files]]\nname = 'tabel.csv'\nkind = 'table'\n",
        BY_PROVINCE.replace('role = "count"', 'role = "number"'),
        BY_PROVINCE.replace("hidden", "verborgen"),
        BY_PROVINCE.replace('base = "n"', 'base = "m"'),
    ],
)
def test_a_declaration_that_is_not_complete_is_refused_with_every_reason(checked: Office, declared: str) -> None:
    hand_in(checked, declared, figures())
    with pytest.raises(UsageRefused) as refusal:
        checked.submit()
    assert all(problem.startswith("Expected ") for problem in refusal.value.problems)
    assert all("request.toml" in problem for problem in refusal.value.problems)
    assert not checked.zones.output_requests("proef").exists()


def test_a_declaration_is_read_with_a_byte_order_mark() -> None:
    text = (HEAD + BY_PROVINCE).encode("utf-8-sig")
    assert request_submission.read_request_declaration(text).project == "proef"
