"""The declaration of a sensitive column: valid ones, and every refusal when one thing in it is broken."""

from __future__ import annotations

import copy
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
    RESULT,
    SENSITIVE,
    Break,
    Toml,
    drop_key,
    load_problems,
    make_platform,
    set_key,
    write_project_file,
)

from cohort.agreements import project
from cohort.agreements.project import Project


def sensitive(place: int = NIVEAU, **changes: object) -> Break:
    """Put a sensitive column in the place of another."""
    return lambda declared: declared["columns"].__setitem__(place, SENSITIVE | changes)


def with_k_of_25(**limits: object) -> Break:
    """The same with k = 25, the least k for t-closeness."""

    def change(declared: Toml) -> None:
        held_to(**limits)(declared)
        declared["thresholds"]["k"] = 25

    return change


def held_to(**limits: object) -> Break:
    """The sensitive column with further limits."""
    return sensitive(constraint=SENSITIVE["constraint"] | limits)


def loaded(folder: Path, change: Break) -> Project:
    declared = copy.deepcopy(BASELINE)
    change(declared)
    write_project_file(folder, declared)
    return project.load_project(folder, "proef", make_platform())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(sensitive(), id="a level"),
        pytest.param(sensitive(result=RESULT, step=20, hierarchy="rekenen"), id="a score"),
        pytest.param(sensitive(GESLACHT), id="a level that is quasi-identifying too"),
        pytest.param(
            with_k_of_25(distinct=3, entropy=2, equal_closeness=Decimal("0.2"), ordered_closeness=Decimal("0.25")),
            id="every limit",
        ),
        pytest.param(held_to(largest_value=Decimal("0.8")), id="the platform's own share"),
    ],
)
def test_valid_sensitive_columns(tmp_path: Path, change: Break) -> None:
    declared = loaded(tmp_path, change)
    assert declared.sensitive_column is not None
    assert declared.sensitive_column.name == "spelling"


def test_a_sensitive_column_is_no_quasi_identifier_and_sorts_rows_last(tmp_path: Path) -> None:
    declared = loaded(tmp_path, sensitive(GESLACHT))
    assert declared.column_names == ["spelling", "rekenen_M", "groei", "geboren", "niveau"]
    assert [column.name for column in declared.quasi_identifiers] == declared.column_names[1:]
    assert declared.row_order == ["rekenen_M", "groei", "geboren", "niveau", "spelling"]


def test_the_class_limits_of_a_project_with_a_sensitive_column(tmp_path: Path) -> None:
    of_schools = {"k": "10", "m": "5", "max_share": "0.5", "k_others": "5"}
    assert loaded(tmp_path, held_to(distinct=3)).class_limits == of_schools | {"largest_value": "0.8", "distinct": "3"}
    assert loaded(tmp_path, lambda _: None).class_limits == of_schools


REFUSED: dict[str, tuple[Break, str]] = {
    "no constraint": (set_key("columns.0.role", "sensitive"), "a constraint with every"),
    "a constraint of another column": (
        set_key("columns.0.constraint", {"largest_value": Decimal("0.8")}),
        "a constraint with every .*geslacht",
    ),
    "sensitive with a weight": (sensitive(weight=2), "no level and no weight .* found weight for"),
    "sensitive with a level": (sensitive(lowest_level=0), "no level and no weight .* found lowest_level for"),
    "sensitive with a highest level": (sensitive(highest_level=1), "found highest_level for column spelling"),
    "two sensitive columns": (
        lambda declared: [sensitive()(declared), sensitive(GROEI, name="nog_een")(declared)],
        "at most one sensitive column",
    ),
    "only a sensitive column": (
        lambda declared: declared.update(columns=[SENSITIVE]),
        "a quasi-identifying column, .* sensitive ones",
    ),
    "no largest share": (sensitive(constraint={"distinct": 2}), "the key columns.4.constraint.largest_value"),
    "another limit": (held_to(l=3), "the unknown key columns.4.constraint.l"),
    "a largest share of all": (held_to(largest_value=1), "a valid columns.4.constraint.largest_value"),
    "a largest share of nothing": (held_to(largest_value=0), "a valid columns.4.constraint.largest_value"),
    "a largest share too fine": (held_to(largest_value=Decimal("0.1234567")), "a valid columns.4.constraint"),
    "one different value": (held_to(distinct=1), "a valid columns.4.constraint.distinct"),
    "half a different value": (held_to(distinct=Decimal("2.5")), "a valid columns.4.constraint.distinct"),
    "fewer values than the platform's": (held_to(distinct=2), "distinct at least 3, the platform's floor"),
    "closeness in small classes": (held_to(equal_closeness=Decimal("0.2")), "k with t-closeness at least 25"),
    "as varied as one value": (held_to(entropy=1), "a valid columns.4.constraint.entropy"),
    "any distance": (held_to(equal_closeness=1), "a valid columns.4.constraint.equal_closeness"),
    "a distance below zero": (
        held_to(ordered_closeness=Decimal("-0.1")),
        "a valid columns.4.constraint.ordered_closeness",
    ),
}


@pytest.mark.parametrize(("change", "wording"), REFUSED.values(), ids=REFUSED)
def test_one_broken_thing_is_reported_in_one_sentence(tmp_path: Path, change: Break, wording: str) -> None:
    (problem,) = load_problems(tmp_path, change)
    assert problem.startswith("Expected ")
    assert "projects/proef.toml" in problem
    assert re.search(wording, problem)


def test_a_column_with_two_problems_is_reported_with_both(tmp_path: Path) -> None:
    def change(declared: Toml) -> None:
        sensitive(weight=2, highest_level=1, step=1)(declared)
        drop_key("columns.4.constraint")(declared)

    assert len(load_problems(tmp_path, change)) == 3


def test_a_largest_share_above_the_floor_is_refused(tmp_path: Path) -> None:
    (problem,) = load_problems(tmp_path, held_to(largest_value=Decimal("0.81")))
    assert problem.startswith("Expected largest_value at most 0.8, the platform's floor")


@pytest.mark.parametrize("floor", ["spelling", "postcode4"], ids=["by name", "by attribute"])
def test_a_column_with_a_floor_for_k_cannot_be_sensitive(tmp_path: Path, floor: str) -> None:
    """A sensitive column does not count in k, so a floor on k for it would protect nobody."""
    of_pupil = {key: value for key, value in SENSITIVE.items() if key != "result"} | {"attribute": "postcode4"}
    (problem,) = load_problems(tmp_path, lambda declared: declared["columns"].append(of_pupil), **{floor: 10})
    assert "found the sensitive column spelling" in problem


def test_the_sensitive_column_of_the_template_is_valid(tmp_path: Path) -> None:
    lines = (CONF / "projects" / "_template.toml").read_text(encoding="utf-8").splitlines()
    begin = lines.index("# [[columns]]")
    uncommented = [*lines[:begin], *(line.removeprefix("#").removeprefix(" ") for line in lines[begin:])]
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "voorbeeld.toml").write_text("\n".join(uncommented), encoding="utf-8")
    declared = project.load_project(tmp_path, "voorbeeld", make_platform())
    assert declared.sensitive_column is not None
    assert declared.sensitive_column.constraint is not None
    assert (declared.sensitive_column.constraint.distinct, declared.sensitive_column.constraint.entropy) == (3, 2)
