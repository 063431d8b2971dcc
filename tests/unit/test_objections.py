"""Lists of objections: read strictly or not at all, and what follows from them for everybody's results."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.unit.drawn_legal_basis import admitted_results
from tests.unit.drawn_results import column, frame, project, result, row

from cohort.agreements.platform import ObjectionLimits
from cohort.data_states.schemas import AcceptedResults
from cohort.foundation.errors import ObjectionsRefused
from cohort.legal_basis import objection_filter, objections_in_force
from cohort.legal_basis.objections_in_force import Objections
from cohort.verification import objection_check as rights

TODAY = dt.date(2025, 11, 23)
LIMITS = ObjectionLimits.model_validate(
    {"max_age_days": 31, "max_erased_share": "0.02", "max_erased_share_of_school": "0.25", "always_erased": 5},
    strict=False,
)
DOMAINS = frozenset({"rekenen", "lezen", "spelling"})
PROJECT = project(
    [column("a", step=10, result=result("rekenen", "latest")), column("b", step=10, result=result("lezen", "latest"))]
)
HEADER = "pgn;brin;vanaf;ingetrokken_op;bereik"
ANNA, BEN, CARO = "123456782", "111222333", "101222331"
LINE = f"{ANNA};10AA;2025-09-01;;alles"
RIGHT = {
    "file": '"landelijk.csv"',
    "polarity": '"block"',
    "date": "2025-11-20",
    "source": '"het register"',
    "max_age_days": "31",
    "declared_empty": "false",
}


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    folder = tmp_path / "objections"
    folder.mkdir()
    return folder


def put(folder: Path, *lines: str, name: str = "landelijk", **redeclared: str | None) -> Path:
    """One list with its declaration; `None` leaves a key out."""
    declared = {**RIGHT, "file": f'"{name}.csv"', **redeclared}
    text = "".join(f"{key} = {value}\n" for key, value in declared.items() if value is not None)
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    (folder / f"{name}.csv").write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return folder


def read(folder: Path) -> Objections:
    return objections_in_force.load_objections(folder, LIMITS, TODAY, DOMAINS)


def lists(folder: Path, *lines: str, **redeclared: str | None) -> Objections:
    return read(put(folder, *lines, **redeclared))


def test_an_objection_blocks_the_number_in_its_normal_form(zone: Path) -> None:
    loaded = lists(zone, "12345672;;2025-09-01;;alles", " 123 456 782 ;;2025-09-01;;alles", LINE)
    assert loaded.barred_from_everything == {"012345672", ANNA}
    assert loaded.opt_in_lists == ()
    assert not loaded.withheld_schools


@pytest.mark.parametrize(
    ("case", "lines", "blocked"),
    [
        ("withdrawn yesterday", [f"{ANNA};;2025-09-01;2025-11-22;alles"], set()),
        ("withdrawn today", [f"{ANNA};;2025-09-01;2025-11-23;alles"], set()),
        ("withdrawn from tomorrow", [f"{ANNA};;2025-09-01;2025-11-24;alles"], {ANNA}),
        ("begins next year: honoured at once", [f"{ANNA};;2026-09-01;;alles"], {ANNA}),
        ("one parent withdrew, the other did not", [f"{ANNA};;2025-09-01;2025-10-01;alles", LINE], {ANNA}),
        ("the same, in the other order", [LINE, f"{ANNA};;2025-09-01;2025-10-01;alles"], {ANNA}),
        ("withdrawn, with a number that is none", ["99;;2025-09-01;2025-10-01;alles", LINE], {ANNA}),
        ("an empty line between", [LINE, "", f"{BEN};;2025-09-01;;alles"], {ANNA, BEN}),
    ],
)
def test_which_objections_are_in_force(case: str, lines: list[str], blocked: set[str], zone: Path) -> None:
    assert read(put(zone, *lines)).barred_from_everything == blocked, case


def test_columns_may_have_any_order_with_a_byte_order_mark_and_crlf(zone: Path) -> None:
    put(zone)
    text = f"\ufeffbereik;pgn;ingetrokken_op;brin;vanaf\r\nalles;{ANNA};;10AA;2025-09-01\r\n"
    (zone / "landelijk.csv").write_bytes(text.encode())
    assert read(zone).barred_from_everything == {ANNA}


def test_an_invalid_number_withholds_the_school_that_filed_it(zone: Path) -> None:
    loaded = lists(zone, LINE, "123456789;10AA;2025-09-01;;alles", "x;10AB;2025-09-01;;alles")
    assert loaded.schools_withheld_from_project("proef", ["lezen"]) == {"10AA", "10AB"}
    assert loaded.lists[0].invalid_lines == {("10AA", "alles"): (3,), ("10AB", "alles"): (4,)}


KEPT = {
    "plainly": LINE,
    "a number in dots": "1234.56.782;10AA;2025-09-01;;alles",
    "in groups of three": "123.456.782;10AA;2025-09-01;;alles",
    "with a spreadsheet's mark of a text": "'123456782;'10AA;'2025-09-01;;alles",
    "as a formula that is a text": '"=""123456782""";10AA;2025-09-01;;alles',
    "with marks of direction": "\u202d123456782\u202c;10AA;2025-09-01;;alles",
    "as a decimal": "123456782.0;10AA;2025-09-01;;alles",
    "as a whole exponent": "1.23456782E+08;10AA;2025-09-01;;alles",
    "dates as Excel shows them here": "123456782;10AA;1-9-2025;;alles",
    "a moment for a day": "123456782;10AA;2025-09-01 00:00;;alles",
    "withdrawn from tomorrow, as Excel shows it": "123456782;10AA;1-9-2025;24-11-2025;alles",
    "a site behind the school": "123456782;10AA00;2025-09-01;;alles",
}


