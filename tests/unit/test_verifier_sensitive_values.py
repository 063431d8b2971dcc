"""What the verifier says of a sensitive column: nothing as drawn, and each thing when just that is broken."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_release as drawn
from tests.unit.drawn_levels import Break, level, nothing, project, restricted, results, stage
from tests.unit.drawn_release import MOVER, SCHOOLS, Row, Stage, bsn, counts, subject

from cohort import delta
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.verification import (
    class_size_check,
    permission_reader,
    record_rebuild_check,
    record_runs,
    released_value_check,
    sensitive_attribute_check,
)
from cohort.verification.findings import Finding, VerificationResult
from cohort.verification.hierarchy_reader import read_hierarchy_paths
from cohort.verification.objection_check import ExcludedPupils
from cohort.verification.published_table_verification import published_table_properties, verify_published_table
from cohort.verification.stage_verification import verify_stage

BOYS = [*range(0, 60, 2)]
COHORT = np.array([0, 21, 20, 20, 0, 0, 0])
"""All pupils with a record, by level from VI and I to V, and any other value."""
SIX = (2, 4, 8, 10, 14, 16)
"""Boys of the levels II and III."""


def give(value: str | None, *places: int) -> Break:
    def edit(rows: list[Row]) -> None:
        for n in places:
            rows[n]["niveau"] = value

    return edit


@pytest.fixture(scope="module")
def results_at(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return restricted(one_spark, tmp_path_factory.mktemp("restricted") / "results", results())


EXACT: dict[str, Any] = {
    "largest_value": Decimal("0.333334"),
    "distinct": 3,
    "entropy": Decimal(3),
    "equal_closeness": Decimal("0.010929"),
    "ordered_closeness": Decimal("0.004099"),
}
"""Limits that three times ten pupils just meet: they are 2/183 from 21, 20 and 20, and in order 3/732."""


def test_a_valid_stage_has_no_finding_at_its_very_limits(spark: SparkSession, tmp_path: Path, results_at: Path) -> None:
    findings = verify_stage(spark, subject(tmp_path, results_at, stage(), project=project(**EXACT)), deep=True)
    assert findings.findings == ()
    assert findings.measures["largest_value"] == pytest.approx(1 / 3)
    assert (findings.measures["classes"], findings.measures["fewest_values"]) == (2, 3)
    assert "SENSITIVE" in findings.checked


BROKEN = [
    pytest.param({"largest_value": Decimal("0.5")}, give("I", *SIX), "largest_value", id="16 of 30"),
    pytest.param({"distinct": 3}, give("I", *BOYS[2::3]), "distinct", id="two values"),
    pytest.param({"entropy": Decimal(3)}, give("II", 0), "entropy", id="9, 11 and 10"),
    pytest.param({"equal_closeness": Decimal("0.02")}, give("II", 0), "equal_closeness", id="one moved"),
    pytest.param(
        {"ordered_closeness": Decimal("0.02")}, give("V", 0, 6, 12, 18), "ordered_closeness", id="four moved far"
    ),
]


def look(folder: Path, made: Stage, own: Project, holds: Platform | None = None) -> list[Finding]:
    """What a stage's own bytes say, with the cohort as it is drawn; without Spark."""
    files = sorted(made.write(folder / "stage").glob("*.parquet"))
    runs = record_runs.read_record_runs(files, own.column_names, control=True, sensitive="niveau")
    ladders = read_hierarchy_paths(own, drawn.write_hierarchies(folder / "hierarchies", niveau="VI;VI of VII\n"))
    shown = dict(zip(runs.columns, runs.labels, strict=True))
    held_to = class_size_check.class_size_limits(own, holds or drawn.platform())
    values = sensitive_attribute_check.sensitive_attribute_limits(own, holds or drawn.platform())
    named = [leaf for leaf in ladders["niveau"].leaves if leaf != "onbekend"]
    of_values = sensitive_attribute_check.check_sensitive_attribute(runs, named, values, COHORT, runs.home)
    return [
        *record_runs.check_file_layout(runs),
        *released_value_check.check_released_values(shown, ladders),
        *class_size_check.check_class_sizes(runs, held_to, None)[0],
        *of_values[0],
    ]


def told(found: list[Finding]) -> list[tuple[str, int]]:
    return [(finding.code, finding.count) for finding in found]


@pytest.mark.parametrize(("constraint", "edit", "rule"), BROKEN)
def test_a_class_that_gives_too_much_away_is_found(tmp_path: Path, constraint: Row, edit: Break, rule: str) -> None:
    (finding,) = look(tmp_path, stage(edit), project(**constraint))
    assert (finding.code, finding.count) == ("SENSITIVE", 1)
    assert f"({rule})" in finding.sentence


def test_a_share_above_the_platforms_is_found_whatever_the_project_says(tmp_path: Path) -> None:
    holds = drawn.platform(largest_value=Decimal("0.3"))
    assert told(look(tmp_path, stage(), project(), holds)) == [("SENSITIVE", 2)]


@pytest.mark.parametrize(("k", "found"), [(30, []), (31, [("K", 2)])])
def test_classes_are_made_by_the_other_columns_alone(tmp_path: Path, k: int, found: list[tuple[str, int]]) -> None:
    assert told(look(tmp_path, stage(), project(), drawn.platform(k=k, k_others=24))) == found


def by_class(_: int, row: Row) -> int:
    return int(row["geslacht"])


def by_halves(place: int, row: Row) -> int:
    """Each ten equal records in two files."""
    return by_class(place, row) * 2 + (place % 10 > 4)


