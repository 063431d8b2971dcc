"""What the verifier finds of a sensitive column: nothing as drawn, and one finding when one thing is broken."""

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
from cohort.verification.class_size_check import check_class_sizes, effective_class_limits
from cohort.verification.file_layout_check import check_file_layout
from cohort.verification.findings import Finding, VerificationResult
from cohort.verification.hierarchy_reader import read_hierarchy_paths
from cohort.verification.objection_check import ExcludedPupils, OptInRequirement
from cohort.verification.permission_reader import read_usage_permissions
from cohort.verification.published_table_verification import published_table_properties, verify_published_table
from cohort.verification.record_rebuild_check import count_cohort_values
from cohort.verification.record_runs import read_record_runs
from cohort.verification.released_value_check import check_released_values
from cohort.verification.sensitive_attribute_check import (
    SensitiveAttribute,
    check_sensitive_attribute,
    effective_sensitive_limits,
)
from cohort.verification.stage_verification import verify_stage
from cohort.verification.verification_subject import PublishedTable

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
    result = verify_stage(spark, subject(tmp_path, results_at, stage(), project=project(**EXACT)), deep=True)
    assert result.findings == ()
    assert result.measures["largest_value"] == pytest.approx(1 / 3)
    assert (result.measures["classes"], result.measures["fewest_values"]) == (2, 3)
    assert "SENSITIVE" in result.checked


BROKEN = [
    pytest.param({"largest_value": Decimal("0.5")}, give("I", *SIX), "largest_value", id="16 of 30"),
    pytest.param({"distinct": 3}, give("I", *BOYS[2::3]), "distinct", id="two values"),
    pytest.param({"entropy": Decimal(3)}, give("II", 0), "entropy", id="9, 11 and 10"),
    pytest.param({"equal_closeness": Decimal("0.02")}, give("II", 0), "equal_closeness", id="one moved"),
    pytest.param(
        {"ordered_closeness": Decimal("0.02")}, give("V", 0, 6, 12, 18), "ordered_closeness", id="four moved far"
    ),
]


def check_files(folder: Path, drawn_stage: Stage, own: Project, platform: Platform | None = None) -> list[Finding]:
    """What a stage's own files show, with the cohort as it is drawn; without Spark."""
    platform = platform or drawn.platform()
    files = sorted(drawn_stage.write(folder / "stage").glob("*.parquet"))
    runs = read_record_runs(files, own.column_names, control=True, sensitive="niveau")
    hierarchies = read_hierarchy_paths(own, drawn.write_hierarchies(folder / "hierarchies", niveau="VI;VI of VII\n"))
    limits = effective_sensitive_limits(own, platform)
    assert limits is not None
    attribute = SensitiveAttribute("niveau", hierarchies["niveau"].leaves, limits, COHORT)
    return [
        *check_file_layout(runs),
        *check_released_values(runs.values_by_column, hierarchies),
        *check_class_sizes(runs, effective_class_limits(own, platform), None)[0],
        *check_sensitive_attribute(runs, attribute, runs.home_counts)[0],
    ]


def counts_by_code(findings: list[Finding]) -> list[tuple[str, int]]:
    return [(finding.code, finding.count) for finding in findings]


@pytest.mark.parametrize(("constraint", "edit", "rule"), BROKEN)
def test_a_class_that_discloses_too_much_is_found(tmp_path: Path, constraint: Row, edit: Break, rule: str) -> None:
    (finding,) = check_files(tmp_path, stage(edit), project(**constraint))
    assert (finding.code, finding.count) == ("SENSITIVE", 1)
    assert f"({rule})" in finding.sentence


def test_a_share_above_the_platforms_is_found_whatever_the_project_says(tmp_path: Path) -> None:
    platform = drawn.platform(largest_value=Decimal("0.3"))
    assert counts_by_code(check_files(tmp_path, stage(), project(), platform)) == [("SENSITIVE", 2)]


@pytest.mark.parametrize(("k", "expected"), [(30, []), (31, [("K", 2)])])
def test_the_sensitive_column_does_not_distinguish_classes(
    tmp_path: Path, k: int, expected: list[tuple[str, int]]
) -> None:
    assert counts_by_code(check_files(tmp_path, stage(), project(), drawn.platform(k=k, k_others=24))) == expected


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
    assert [finding.code for finding in check_files(tmp_path, stage(**made), project())] == codes


@pytest.mark.parametrize(
    ("value", "code"), [("*", "VALUE_NOT_IN_HIERARCHY"), ("VI of VII", "VALUE_NOT_IN_HIERARCHY"), (None, "VALUE_NULL")]
)
def test_a_sensitive_value_is_a_leaf_and_nothing_wider(tmp_path: Path, value: str | None, code: str) -> None:
    assert counts_by_code(check_files(tmp_path, stage(give(value, 0)), project())) == [(code, 1)]