@pytest.mark.parametrize("case", KEPT)
def test_a_valid_number_in_any_spelling_bars_the_pupil_and_withholds_no_school(case: str, zone: Path) -> None:
    loaded = lists(zone, KEPT[case])
    assert (loaded.barred_from_everything, loaded.withheld_schools) == ({ANNA}, {})
    by_verifier = rights.read_excluded_pupils(zone, LIMITS.max_age_days, TODAY, "proef", ["lezen"])
    assert (by_verifier.numbers, by_verifier.held_back_schools) == ({ANNA}, frozenset())
    assert loaded.lists[0].objections[0].school in ("10AA", "")


@pytest.mark.parametrize(("number", "pupil"), [("12345672", "012345672"), ("3389261", "003389261")])
def test_a_number_without_its_leading_zeros_bars_the_pupil(number: str, pupil: str, zone: Path) -> None:
    assert lists(zone, f"{number};10AA;2025-09-01;;alles").barred_from_everything == {pupil}
    assert rights.read_excluded_pupils(zone, LIMITS.max_age_days, TODAY, "proef", ["lezen"]).numbers == {pupil}


def test_an_invalid_number_filed_by_a_site_withholds_the_whole_school(zone: Path) -> None:
    assert lists(zone, "123456789;10AA02;2025-09-01;;alles").schools_withheld_from_project("proef", ["lezen"]) == {
        "10AA"
    }
    assert rights.read_excluded_pupils(zone, LIMITS.max_age_days, TODAY, "proef", ["lezen"]).held_back_schools == {
        "10AA"
    }


ALLOW = {"polarity": '"allow"', "schools": '["10AA"]', "source": '"10AA"'}