@pytest.mark.parametrize(
    ("codes", "made"),
    [
        pytest.param([], {"file_of": lambda _, row: len(row["niveau"])}, id="a file per value"),
        pytest.param(["SPLIT"], {"file_of": by_halves}, id="equal ones in two"),
        pytest.param(["ORDER"], {"file_of": lambda *_: 0}, id="by value, then by class"),
        pytest.param(["ORDER"], {"file_of": by_class, "sort": False}, id="values by turns"),
    ],
)
def test_order_and_split_follow_the_class_and_then_the_value(
    tmp_path: Path, codes: list[str], made: dict[str, Any]
) -> None:
    assert [finding.code for finding in look(tmp_path, stage(**made), project())] == codes


@pytest.mark.parametrize(
    ("value", "code"), [("*", "VALUE_NOT_IN_HIERARCHY"), ("VI of VII", "VALUE_NOT_IN_HIERARCHY"), (None, "VALUE_NULL")]
)
def test_a_sensitive_value_is_a_leaf_and_nothing_wider(tmp_path: Path, value: str | None, code: str) -> None:
    assert told(look(tmp_path, stage(give(value, 0)), project())) == [(code, 1)]


@pytest.mark.parametrize("rule", [{"equal_closeness": Decimal("0.010928")}, {"ordered_closeness": Decimal("0.004098")}])
def test_a_class_is_held_against_all_pupils_not_only_those_released(
    spark: SparkSession, tmp_path: Path, results_at: Path, rule: Row
) -> None:
    """Both classes are as all released pupils are; the pupil left out makes the difference."""
    given = subject(tmp_path, results_at, stage(), project=project(**rule))
    assert told([*verify_stage(spark, given).findings]) == [("SENSITIVE", 2)]


def test_deep_demands_the_true_leaf(spark: SparkSession, tmp_path: Path) -> None:
    silent = [row for row in results() if (row["pgn"], row["niveau_IV"] is None) != (bsn(8), False)]
    results_at = restricted(spark, tmp_path / "results", silent)

    def found(edit: Break, folder: str) -> list[tuple[str, int]]:
        own = counts(rows_current=188, rows_used=182)
        given = subject(tmp_path / folder, results_at, stage(edit), project=project(), counts=own)
        return [(f.code, f.count) for f in verify_stage(spark, given, deep=True).findings]

    # The only pupil without a value: of a population of one, which is found too.
    alone = [("K", 1), ("SCHOOLS", 1), ("SHARE", 1), ("OTHERS", 1)]
    assert found(give("onbekend", 8), "true") == alone
    assert found(give("II", 8), "made up") == [("BLANKED", 2), ("REBUILT", 1)]
    moved = found(lambda rows: [give("onbekend", 8)(rows), give("II", 0)(rows)], "moved")
    assert moved == [*alone, ("BLANKED", 1), ("REBUILT", 1)]


@pytest.mark.parametrize(
    ("barred", "two_schools", "values"),
    [
        (ExcludedPupils(frozenset({bsn(60)})), "keep", [21, 20, 20]),
        (ExcludedPupils(frozenset({bsn(60)})), "set-aside", [20, 20, 20]),
        (
            ExcludedPupils(frozenset({bsn(2)}), allowed=((frozenset(SCHOOLS), frozenset({bsn(0), bsn(2), bsn(4)})),)),
            "keep",
            [1, 0, 1],
        ),
        (ExcludedPupils(frozenset(map(bsn, range(60, 62))), frozenset(SCHOOLS[1:])), "keep", [3, 4, 2]),
    ],
)
def test_the_cohort_is_everybody_with_a_record(
    spark: SparkSession, tmp_path: Path, results_at: Path, barred: ExcludedPupils, two_schools: str, values: list[int]
) -> None:
    asked = project().model_copy(update={"two_schools": two_schools})
    given = subject(tmp_path, results_at, stage(), project=asked)
    ladders = read_hierarchy_paths(asked, given.hierarchies)
    assert level(MOVER) == "I"
    everything = dataclasses.replace(permission_reader.read_usage_permissions(given), barred=barred)
    counted = record_rebuild_check.count_cohort_values(spark, given, ladders, "niveau", everything)
    assert counted.tolist() == [*values, 0, 0, 0, 0]


def published(spark: SparkSession, folder: Path, own: Project, edit: Break = nothing) -> VerificationResult:
    given = delta.read_table(spark, stage(edit).write(folder / "stage")).select(*drawn.COLUMNS)
    rows = given.repartition(2, *own.row_order).sortWithinPartitions(*own.row_order)
    table = folder / "table"
    delta.replace_table(rows, table, published_table_properties(own, "proef-1"), "proef-1", drawn.platform().tables)
    hierarchies = drawn.write_hierarchies(folder / "hierarchies")
    return verify_published_table(spark, own, drawn.platform(), table, "proef-1", 60, hierarchies)


def test_a_published_table_still_tells_what_its_classes_give_away(spark: SparkSession, tmp_path: Path) -> None:
    own = project(largest_value=Decimal("0.5"))
    findings = published(spark, tmp_path / "whole", own)
    assert (findings.findings, len(findings.not_repeated)) == ((), 3)
    assert "SENSITIVE" in findings.checked
    assert published(spark, tmp_path / "broken", own, give("I", *SIX)).codes == {"SENSITIVE"}


def test_of_a_published_table_a_distance_is_not_repeated_and_it_says_so(spark: SparkSession, tmp_path: Path) -> None:
    findings = published(spark, tmp_path, project(ordered_closeness=Decimal("0.000001")))
    assert findings.findings == ()
    assert any("distance of a class's sensitive values" in told for told in findings.not_repeated)
