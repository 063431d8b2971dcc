"""The declaration of a project: valid ones, and every refusal when one thing in a valid one is broken."""

from __future__ import annotations

import copy
import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.drawn_project import (
    BASELINE,
    CONF,
    GESLACHT,
    GROEI,
    NIVEAU,
    REKENEN,
    Break,
    Toml,
    drop_key,
    keep_columns,
    load_problems,
    make_platform,
    repeat_column,
    set_key,
    write_project_file,
)
from tests.unit.drawn_purpose import WHY

from cohort.agreements import declared_columns, project
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.data_states import schemas
from cohort.foundation import declarations
from cohort.foundation.errors import ConfigurationRefused, UsageRefused


def test_the_baseline_is_valid(tmp_path: Path) -> None:
    write_project_file(tmp_path, BASELINE)
    loaded = project.load_project(tmp_path, "proef", make_platform())
    assert loaded.column_names == ["geslacht", "rekenen_M", "groei", "geboren", "niveau"]
    slots = [(result.domein, result.moment) for result in loaded.results]
    assert slots == [("rekenen", "M"), ("rekenen", "E"), ("spelling", "M")]
    assert [c.numeric for c in loaded.columns] == [False, True, True, False, False]
    assert loaded.thresholds.max_share == Decimal("0.5")