def test_an_opt_in_list_permits_by_scope(zone: Path) -> None:
    put(zone, LINE)
    redeclared = [
        f"{ANNA};;2025-09-01;;alles",
        f"{BEN};;2025-09-01;;domein:lezen",
        f"{CARO};;2025-09-01;;project:proef",
    ]
    put(zone, *redeclared, name="a", **ALLOW)
    (one,) = read(zone).opt_in_lists
    assert one.schools == {"10AA"}
    assert one.numbers_for_project("proef", ["lezen"]) == {ANNA, BEN, CARO}
    assert one.numbers_for_project("ander", ["lezen"]) == {ANNA, BEN}
    assert one.numbers_for_project("ander", ["lezen", "rekenen"]) == {ANNA}
    assert (one.numbers_for_domain("lezen"), one.numbers_for_domain("rekenen")) == ({ANNA, BEN, CARO}, {ANNA, CARO})


@pytest.mark.parametrize("line", [f"{ANNA};;2025-09-01;2025-11-01;alles", f"{ANNA};;2025-12-01;;alles"])
def test_an_opt_in_that_was_withdrawn_or_begins_later_permits_nothing(zone: Path, line: str) -> None:
    assert read(put(zone, line, **ALLOW)).opt_in_lists[0].numbers_for_project("proef", []) == frozenset()


def test_a_list_declared_empty_is_accepted(zone: Path) -> None:
    assert lists(zone, declared_empty="true").barred_from_everything == frozenset()
    put(zone, name="niemand", declared_empty="true", **ALLOW)
    assert read(zone).opt_in_lists[0].numbers_by_scope == {}


@pytest.mark.parametrize(
    ("scope", "in_lezen", "in_rekenen", "in_proef"),
    [("alles", True, True, True), ("domein:lezen", True, False, False), ("project:proef", False, False, True)],
)
def test_an_objection_counts_in_projects_that_use_its_scope(
    scope: str, in_lezen: bool, in_rekenen: bool, in_proef: bool, zone: Path
) -> None:
    loaded = lists(zone, f"{ANNA};;2025-09-01;;{scope}", f"x;10AA;2025-09-01;;{scope}")
    where = {("ander", "lezen"): in_lezen, ("ander", "rekenen"): in_rekenen, ("proef", "rekenen"): in_proef}
    assert {at: ANNA in loaded.barred_from_project(at[0], at[1:]) for at in where} == where
    assert {at: "10AA" in loaded.schools_withheld_from_project(at[0], at[1:]) for at in where} == where


def test_an_objection_to_an_unknown_project_is_refused(zone: Path) -> None:
    put(zone, LINE, f"{BEN};;2025-09-01;;project:proef", f"{CARO};;2025-09-01;;project:pruef")
    with pytest.raises(ObjectionsRefused, match=r"a project that there is or was.*csv line 4\.") as refusal:
        objections_in_force.load_objections(zone, LIMITS, TODAY, DOMAINS, projects={"proef"})
    assert len(refusal.value.problems) == 1


def test_the_digest_of_a_project_changes_only_with_objections_in_its_scopes(zone: Path) -> None:
    def digests() -> list[str]:
        loaded = read(zone)
        return [loaded.digest_for_project(name, [domain]) for name, domain in (("aa", "lezen"), ("bb", "rekenen"))]

    before = digests() if put(zone, LINE) else []
    put(zone, LINE, f"{BEN};;2025-09-01;;domein:lezen", date="2025-11-21")
    after = digests()
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True]
    put(zone, LINE, f"{BEN};;2025-09-01;;domein:lezen", f"{CARO};;2025-09-01;;project:bb")
    assert [old == new for old, new in zip(after, digests(), strict=True)] == [True, False]


def test_the_digest_changes_only_when_a_list_does(zone: Path) -> None:
    before = lists(zone, LINE).digest()
    assert read(zone).digest() == before
    assert lists(zone, LINE, f"{BEN};;2025-09-01;;alles").digest() != before


@dataclass(frozen=True)
class BrokenFolder:
    """A right folder, and the one thing that is done to it."""

    case: str
    break_folder: Callable[[Path], object]
    message: str
    problems: int = 1


