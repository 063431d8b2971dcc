"""What stays of a table when rows must go: classes that keep every limit, and classes that lost nobody."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.unit import drawn_pseudonyms as pseudonymous
from tests.unit.drawn_release import platform

from cohort.agreements.project import Project
from cohort.agreements.school_boards import SchoolBoards
from cohort.anonymisation import pupil_boards
from cohort.data_states import local_frames
from cohort.keys.project_keys import ProjectKey
from cohort.published_tables import residual_classes

SECRET = b"k" * 32
STATE = "geslacht string, niveau string, school string, gone boolean"


def project_with(constraint: dict[str, Any] | None = None, **limits: Any) -> Project:
    """One column that makes classes, and one that is sensitive when it has a constraint."""
    declared = pseudonymous.project().model_dump(exclude_unset=True)
    sexes, levels = declared["columns"][3], declared["columns"][2]
    columns = [sexes, {**levels, "role": "sensitive", "constraint": constraint} if constraint else levels]
    loose = {"k": 2, "m": 1, "max_share": Decimal(1), "k_others": 0}
    return pseudonymous.project(columns=columns, thresholds=loose | limits)


def count_residual_rows(spark: SparkSession, project: Project, drawn: str) -> dict[str, int]:
    """How many rows stay, by class. Drawn: `class level school times`, with a cross where rows must go."""
    rows = [
        (sex, level, school, mark == "x")
        for sex, level, school, times, mark in (line.split() for line in drawn.strip().splitlines())
        for _ in range(int(times))
    ]
    frame = local_frames.make_local_frame(spark, STATE, rows)
    boards = pupil_boards.make_board_frame(spark, ProjectKey(SECRET), {})
    stays = residual_classes.keep_residual_rows(frame, F.col("gone"), project, platform().floors, boards)
    assert stays.columns == frame.columns
    counted = stays.groupBy("geslacht").count().toArrow().to_pylist()
    return {row["geslacht"]: row["count"] for row in counted}


ONE_OF_FOUR = """
j  I   A  1  x
j  I   A  1  -
j  I   B  1  -
j  I   C  1  -
m  I   A  1  -
"""
"""The second class was always too small for most limits; it lost nobody, so it is not judged again."""


@pytest.mark.parametrize(
    ("limits", "stays"),
    [
        ({"k": 3}, {"j": 3, "m": 1}),
        ({"k": 4}, {"m": 1}),
        ({"m": 3}, {"j": 3, "m": 1}),
        ({"m": 4}, {"m": 1}),
        ({"max_share": Decimal("0.34")}, {"j": 3, "m": 1}),
        ({"max_share": Decimal("0.33")}, {"m": 1}),
        ({"k_others": 2}, {"j": 3, "m": 1}),
        ({"k_others": 3}, {"m": 1}),
    ],
)
def test_each_limit_at_its_edge(spark: SparkSession, limits: dict[str, Any], stays: dict[str, int]) -> None:
    project = project_with(**limits)
    assert count_residual_rows(spark, project, ONE_OF_FOUR) == stays


VALUES = """
j  I    A  1  x
j  I    A  2  -
j  II   B  2  -
m  II   A  1  x
m  I    A  3  -
m  II   B  1  -
"""


@pytest.mark.parametrize(
    ("constraint", "stays"),
    [
        ({"largest_value": Decimal("0.75")}, {"j": 4, "m": 4}),
        ({"largest_value": Decimal("0.74")}, {"j": 4}),
        ({"largest_value": Decimal("0.9"), "distinct": 2}, {"j": 4, "m": 4}),
        ({"largest_value": Decimal("0.9"), "distinct": 3}, {}),
        ({"largest_value": Decimal("0.9"), "entropy": Decimal("1.7")}, {"j": 4, "m": 4}),
        ({"largest_value": Decimal("0.9"), "entropy": Decimal("1.8")}, {"j": 4}),
        ({"largest_value": Decimal("0.9"), "equal_closeness": Decimal("0.5")}, {}),
    ],
)
def test_sensitive_constraints_apply_to_residual_classes(
    spark: SparkSession, constraint: dict[str, Any], stays: dict[str, int]
) -> None:
    assert count_residual_rows(spark, project_with(constraint), VALUES) == stays


def test_a_class_that_loses_every_row_disappears_and_others_are_unchanged(spark: SparkSession) -> None:
    assert count_residual_rows(spark, project_with(), "j I A 3 x\nm I A 1 -") == {"m": 1}


BOARDS = {
    "10AA": SchoolBoards("1", frozenset({"1"})),
    "10AB": SchoolBoards("1", frozenset({"1"})),
    "10AC": SchoolBoards("2", frozenset({"1", "2"})),
}
OF_BOARDS = """
j  I  10AA  1  x
j  I  10AA  1  -
j  I  10AB  1  -
j  I  10AC  1  -
j  I  10AD  3  -
"""


@pytest.mark.parametrize(
    ("limits", "stays"),
    [
        ({"m": 3}, 6),
        ({"m": 4}, 0),
        ({"max_share": Decimal("0.5")}, 6),
        ({"max_share": Decimal("0.49")}, 0),
        ({"k_others": 3}, 6),
        ({"k_others": 4}, 0),
    ],
)
def test_the_limits_of_schools_apply_to_boards(spark: SparkSession, limits: dict[str, Any], stays: int) -> None:
    """Boards 1, 2 and the school 10AD alone; board 1 knows three of the six, one of them from earlier."""
    rows = [line.split() for line in OF_BOARDS.strip().splitlines()]
    shown = [
        (sex, level, pseudonymous.school(school), mark == "x")
        for sex, level, school, times, mark in rows
        for _ in range(int(times))
    ]
    boards = pupil_boards.make_board_frame(spark, ProjectKey(SECRET), BOARDS)
    frame = local_frames.make_local_frame(spark, STATE, shown)
    count_residual_rows = residual_classes.keep_residual_rows(
        frame, F.col("gone"), project_with(**limits), platform().floors, boards
    )
    assert count_residual_rows.count() == stays