@pytest.mark.parametrize("path", sorted((CONF / "projects").glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_project_loads(path: Path) -> None:
    shipped = declarations.read_declaration(path, Project, where=path.name)
    shipped_platform = declarations.read_declaration(CONF / "platform.toml", Platform, where="platform.toml")
    if not path.stem.startswith("_"):
        assert project.load_project(CONF, path.stem, shipped_platform) == shipped
    named = [c.hierarchy for c in shipped.columns if c.bands is None]
    assert all((CONF / "hierarchies" / f"{name}.csv").is_file() for name in named)


@pytest.mark.parametrize(
    "change",
    [
        set_key("recoding.suppression_limit", 0),
        set_key("thresholds.max_share", Decimal("0.25")),
        drop_key("population.jaargroep"),
        set_key("two_schools", "set-aside"),
        set_key("columns.1.weight", 3),
        repeat_column(REKENEN, name="rekenen_grof", step=40),
        repeat_column(NIVEAU, name="niveau_nogmaals"),
        keep_columns(GROEI),
    ],
    ids=[
        "no suppression",
        "less of one school",
        "all year groups",
        "set aside",
        "a whole weight",
        "one score in two bands",
        "one level twice",
        "a difference alone",
    ],
)
def test_other_valid_declarations(tmp_path: Path, change: Break) -> None:
    declared = copy.deepcopy(BASELINE)
    change(declared)
    write_project_file(tmp_path, declared)
    assert project.load_project(tmp_path, "proef", make_platform()).name == "proef"


REFUSED: dict[str, tuple[Break, str]] = {
    "unknown key": (set_key("purpose", "x"), "the unknown key purpose"),
    "key with a typo": (set_key("population.schoolyaar", []), "for example schooljaar; found the unknown key"),
    "typo in a column": (set_key("columns.0.attribuut", "x"), "for example attribute; found the unknown key"),
    "typo in a result": (set_key("columns.1.result.domain", "x"), "for example domein; found the unknown key"),
    "missing key": (drop_key("thresholds.k"), "the key thresholds.k"),
    "missing rule for several": (drop_key("columns.1.result.several"), r"the key columns.1.result.several"),
    "short question": (set_key("question", "Hoe?"), "a valid question"),
    "no readers": (set_key("readers", ""), "a valid readers"),
    "a date as text": (set_key("ends", "2027-01-01"), "a valid ends"),
    "an end before the start": (set_key("ends", dt.date(2025, 1, 1)), "an end after the start"),
    "an end on the start": (set_key("ends", dt.date(2026, 1, 1)), "an end after the start"),
    "another name": (set_key("name", "anders"), "name = 'proef'"),
    "another class": (set_key("release_class", "open"), "a valid release_class"),
    "another recoding": (set_key("recoding.kind", "random"), "a valid recoding.kind"),
    "another objective": (set_key("recoding.objective", "beauty"), "a valid recoding.objective"),
    "an objective that no local search has": (
        set_key("recoding", {"kind": "local", "objective": "entropy", "suppression_limit": 0}),
        "'geometric' or 'mean' for a local recoding",
    ),
    "a limit over one": (set_key("recoding.suppression_limit", Decimal("1.1")), "a valid recoding.suppression"),
    "a limit in words": (set_key("recoding.suppression_limit", "nan"), "a valid recoding.suppression"),
    "no school year": (set_key("population.schooljaar", []), "a valid population.schooljaar"),
    "a school year of three years": (set_key("population.schooljaar", ["2024-2026"]), "two years in a row"),
    "a year that is no school year": (set_key("population.schooljaar", ["2024"]), "two years in a row"),
    "no year group": (set_key("population.jaargroep", []), "a valid population.jaargroep"),
    "another rule for two schools": (set_key("two_schools", "drop"), "a valid two_schools"),
    "k of one": (set_key("thresholds.k", 1), "a valid thresholds.k"),
    "k as a fraction": (set_key("thresholds.k", Decimal("10.5")), "a valid thresholds.k"),
    "no columns": (set_key("columns", []), "a valid columns"),
    "attributes only": (keep_columns(GESLACHT), "a column with a result"),
    "a column twice": (repeat_column(GESLACHT), "every column once"),
    "a column twice but for capitals": (repeat_column(REKENEN, name="rekenen_m"), "every column once"),
    "a column that cannot be a name": (set_key("columns.0.name", "Geslacht; x"), "letters, digits and _"),
    "a control column": (set_key("columns.0.name", "_pupil"), "letters, digits and _"),
    "a column named brin": (set_key("columns.0.name", "brin"), "identify nobody, .* found brin"),
    "a column named bRIN": (set_key("columns.0.name", "bRIN"), "identify nobody"),
    "brin as an attribute": (set_key("columns.0.attribute", "brin"), "identify nobody, .* found brin"),
    "class size as an attribute": (set_key("columns.0.attribute", "groepsgrootte"), "identify nobody"),
    "an unknown attribute": (set_key("columns.0.attribute", "schoenmaat"), "an attribute of the pupil"),
    "an identifying role": (set_key("columns.0.role", "identifying"), "identify nobody, .* found this role"),
    "an insensitive role": (set_key("columns.0.role", "insensitive"), "'insensitive', which is not supported"),
    "another role": (set_key("columns.0.role", "public"), "a valid columns.0.role"),
    "no source": (drop_key("columns.0.attribute"), "one source, .* found 0"),
    "two sources": (set_key("columns.1.attribute", "geslacht"), "one source, .* found 2"),
    "a date of birth as it is": (drop_key("columns.3.born"), "Never a date"),
    "born of another attribute": (set_key("columns.0.born", "year"), "Never a date"),
    "a score without a step": (drop_key("columns.1.step"), "a step with every numeric value"),
    "a difference without a step": (drop_key("columns.2.step"), "a step with every numeric value"),
    "a level with a step": (set_key("columns.4.step", 1), "a step with every numeric value"),
    "a step of nothing": (set_key("columns.1.step", 0), "a valid columns.1.step"),
    "a weight of nothing": (set_key("columns.4.weight", 0), "a valid columns.4.weight"),
    "a hierarchy elsewhere": (set_key("columns.0.hierarchy", "../geslacht"), "a valid columns.0.hierarchy"),
    "another moment": (set_key("columns.1.result.moment", "Q"), "a valid columns.1.result.moment"),
    "another value": (set_key("columns.1.result.value", "pgn"), "a valid columns.1.result.value"),
    "a difference of levels": (set_key("columns.2.difference.value", "niveau_IV"), "a valid columns.2."),
    "a difference back in time": (set_key("columns.2.difference.earlier.moment", "E"), "earlier before later"),
    "a year of no population": (set_key("columns.4.result.schooljaar", "2023-2024"), "the population's"),
    "two rules for one result": (set_key("columns.2.difference.several", "first"), "one value and one rule"),
    "two scales for one result": (set_key("columns.1.result.schaal", "RW"), "one value and one rule"),
    "a level by two hierarchies": (repeat_column(NIVEAU, name="niveau_2", hierarchy="x"), "one hierarchy"),
}


@pytest.mark.parametrize(("change", "wording"), REFUSED.values(), ids=REFUSED)
def test_one_broken_thing_is_reported_in_one_sentence(tmp_path: Path, change: Break, wording: str) -> None:
    problems = load_problems(tmp_path, change)
    assert len(problems) == 1
    assert problems[0].startswith("Expected ")
    assert "projects/proef.toml" in problems[0]
    assert "<where>" not in problems[0]
    assert re.search(wording, problems[0])


UNDER = {"k": 9, "m": 4, "max_share": Decimal("0.51"), "k_others": 4}


@pytest.mark.parametrize("key", UNDER)
def test_a_threshold_under_its_floor_is_refused(tmp_path: Path, key: str) -> None:
    (problem,) = load_problems(tmp_path, set_key(f"thresholds.{key}", UNDER[key]))
    assert problem.startswith(f"Expected {key} at ")
    assert "the platform's floor" in problem


@pytest.mark.parametrize("column_name", ["geslacht", "geboren", "geboortedatum"])
def test_a_floor_for_a_column_holds_by_its_name_or_its_attribute(tmp_path: Path, column_name: str) -> None:
    (problem,) = load_problems(tmp_path, set_key("thresholds.k", 99), **{column_name: 100})
    assert "k at least 100" in problem
    write_project_file(tmp_path, BASELINE)
    assert project.load_project(tmp_path, "proef", make_platform(regio=100)).thresholds.k == 10


def test_all_problems_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    def change(declared: Toml) -> None:
        for path, value in {
            "purpose": 1,
            "thresholds.k": 1,
            "columns.0.role": "insensitive",
            "columns.1.name": "pgn",
            "columns.2.difference.later.moment": "B",
            "columns.3.attribute": "schoenmaat",
            "readers": "",
        }.items():
            set_key(path, value)(declared)
        drop_key("question")(declared)

    assert len(load_problems(tmp_path, change)) == 8


def test_all_contradictions_are_reported_at_once_and_all_floors(tmp_path: Path) -> None:
    def contradict(declared: Toml) -> None:
        set_key("ends", dt.date(2025, 1, 1))(declared)
        repeat_column(GESLACHT)(declared)
        set_key("columns.4.result.schooljaar", "2023-2024")(declared)

    assert len(load_problems(tmp_path, contradict)) == 3

    def under(declared: Toml) -> None:
        declared["thresholds"] = UNDER
        declared["name"] = "anders"

    assert len(load_problems(tmp_path, under)) == 5


def test_a_column_with_two_problems_is_reported_with_both(tmp_path: Path) -> None:
    def change(declared: Toml) -> None:
        drop_key("columns.1.result")(declared)
        set_key("columns.1.born", "year")(declared)

    assert len(load_problems(tmp_path, change)) == 3


@pytest.mark.parametrize(
    "name", ["", "a", "Proef", "../proef", "_template", "proef.toml", "p" * 41, "intake", "erasures"]
)
def test_a_project_name_that_cannot_be_a_table_is_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageRefused, match="a project name of small letters"):
        project.load_project(tmp_path, name, make_platform())


def test_a_project_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationRefused, match=r"a readable UTF-8 file, .* found none in projects/proef.toml"):
        project.load_project(tmp_path, "proef", make_platform())