def csv(text: str | bytes) -> Callable[[Path], object]:
    content = text if isinstance(text, bytes) else text.encode()
    return lambda folder: (folder / "landelijk.csv").write_bytes(content)


def lines(*several: str) -> Callable[[Path], object]:
    return lambda folder: put(folder, *several)


def redeclared(**changed: str | None) -> Callable[[Path], object]:
    return lambda folder: put(folder, LINE, **changed)


BROKEN_FOLDERS = [
    BrokenFolder("no list at all", lambda f: [file.unlink() for file in f.iterdir()], "at least one declared list"),
    BrokenFolder("the list is missing", lambda f: (f / "landelijk.csv").unlink(), "the list that is declared"),
    BrokenFolder("a list that none declares", lambda f: (f / "extra.csv").write_text("x"), "only declared lists"),
    BrokenFolder("a folder in the zone", lambda f: (f / "oud").mkdir(), "only declared lists"),
    BrokenFolder("stale by its own limit", redeclared(max_age_days="2"), "a list of at most 2 days old"),
    BrokenFolder(
        "stale by the platform's limit", redeclared(date="2025-10-22", max_age_days="400"), "at most 31 days old"
    ),
    BrokenFolder("dated tomorrow", redeclared(date="2025-11-24"), "dated today or before"),
    BrokenFolder("no polarity", redeclared(polarity=None), "the key polarity"),
    BrokenFolder("an unknown polarity", redeclared(polarity='"deny"'), "a valid polarity"),
    BrokenFolder("not said whether empty", redeclared(declared_empty=None), "the key declared_empty"),
    BrokenFolder("a key that nobody knows", redeclared(polarty='"block"'), "only declared keys"),
    BrokenFolder("a path as its file", redeclared(file='"../landelijk.csv"'), "a valid file"),
    BrokenFolder("no TOML", lambda f: (f / "landelijk.toml").write_text("file ="), "Expected TOML"),
    BrokenFolder("empty, and not said so", csv(f"{HEADER}\n"), "a line, or declared_empty = true"),
    BrokenFolder("no bytes", csv(""), "the columns"),
    BrokenFolder("another header", csv("bsn\n1\n"), "the columns"),
    BrokenFolder("a line too short", csv(f"{HEADER}\n{ANNA};10AA\n"), "in every line"),
    BrokenFolder("no encoding of a text", csv(f"{HEADER}\n{LINE}\x81".encode("latin-1")), "a readable UTF-8 list"),
    BrokenFolder("a quote that is not closed", csv(f'{HEADER}\n"{LINE}\n'), "UTF-8 list"),
    BrokenFolder("another scope", lines(f"{ANNA};;2025-09-01;;rekenen"), "bereik alles, domein:… or project:…"),
    BrokenFolder("no scope", lines(f"{ANNA};;2025-09-01;;"), "bereik alles, "),
    BrokenFolder("a scope in capitals", lines(f"{ANNA};;2025-09-01;;ALLES"), "bereik alles, "),
    BrokenFolder("a scope in English", lines(f"{ANNA};;2025-09-01;;domain:lezen"), "bereik alles, "),
    BrokenFolder("a domain that nobody tests", lines(f"{ANNA};;2025-09-01;;domein:reken"), "a domain of the test"),
    BrokenFolder("no domain", lines(f"{ANNA};;2025-09-01;;domein:"), "bereik alles, "),
    BrokenFolder("no project's name", lines(f"{ANNA};;2025-09-01;;project:Groei 1"), "bereik alles, "),
    BrokenFolder("a date the other way round", lines(f"{ANNA};;01/09/2025;;alles"), "a date in vanaf"),
    BrokenFolder("no date", lines(f"{ANNA};;;;alles"), "a date in vanaf"),
    BrokenFolder("withdrawn on no day", lines(f"{ANNA};;2025-09-01;ja;alles"), "a date in ingetrokken_op"),
    BrokenFolder("a list that allows, of no schools", redeclared(polarity='"allow"'), "schools = [...]"),
    BrokenFolder("a list that allows, of none", redeclared(polarity='"allow"', schools="[]"), "a valid schools"),
    BrokenFolder("a list that blocks, of schools", redeclared(schools='["10AA"]'), "schools = [...]"),
    BrokenFolder("a school that is none", redeclared(polarity='"allow"', schools='["10aa"]'), "a valid schools"),
    BrokenFolder(
        "one source with two polarities",
        lambda f: put(f, LINE, name="b", polarity='"allow"', schools='["10AA"]'),
        "one polarity",
        2,
    ),
    BrokenFolder("no BRIN", lines(f"{ANNA};10aa;2025-09-01;;alles"), "a BRIN or nothing"),
    BrokenFolder(
        "an invalid number that no school filed", lines("123456789;;2025-09-01;;alles"), "a valid pupil number"
    ),
    BrokenFolder(
        "a number that a spreadsheet rounded",
        lines("1,23457E+08;10AA;2025-09-01;;alles"),
        "found one that a spreadsheet rounded in objections/landelijk.csv line 2",
    ),
    BrokenFolder("a column of numbers alone", csv(f"{ANNA},\n{BEN},\n"), "found one column, without a header"),
    BrokenFolder("the day after the month, or before", lines(f"{ANNA};;9/1/2025;;alles"), "a date in vanaf"),
    BrokenFolder("a filler", lines("000000000;;2025-09-01;;alles"), "a valid pupil number"),
    BrokenFolder(
        "three lines with a problem each",
        lines("123456789;;2025-09-01;;alles", LINE, f"{BEN};;x;;alles", f"{CARO};;2025-09-01;;deel"),
        "line 4",
        3,
    ),
]