@pytest.mark.parametrize("rule", [{"equal_closeness": Decimal("0.010928")}, {"ordered_closeness": Decimal("0.004098")}])
def test_a_class_is_compared_with_all_pupils_not_only_those_released(
    spark: SparkSession, tmp_path: Path, results_at: Path, rule: Row
) -> None:
    """Both classes are as all released pupils are; the pupil left out makes the difference."""
    drawn_subject = subject(tmp_path, results_at, stage(), project=project(**rule))
    assert counts_by_code([*verify_stage(spark, drawn_subject).findings]) == [("SENSITIVE", 2)]


def test_deep_requires_the_true_leaf(spark: SparkSession, tmp_path: Path) -> None:
    silent = [row for row in results() if (row["pgn"], row["niveau_IV"] is None) != (bsn(8), False)]
    results_at = restricted(spark, tmp_path / "results", silent)

    def count_deep_findings(edit: Break, folder: str) -> list[tuple[str, int]]:
        own = counts(rows_current=188, rows_used=182)
        drawn_subject = subject(tmp_path / folder, results_at, stage(edit), project=project(), counts=own)
        return [(f.code, f.count) for f in verify_stage(spark, drawn_subject, deep=True).findings]

    # The only pupil without a value: of a population of one, which is found too.
    alone = [("K", 1), ("SCHOOLS", 1), ("SHARE", 1), ("OTHERS", 1)]
    assert count_deep_findings(give("onbekend", 8), "true") == alone
    assert count_deep_findings(give("II", 8), "made up") == [("BLANKED", 2), ("REBUILT", 1)]
    moved = count_deep_findings(lambda rows: [give("onbekend", 8)(rows), give("II", 0)(rows)], "moved")
    assert moved == [*alone, ("BLANKED", 1), ("REBUILT", 1)]


@pytest.mark.parametrize(
    ("excluded", "two_schools", "values"),
    [
        (ExcludedPupils(frozenset({bsn(60)})), "keep", [21, 20, 20]),
        (ExcludedPupils(frozenset({bsn(60)})), "set-aside", [20, 20, 20]),
        (
            ExcludedPupils(
                frozenset({bsn(2)}),
                opt_in_lists=(OptInRequirement(frozenset(SCHOOLS), frozenset({bsn(0), bsn(2), bsn(4)})),),
            ),
            "keep",
            [1, 0, 1],
        ),
        (ExcludedPupils(frozenset(map(bsn, range(60, 62))), frozenset(SCHOOLS[1:])), "keep", [3, 4, 2]),
    ],
)
def test_the_cohort_counts_everybody_with_a_record_who_may_be_used(
    spark: SparkSession, tmp_path: Path, results_at: Path, excluded: ExcludedPupils, two_schools: str, values: list[int]
) -> None:
    own = project().model_copy(update={"two_schools": two_schools})
    drawn_subject = subject(tmp_path, results_at, stage(), project=own)
    hierarchies = read_hierarchy_paths(own, drawn_subject.hierarchies)
    assert level(MOVER) == "I"
    permissions = dataclasses.replace(read_usage_permissions(drawn_subject), excluded=excluded)
    counted = count_cohort_values(spark, drawn_subject, hierarchies, "niveau", permissions)
    assert counted.tolist() == [*values, 0, 0, 0, 0]


def published(spark: SparkSession, folder: Path, own: Project, edit: Break = nothing) -> VerificationResult:
    staged = delta.read_table(spark, stage(edit).write(folder / "stage")).select(*drawn.COLUMNS)
    rows = staged.repartition(2, *own.row_order).sortWithinPartitions(*own.row_order)
    table = folder / "table"
    delta.replace_table(rows, table, published_table_properties(own, "proef-1"), "proef-1", drawn.platform().tables)
    hierarchies = drawn.write_hierarchies(folder / "hierarchies")
    return verify_published_table(spark, PublishedTable(own, drawn.platform(), table, "proef-1", 60, hierarchies))


def test_disclosing_classes_are_found_in_a_published_table_too(spark: SparkSession, tmp_path: Path) -> None:
    own = project(largest_value=Decimal("0.5"))
    result = published(spark, tmp_path / "whole", own)
    assert (result.findings, len(result.not_repeated)) == ((), 3)
    assert "SENSITIVE" in result.checked
    assert published(spark, tmp_path / "broken", own, give("I", *SIX)).codes == {"SENSITIVE"}


def test_the_result_says_that_a_distance_is_not_checked_in_a_published_table(
    spark: SparkSession, tmp_path: Path
) -> None:
    result = published(spark, tmp_path, project(ordered_closeness=Decimal("0.000001")))
    assert result.findings == ()
    assert any("distance of a class's sensitive values" in sentence for sentence in result.not_repeated)