@pytest.mark.parametrize(
    "text", [b"name = ", b"\xff\xfe", b"name = 'a'\nname = 'b'"], ids=["broken", "not UTF-8", "twice"]
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, text: bytes) -> None:
    write_project_file(tmp_path, BASELINE)
    (tmp_path / "projects" / "proef.toml").write_bytes(text)
    with pytest.raises(ConfigurationRefused, match=r"projects/proef.toml"):
        project.load_project(tmp_path, "proef", make_platform())


def test_every_identifying_name_is_refused_as_column_and_as_attribute() -> None:
    base = {"name": "x", **WHY, "role": "quasi-identifying", "hierarchy": "x", "attribute": "geslacht"}
    assert declared_columns.DeclaredColumn.model_validate(base).name == "x"
    for name in schemas.IDENTIFYING_COLUMNS:
        for key in ("name", "attribute"):
            with pytest.raises(ValueError, match="identify nobody"):
                declared_columns.DeclaredColumn.model_validate(base | {key: name})


@pytest.mark.parametrize(
    "key", ["question", "controller", "research_group", "legal_basis", "starts", "ends", "columns.0.why"]
)
def test_a_missing_key_of_the_purpose_is_refused(tmp_path: Path, key: str) -> None:
    (problem,) = load_problems(tmp_path, drop_key(key))
    assert f"Expected the key {key}" in problem


@pytest.mark.parametrize("key", ["question", "legal_basis", "columns.0.why"])
@pytest.mark.parametrize("words", ["te kort", "            "])
def test_a_blank_or_too_short_reason_is_refused(tmp_path: Path, key: str, words: str) -> None:
    (problem,) = load_problems(tmp_path, set_key(key, words))
    assert problem.startswith("Expected")
    assert "projects/proef.toml" in problem