@pytest.mark.parametrize("broken", BROKEN_FOLDERS, ids=lambda broken: broken.case)
def test_every_problem_is_refused(broken: BrokenFolder, zone: Path) -> None:
    read(put(zone, LINE))
    broken.break_folder(zone)
    with pytest.raises(ObjectionsRefused, match=re.escape(broken.message)) as refusal:
        read(zone)
    assert refusal.value.exit_code == 12
    assert len(refusal.value.problems) == broken.problems
    assert not re.search(r"\d{8}", str(refusal.value)), "a refusal tells no number"


def test_all_problems_of_all_lists_are_reported_at_once(zone: Path) -> None:
    put(zone, "123456789;;2025-09-01;;alles", date="2025-01-01")
    put(zone, LINE, name="tweede", polarity=None)
    (zone / "los.csv").write_text(f"{HEADER}\n")
    with pytest.raises(ObjectionsRefused) as refusal:
        read(zone)
    where = [re.findall(r"in objections/([a-z]+\.[a-z]+)", problem)[0] for problem in refusal.value.problems]
    assert where == ["landelijk.toml", "landelijk.csv", "tweede.toml", "los.csv"]


def test_records_say_counts_of_a_list_and_no_number(zone: Path) -> None:
    (facts,) = lists(zone, LINE, "7;10AA;2025-09-01;;alles", f"{BEN};;2025-09-01;2025-10-01;alles").applied_lists()
    counts = facts.model_dump(include={"rows", "in_force", "withdrawn", "schools_held_back"})
    assert counts == {"rows": 3, "in_force": 1, "withdrawn": 1, "schools_held_back": 1}
    assert not any(number in str(facts) for number in (ANNA, BEN))


@dataclass(frozen=True)
class AdmissionCase:
    """Lists, and the results that are left of those below."""

    case: str
    admitted_rows: str
    lines: tuple[str, ...] = ()
    declaration: dict[str, str | None] = field(default_factory=dict)


