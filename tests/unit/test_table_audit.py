"""The auditor on tables that can be read: what it accepts, and that it refuses each thing done wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.drawn_publication import COUNT, LIMITS, DrawnPublication, DrawnTable, DrawnVariable, flat, text

from cohort.foundation import NotAnonymous
from cohort.publication_documents import Measure, PublicationDocument, PublishedRules, PublishedScore, TidyCell
from cohort.table_audit import AuditEdition, AuditInput, AuditResult, ReleasedCell, audit_tables
from cohort.table_audit.edition_audit import read_edition

REGION = DrawnVariable("regio", {"land": {"*": ("N", "Z"), "N": ("n1", "n2"), "Z": ("z1", "z2")}})
GROUP = DrawnVariable("jaargroep", {"groep": flat("7", "8")})


def make_pupils(counts: Mapping[tuple[str, str], int], schools: int = 6) -> list[dict[str, Any]]:
    """Divide the pupils of every cell as equally over schools of the region as they go."""
    return [
        {"regio": region, "jaargroep": group, "school": f"{region}{number % schools}"}
        for (region, group), pupils in counts.items()
        for number in range(pupils)
    ]


COUNTS = {
    ("n1", "7"): 6,
    ("n1", "8"): 40,
    ("n2", "7"): 30,
    ("n2", "8"): 36,
    ("z1", "7"): 48,
    ("z1", "8"): 60,
    ("z2", "7"): 54,
    ("z2", "8"): 66,
}
PUBLICATION = DrawnPublication(
    [REGION, GROUP], [DrawnTable("a", {"regio": "land", "jaargroep": "groep"})], make_pupils(COUNTS)
)
SAFE = {("n1", "7"), ("n1", "8"), ("n2", "7"), ("n2", "8")}


def hide(cells: Iterable[tuple[str, str]], publication: DrawnPublication = PUBLICATION) -> AuditEdition:
    chosen = set(cells)
    return publication.edition_with(lambda nodes: tuple(nodes.values()) in chosen)


def audit(edition: AuditEdition, *earlier: AuditEdition, released: tuple[ReleasedCell, ...] = ()) -> AuditResult:
    return audit_tables(AuditInput(edition, earlier, LIMITS, released))


def codes(result: AuditResult) -> set[str]:
    return {finding.code for finding in result.findings}


def change(edition: AuditEdition, nodes: tuple[str, ...], value: str | None, table: str = "a") -> AuditEdition:
    cells = {
        name: tuple(TidyCell(c.nodes, c.measure, value) if (name, c.nodes) == (table, nodes) else c for c in own or ())
        for name, own in edition.cells.items()
    }
    return AuditEdition(edition.document, cells, edition.contributors, edition.scores)


def test_a_safe_pattern_has_no_finding() -> None:
    result = audit(hide(SAFE))
    assert result.findings == ()
    assert result.figures.protected_cells == 1
    assert result.figures.attackers == 25
    result.require_none("edition 1")


def test_a_cell_that_a_rule_hides_is_not_printed() -> None:
    result = audit(hide(set()))
    assert codes(result) == {"TABLE_RULE"}
    assert [case.cell for case in result.findings[0].cases] == ["leerlingen 1: a: n1 × 7: leerlingen"]


@pytest.mark.parametrize("printed", sorted(SAFE - {("n1", "7")}))
def test_without_one_of_the_secondary_cells_an_outsider_computes_the_cell(printed: tuple[str, str]) -> None:
    result = audit(hide(SAFE - {printed}))
    assert codes(result) == {"TABLE_OUTSIDER"}
    (case,) = result.findings[0].cases
    assert (case.attacker, case.interval) == ("outsider", (6.0, 6.0))
    with pytest.raises(NotAnonymous, match="TABLE_OUTSIDER") as refusal:
        result.require_none("edition 1 of leerlingen")
    assert "n1" not in str(refusal.value)


def test_a_figure_that_is_not_what_the_schools_give_is_found() -> None:
    assert codes(audit(change(hide(SAFE), ("z1", "7"), "49"))) == {"TABLE_FIGURE"}


def test_a_missing_a_double_and_an_unknown_cell_are_found() -> None:
    edition = hide(SAFE)
    own = edition.cells["a"] or ()
    for cells in (own[:-1], (*own, own[0]), (*own, TidyCell(("n9", "7"), "leerlingen", "12"))):
        broken = AuditEdition(edition.document, {"a": cells}, edition.contributors)
        assert "TABLE_CELLS" in codes(audit(broken))
    assert "TABLE_CELLS" in codes(audit(AuditEdition(edition.document, {"a": None}, edition.contributors)))


def test_weaker_rules_than_the_platforms_are_found() -> None:
    weak = PUBLICATION.rules.model_copy(update={"pupils": 5, "max_share": 0.6})
    result = audit(hide(SAFE, replace(PUBLICATION, rules=weak)))
    assert [case.cell for case in result.findings[0].cases] == ["leerlingen 1: pupils", "leerlingen 1: max_share"]


def test_what_was_hidden_or_printed_before_stays_so() -> None:
    later = replace(PUBLICATION, edition=2)
    assert codes(audit(hide(SAFE, later), hide(SAFE))) == set()
    more = SAFE | {("z1", "7"), ("z1", "8"), ("z2", "7"), ("z2", "8")}
    assert codes(audit(hide(more, later), hide(SAFE))) == {"TABLE_EARLIER"}
    assert "TABLE_EARLIER" in codes(audit(hide(SAFE, later), hide(more)))


def test_a_late_objector_does_not_change_what_was_published() -> None:
    objected = replace(PUBLICATION, edition=2, pupils=PUBLICATION.pupils[:-1])
    assert {"TABLE_EARLIER", "TABLE_FIGURE"} == codes(audit(hide(SAFE, objected), hide(SAFE)))
    frozen = AuditEdition(objected.document(), hide(SAFE).cells, objected.contributors())
    assert codes(audit(frozen, hide(SAFE))) == set()


def test_finer_cells_without_a_late_objector_contradict_the_published_total() -> None:
    detail = DrawnVariable("sekse", {"sekse": flat("j", "m")})
    pupils = [{**row, "sekse": "jm"[number % 2]} for number, row in enumerate(PUBLICATION.pupils[:-1])]
    table = DrawnTable("b", {"sekse": "sekse", "jaargroep": "groep"})
    finer = replace(PUBLICATION, variables=[detail, GROUP], tables=[table], pupils=pupils, name="fijner")
    assert "TABLE_SOURCE" in codes(audit(hide(set(), finer), hide(SAFE)))


SEX = DrawnVariable("sekse", {"sekse": flat("j", "m")})
YEARS = ("2023-2024", "2024-2025")


def make_last_year(tree: Mapping[str, str]) -> AuditEdition:
    """An edition of the school year before, of many pupils in every cell, by variables of its own."""
    pupils = [
        {**row, "sekse": "jm"[number // 6 % 2]} for number, row in enumerate(make_pupils(dict.fromkeys(COUNTS, 60)))
    ]
    variables = [variable for variable in (REGION, SEX) if variable.name in tree]
    tables = [DrawnTable("b", tree)]
    last = replace(PUBLICATION, variables=variables, tables=tables, pupils=pupils, name="vorig", school_years=YEARS[:1])
    return hide(set(), last)


@pytest.mark.parametrize("tree", [{"regio": "land"}, {"regio": "land", "sekse": "sekse"}])
def test_an_edition_of_another_year_by_other_variables_is_no_contradiction(tree: Mapping[str, str]) -> None:
    assert codes(audit(hide(SAFE), make_last_year(tree))) == set()
    assert codes(audit(make_last_year(tree), hide(SAFE))) == set()
    assert codes(audit(hide(SAFE - {("n1", "8")}), make_last_year(tree))) == {"TABLE_OUTSIDER"}


def test_an_edition_of_one_year_group_by_another_variable_is_no_contradiction() -> None:
    pupils = [{**row, "sekse": "jm"[n // 6 % 2]} for n, row in enumerate(make_pupils({**COUNTS, ("z1", "7"): 60}))]
    table = DrawnTable("c", {"regio": "land", "sekse": "sekse"})
    own = replace(
        PUBLICATION, variables=[REGION, GROUP, SEX], tables=[table], population={"jaargroep": "7"}, name="zeven",
        pupils=[row for row in pupils if row["jaargroep"] == "7"],
    )  # fmt: skip
    secret = {("n1", "j"), ("n1", "m"), ("n1", "*"), ("n2", "*"), ("n2", "j"), ("n2", "m")}
    all_groups = replace(PUBLICATION, pupils=pupils)
    assert codes(audit(hide(secret, own), hide(SAFE, all_groups))) == set()
    assert "TABLE_OUTSIDER" in codes(audit(hide(secret - {("n2", "j"), ("n2", "m")}, own), hide(SAFE, all_groups)))


def test_two_years_together_beside_one_of_them_by_other_variables_are_refused() -> None:
    """Nobody counted the other year in the variables of the first, so nothing can be proved of the difference."""
    many, few = dict.fromkeys(COUNTS, 60), {cell: 3 if cell[0] == "n1" else 60 for cell in COUNTS}
    both = replace(PUBLICATION, pupils=[*make_pupils(many), *make_pupils(few)], school_years=YEARS)
    assert "TABLE_SOURCE" in codes(audit(hide(set(), both), make_last_year({"regio": "land", "sekse": "sekse"})))


def test_an_earlier_edition_by_another_cut_gives_a_cell_away() -> None:
    other = DrawnVariable("regio", {"anders": {"*": ("x", "y"), "x": ("n1",), "y": ("n2", "z1", "z2")}})
    publication = replace(PUBLICATION, variables=[other, GROUP], name="anders")
    earlier = replace(publication, tables=[DrawnTable("b", {"regio": "anders", "jaargroep": "groep"})])
    assert audit(hide(SAFE)).findings == ()
    only_years = earlier.edition_with(lambda nodes: nodes["regio"] in ("n1", "x") and nodes["jaargroep"] == "7")
    found = audit(hide(SAFE), only_years)
    assert "TABLE_OUTSIDER" in codes(found)
    assert found.figures.earlier_editions == ("anders 1",)


def test_parts_that_no_table_shows_follow_from_cuts_that_do_not_nest() -> None:
    leaves = ("a", "b", "c")
    region = DrawnVariable(
        "regio",
        {
            "een": {"*": ("ab", "C"), "ab": ("a", "b"), "C": ("c",)},
            "twee": {"*": ("A", "bc"), "A": ("a",), "bc": ("b", "c")},
        },
    )
    counts = {"a": 60, "b": 7, "c": 60}
    pupils = [{"regio": leaf, "school": f"s{number % 6}"} for leaf in leaves for number in range(counts[leaf])]
    document = DrawnPublication(
        [region], [DrawnTable("a", {"regio": "een"}), DrawnTable("b", {"regio": "twee"})], pupils
    )
    edition = document.edition_with(lambda nodes: nodes["regio"] in ("a", "b"))
    assert "TABLE_OUTSIDER" in codes(audit(edition))


FOUR = dict.fromkeys(("a", "b", "c", "g"), 20)
"""A cell that is hidden because it has four schools."""


def place_pupils(
    schools: Mapping[tuple[str, str], Mapping[str, int]], board: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [
        {"regio": region, "jaargroep": group, "school": school, "board": board.get(school, school), "pupils": number}
        for (region, group), own in schools.items()
        for school, number in own.items()
    ]


def spread(pupils: int, start: int = 0) -> dict[str, int]:
    return {f"s{start + number}": pupils for number in range(6)}


def make_square(own: Mapping[str, int], beside: Mapping[str, int], board: Mapping[str, str]) -> DrawnPublication:
    """Four hidden cells in a square; one is small, and one beside it is of the attacker."""
    cells = {
        ("n1", "7"): own,
        ("n1", "8"): beside,
        ("n2", "7"): spread(6, 20),
        ("n2", "8"): spread(14, 30),
        ("z1", "7"): spread(8, 40),
        ("z1", "8"): spread(9, 50),
        ("z2", "7"): spread(10, 60),
        ("z2", "8"): spread(11, 70),
    }
    return replace(PUBLICATION, pupils=place_pupils(cells, board))


def test_a_school_alone_in_a_cell_computes_the_one_beside_it() -> None:
    publication = make_square(FOUR, {"d": 60}, {})
    result = audit(hide(SAFE, publication))
    assert codes(result) == {"TABLE_SCHOOL"}
    case = result.findings[0].cases[0]
    assert case.attacker.startswith("school ")
    assert case.interval == (80.0, 80.0)


def test_a_board_of_all_schools_of_a_cell_computes_the_one_beside_it() -> None:
    beside = {"d": 20, "e": 20, "f": 20}
    alone = make_square(FOUR, beside, {})
    assert codes(audit(hide(SAFE, alone))) == set()
    together = make_square(FOUR, beside, dict.fromkeys("def", "bestuur"))
    result = audit(hide(SAFE, together))
    assert codes(result) == {"TABLE_BOARD"}
    assert result.findings[0].cases[0].attacker.startswith("board ")


def test_two_tables_show_one_cell_alike() -> None:
    tables = [DrawnTable("a", {"regio": "land", "jaargroep": "groep"}), DrawnTable("b", {"regio": "land"})]
    edition = hide(SAFE, replace(PUBLICATION, tables=tables))
    assert codes(audit(edition)) == set()
    assert "TABLE_STATUS" in codes(audit(change(edition, ("n1",), None, "b")))


PRESENT = DrawnVariable("rekenen", {"aanwezig": {"*": ("M", "geen")}})
SCORE = PublishedScore(name="M", label=text("M"), presence="rekenen", lowest=4000, highest=16000, spread=500)
MEAN = Measure(name="gemiddelde", kind="mean", label=text("g"), scores=("M",), base={"rekenen": "M"}, decimals=1)


def make_means(spread_of_scores: int = 1500, counts: Mapping[tuple[str, str], int] = COUNTS) -> DrawnPublication:
    pupils = [
        {**row, "rekenen": "M", "M": 10000 + (number * 37 % 21 - 10) * spread_of_scores // 10}
        for number, row in enumerate(make_pupils(counts))
    ]
    table = DrawnTable("a", {"regio": "land", "jaargroep": "groep"}, (COUNT, MEAN))
    return replace(PUBLICATION, variables=[REGION, GROUP, PRESENT], tables=[table], pupils=pupils, scores=[SCORE])


def test_means_are_counted_again_and_hidden_with_their_cell() -> None:
    edition = hide(SAFE, make_means())
    assert codes(audit(edition)) == set()
    wrong = {
        "a": tuple(
            replace(c, value="1.0") if c.nodes == ("z1", "7") and c.measure == "gemiddelde" else c
            for c in edition.cells["a"] or ()
        )
    }
    assert codes(audit(AuditEdition(edition.document, wrong, edition.contributors))) == {"TABLE_FIGURE"}


def test_a_hidden_mean_at_the_end_of_the_scale_is_computed_too_nearly() -> None:
    publication = make_means()
    pupils = [
        {**row, "M": 15990 if (row["regio"], row["jaargroep"]) in SAFE - {("n1", "7")} else 10000}
        for row in publication.pupils
    ]
    result = audit(hide(SAFE, replace(publication, pupils=pupils)))
    assert codes(result) == {"TABLE_MEAN"}


def test_the_spread_of_an_edition_holds_whatever_an_earlier_one_declared() -> None:
    publication = make_means()
    pupils = [
        {**row, "M": 15990 if (row["regio"], row["jaargroep"]) in SAFE - {("n1", "7")} else 10000}
        for row in publication.pupils
    ]
    narrow = replace(publication, pupils=pupils, scores=[SCORE.model_copy(update={"spread": 1})])
    later = replace(publication, pupils=pupils, edition=2)
    assert codes(audit(hide(SAFE, narrow))) == set()
    assert codes(audit(hide(SAFE, later), hide(SAFE, narrow))) == {"TABLE_MEAN"}


def test_a_mean_needs_eleven_pupils() -> None:
    counts = {**COUNTS, ("n1", "7"): 10}
    result = audit(hide(set(), make_means(counts=counts)))
    assert codes(result) == {"TABLE_RULE"}
    assert [c.cell for c in result.findings[0].cases] == ["leerlingen 1: a: n1 × 7: gemiddelde"]


MEDIAN = Measure(
    name="mediaan", kind="percentile", label=text("m"), scores=("M",), quantile=0.5, base={"rekenen": "M"}, decimals=0
)


def make_medians(points: int, year: str, name: str) -> AuditEdition:
    """An edition whose pupils all have one score, with the median of every cell."""
    pupils = [{**row, "rekenen": "M", "M": 100 * points} for row in make_pupils(dict.fromkeys(COUNTS, 60))]
    table = DrawnTable("a", {"regio": "land", "jaargroep": "groep"}, (COUNT, MEDIAN))
    publication = replace(
        PUBLICATION, variables=[REGION, GROUP, PRESENT], tables=[table], pupils=pupils, scores=[SCORE], name=name,
        school_years=(year,),
    )  # fmt: skip
    edition = publication.edition_of(lambda nodes, m: publication.figure(nodes, COUNT) if m == COUNT else f"{points}")
    rows = {key: [row[key] for row in pupils] for key in ("regio", "jaargroep", "rekenen")}
    number = len(pupils)
    columns = {**rows, "score": ["M"] * number, "value": [100 * points] * number, "pupils": [1] * number}
    return replace(edition, scores=pa.table(columns))


def test_a_percentile_of_another_years_pupils_is_not_this_years() -> None:
    last, own = make_medians(90, YEARS[0], "vorig"), make_medians(110, YEARS[1], "leerlingen")
    assert codes(audit(own, last)) == set()
    mixed = {"a": tuple(replace(c, value="90") if c.measure == "mediaan" else c for c in own.cells["a"] or ())}
    result = audit(replace(own, cells=mixed), last)
    assert codes(result) == {"TABLE_FIGURE"}
    assert len(result.findings[0].cases) == len(mixed["a"]) // 2


SHARE = Measure(name="aandeel", kind="share", label=text("a"), numerator={"jaargroep": "7"}, decimals=0)


def test_a_share_tells_its_numerator() -> None:
    table = DrawnTable("a", {"regio": "land"}, (COUNT, SHARE))
    publication = replace(PUBLICATION, tables=[table])
    shown = audit(publication.edition_with(lambda _: False))
    assert codes(shown) == {"TABLE_RULE"}
    assert [c.cell for c in shown.findings[0].cases] == ["leerlingen 1: a: n1: aandeel"]
    hidden = publication.edition_of(
        lambda nodes, m: None if m.kind == "share" and nodes["regio"] in ("n1", "n2") else publication.figure(nodes, m)
    )
    assert codes(audit(hidden)) == set()
    one = publication.edition_of(
        lambda nodes, m: None if m.kind == "share" and nodes["regio"] == "n1" else publication.figure(nodes, m)
    )
    assert codes(audit(one)) == {"TABLE_OUTSIDER"}


def test_one_value_of_a_sensitive_variable_must_not_fill_its_row() -> None:
    level = DrawnVariable("niveau", {"niveau": flat("hoog", "laag")}, sensitive=True)
    pupils = [
        {"regio": region, "niveau": value, "school": f"{region}{number % 6}"}
        for region, own in {"n1": (48, 0), "n2": (30, 30), "z1": (30, 36), "z2": (42, 36)}.items()
        for value, pupils in zip(("hoog", "laag"), own, strict=True)
        for number in range(pupils)
    ]
    table = DrawnTable("a", {"regio": "land", "niveau": "niveau"})
    publication = replace(PUBLICATION, variables=[REGION, level], tables=[table], pupils=pupils)
    assert codes(audit(hide(set(), publication))) == {"TABLE_RULE"}
    square = {(region, value) for region in ("n1", "n2") for value in ("hoog", "laag")}
    assert codes(audit(hide(square, publication))) == set()


ROUNDED = PublishedRules(
    pupils=10,
    schools=5,
    max_share=0.5,
    p_percent=10,
    largest_value_share=0.9,
    degrees_of_freedom=10,
    hide_up_to=7,
    round_to=5,
)


def round_count(count: int) -> str | None:
    return None if 0 < count <= 7 else str(5 * round(count / 5))


def round_cell(publication: DrawnPublication, nodes: Mapping[str, str]) -> str:
    leaves = [
        round_count(publication.count({"regio": region, "jaargroep": group}))
        for region in sorted(REGION.leaves_under(nodes["regio"]))
        for group in sorted(GROUP.leaves_under(nodes["jaargroep"]))
    ]
    return str(sum(int(value or 0) for value in leaves)) if len(leaves) > 1 else (leaves[0] or "")


def make_rounded() -> tuple[DrawnPublication, AuditEdition]:
    pupils = make_pupils({**COUNTS, ("n1", "7"): 7, ("n1", "8"): 42})
    publication = replace(PUBLICATION, pupils=pupils, rules=ROUNDED, method="round")
    return publication, publication.edition_of(lambda nodes, _: round_cell(publication, nodes) or None)


def test_totals_of_rounded_parts_tell_nothing_more() -> None:
    assert codes(audit(make_rounded()[1])) == set()


def test_a_margin_that_is_rounded_by_itself_is_found() -> None:
    publication, edition = make_rounded()
    count = publication.count({"regio": "n1", "jaargroep": "*"})
    assert round_count(count) != round_cell(publication, {"regio": "n1", "jaargroep": "*"})
    broken = change(edition, ("n1", "*"), round_count(count))
    assert {"TABLE_FIGURE", "TABLE_OUTSIDER"} <= codes(audit(broken))


def test_an_exact_count_among_rounded_ones_is_found() -> None:
    assert "TABLE_FIGURE" in codes(audit(change(make_rounded()[1], ("z1", "7"), "48")))
    assert "TABLE_FIGURE" in codes(audit(change(make_rounded()[1], ("n1", "7"), "5")))


@pytest.mark.parametrize("value", ["1x", "12.5", "²"])
@pytest.mark.parametrize("nodes", [("z1", "7"), ("z1", "*")])
def test_a_rounded_count_that_is_no_number_is_found(nodes: tuple[str, str], value: str) -> None:
    assert "TABLE_FIGURE" in codes(audit(change(make_rounded()[1], nodes, value)))


def test_noise_is_declared() -> None:
    document: PublicationDocument = replace(PUBLICATION, method="noise").document()
    edition = hide(set())
    assert codes(audit(AuditEdition(document, edition.cells, edition.contributors))) == {"TABLE_NOISE"}


def test_the_pupils_left_out_of_a_release_are_not_few() -> None:
    few = ReleasedCell({"regio": "z1", "jaargroep": "7"}, 45, 45)
    many = ReleasedCell({"regio": "z1", "jaargroep": "7"}, 30, 30)
    wide = ReleasedCell({"regio": "z1", "jaargroep": "7"}, 30, 45)
    hidden = ReleasedCell({"regio": "n1", "jaargroep": "8"}, 36, 36)
    assert codes(audit(hide(SAFE), released=(many, wide, hidden))) == set()
    assert codes(audit(hide(SAFE), released=(few,))) == {"TABLE_RELEASE"}


def test_counts_without_schools_are_no_source() -> None:
    edition = hide(SAFE)
    broken = AuditEdition(edition.document, edition.cells, edition.contributors.drop_columns(["board"]))
    assert codes(audit(broken)) == {"TABLE_SOURCE"}


@pytest.mark.parametrize("change_rows", ["leaf", "negative", "nothing"])
def test_counts_that_cannot_be_counts_of_the_edition_are_no_source(change_rows: str) -> None:
    edition = hide(SAFE)
    rows = edition.contributors.to_pylist()
    changes: dict[str, dict[str, Any]] = {
        "leaf": {"regio": "x9"},
        "negative": {"pupils": -1},
        "nothing": {"pupils": None},
    }
    rows[0].update(changes[change_rows])
    schema = edition.contributors.schema
    assert codes(audit(replace(edition, contributors=pa.Table.from_pylist(rows, schema)))) == {"TABLE_SOURCE"}
    unknown = [{**row, "school": None, "board": None} for row in rows]
    document = edition.document.model_copy(update={"rows": "release", "project": "proef", "release": 1})
    released = replace(edition, document=document, contributors=pa.Table.from_pylist(unknown, schema))
    assert codes(audit(released)) == {"TABLE_SOURCE"}


@pytest.mark.parametrize("damage", ["a\rb;7;leerlingen;12;vrij", f"{'x' * 200_000};7;leerlingen;12;vrij", "\n", "n1;7"])
def test_a_file_of_cells_that_cannot_be_read_is_a_finding(tmp_path: Path, damage: str) -> None:
    edition = hide(SAFE)
    (tmp_path / "publication.json").write_text(edition.document.model_dump_json(), encoding="utf-8")
    (tmp_path / "a.cells.csv").write_text(f"regio;jaargroep;maat;waarde;status\n{damage}\n", encoding="utf-8")
    pq.write_table(edition.contributors, tmp_path / "contributors.parquet")
    stored = read_edition(tmp_path, tmp_path)
    assert stored.cells == {"a": None}
    assert "TABLE_CELLS" in codes(audit(stored))


def test_counts_that_cannot_be_read_name_their_edition(tmp_path: Path) -> None:
    exact = tmp_path / "leerlingen" / "3"
    with pytest.raises(NotAnonymous, match="edition 3 of the publication leerlingen"):
        read_edition(exact / "published", exact)