RESULTS = [(1, "10AA"), (1, "10AB"), (2, "10AA"), (3, "10AB"), (4, "10AC"), (4, "10AB")]
NUMBERS = {1: ANNA, 2: BEN, 3: CARO, 4: "012345672"}
ALL_OF = "1AA 1AB 2AA 3AB 4AB 4AC"
PERMITTED = {"polarity": '"allow"', "schools": '["10AA", "10AC"]'}
ADMISSION_CASES = [
    AdmissionCase("nobody objects", ALL_OF, declaration={"declared_empty": "true"}),
    AdmissionCase("an objection at one school counts at every school", "2AA 3AB 4AB 4AC", (LINE,)),
    AdmissionCase("the number lost its zero", "1AA 1AB 2AA 3AB", ("12345672;;2025-09-01;;alles",)),
    AdmissionCase("an objection of somebody without results", ALL_OF, ("063138219;;2025-09-01;;alles",)),
    AdmissionCase(
        "a school held back takes its pupils' results elsewhere along", "3AB 4AB 4AC", ("x;10AA;2025-09-01;;alles",)
    ),
    AdmissionCase("held back and objected", "3AB", ("x;10AA;2025-09-01;;alles", "12345672;;2025-09-01;;alles")),
    AdmissionCase("an objection to a domain of the project", "2AA 3AB 4AB 4AC", (f"{ANNA};;2025-09-01;;domein:lezen",)),
    AdmissionCase("an objection to another domain", ALL_OF, (f"{ANNA};;2025-09-01;;domein:spelling",)),
    AdmissionCase("an objection to the project", "2AA 3AB 4AB 4AC", (f"{ANNA};;2025-09-01;;project:proef",)),
    AdmissionCase("an objection to another project", ALL_OF, (f"{ANNA};;2025-09-01;;project:ander",)),
    AdmissionCase("only who is allowed, of the schools covered, here and elsewhere", "1AA 1AB 3AB", (LINE,), PERMITTED),
    AdmissionCase("allowed one of the project's domains", "3AB", (f"{ANNA};;2025-09-01;;domein:lezen",), PERMITTED),
    AdmissionCase("allowed the project", "1AA 1AB 3AB", (f"{ANNA};;2025-09-01;;project:proef",), PERMITTED),
    AdmissionCase(
        "an empty list that allows gives nobody of its schools", "3AB", (), PERMITTED | {"declared_empty": "true"}
    ),
]


@pytest.mark.parametrize("admission", ADMISSION_CASES, ids=lambda admission: admission.case)
def test_which_results_are_admitted(admission: AdmissionCase, zone: Path, spark: SparkSession) -> None:
    drawn = [{**row(n, brin=brin), "pgn": NUMBERS[n]} for n, brin in RESULTS]
    results = AcceptedResults(frame(spark, drawn))
    loaded = lists(zone, *admission.lines, **admission.declaration)
    admitted = admitted_results(results, loaded, PROJECT)
    assert admitted.columns == results.columns
    assert summarise_rows(admitted) == admission.admitted_rows
    barred = {
        r.pgn for r in objection_filter.find_barred_pupils(results, loaded, "proef", ["rekenen", "lezen"]).collect()
    }
    assert summarise_rows(results.where(~results.pgn.isin(*barred, ""))) == admission.admitted_rows


def summarise_rows(rows: DataFrame) -> str:
    number = {pgn: n for n, pgn in NUMBERS.items()}
    return " ".join(sorted(f"{number[r.pgn]}{r.brin[2:]}" for r in rows.select("pgn", "brin").collect()))


def test_a_pupil_must_be_on_every_opt_in_list_of_a_school(zone: Path, spark: SparkSession) -> None:
    results = AcceptedResults(frame(spark, [{**row(n, brin=brin), "pgn": NUMBERS[n]} for n, brin in RESULTS]))
    put(zone, LINE, f"{BEN};;2025-09-01;;alles", **PERMITTED)
    put(zone, LINE, name="b", **{**PERMITTED, "schools": '["10AA"]'})
    assert summarise_rows(admitted_results(results, read(zone), PROJECT)) == "1AA 1AB 3AB"
