"""One pupil's rows taken together: every case a pupil of its own, all judged at once."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from cohort import frames
from cohort.intake import plausibility
from cohort.intake.plausibility import APART, FLAGS, GROUPS, SCHOOLS

Rows = list[tuple[str, str, int, str | None]]
NEW: dict[str, tuple[Rows, Rows, set[tuple[int, str]]]] = {
    # what is told           school, school year, delivery, year group: of this run; of earlier ones; doubts
    "one school": ([("99ZZ", "2024-2025", 1, "7"), ("99ZZ", "2024-2025", 1, "7")], [], set()),
    "two schools in a year": (
        [("99ZZ", "2024-2025", 1, "7"), ("99YY", "2024-2025", 2, "7")], [], {(1, SCHOOLS), (2, SCHOOLS)},
    ),
    "another school in another year": (
        [("99ZZ", "2023-2024", 1, "6"), ("99YY", "2024-2025", 2, "7")], [], set(),
    ),
    "another school in an earlier run": (
        [("99ZZ", "2024-2025", 1, "7")], [("99YY", "2024-2025", 0, "7")], {(1, SCHOOLS)},
    ),
    "two year groups in a delivery": (
        [("99ZZ", "2024-2025", 1, "7"), ("99ZZ", "2024-2025", 1, "8")], [], {(1, GROUPS)},
    ),
    "two year groups in two deliveries": (
        [("99ZZ", "2024-2025", 1, "7"), ("99ZZ", "2024-2025", 2, "8")], [], set(),
    ),
    "a year group and none": ([("99ZZ", "2024-2025", 1, "7"), ("99ZZ", "2024-2025", 1, None)], [], set()),
    "group 8 and a year later group 2": (
        [("99ZZ", "2023-2024", 1, "8"), ("99ZZ", "2024-2025", 1, "2")], [], {(1, APART)},
    ),
    "group 8 in an earlier run": (
        [("99ZZ", "2024-2025", 3, "2")], [("99ZZ", "2023-2024", 0, "8")], {(3, APART)},
    ),
    "a repeater": ([("99ZZ", "2023-2024", 1, "7"), ("99ZZ", "2024-2025", 1, "7")], [], set()),
    "one who skipped a group": (
        [("99ZZ", "2023-2024", 1, "4"), ("99ZZ", "2024-2025", 1, "6")], [], set(),
    ),
    "group 8 and then secondary school": (
        [("99ZZ", "2023-2024", 1, "8"), ("99ZZ", "2024-2025", 1, "11")], [], set(),
    ),
    "all of it": (
        [("99ZZ", "2024-2025", 1, "8"), ("99YY", "2024-2025", 1, "2")], [],
        {(1, SCHOOLS), (1, GROUPS), (1, APART)},
    ),
}  # fmt: skip
STATE = "pgn string, brin string, schooljaar string, levering_nr int, jaargroep string, _codes string"


@pytest.fixture(scope="module")
def found(one_spark: SparkSession) -> dict[str, set[tuple[int, str]]]:
    """The doubts about every case: delivery and code."""
    numbers = {name: f"{100 + place:09d}" for place, name in enumerate(NEW)}
    new = [(numbers[name], *row, "") for name, (rows, _, _) in NEW.items() for row in rows]
    earlier = [(numbers[name], *row, "") for name, (_, rows, _) in NEW.items() for row in rows]
    good = frames.local(one_spark, STATE, new)
    doubts = plausibility.doubtful(good, frames.local(one_spark, STATE, earlier)).collect()
    names = {number: name for name, number in numbers.items()}
    told: dict[str, set[tuple[int, str]]] = {name: set() for name in NEW}
    for row in doubts:
        told[names[row.pgn]] |= {(row.levering_nr, code) for code, flag in FLAGS.items() if row[flag]}
    return told


@pytest.mark.parametrize("name", NEW)
def test_a_doubt_is_told_of_the_delivery_it_is_about(
    name: str, found: dict[str, set[tuple[int, str]]]
) -> None:
    assert found[name] == NEW[name][2]


def test_refused_doubts_take_the_rows_and_told_ones_are_counted(spark: SparkSession) -> None:
    rows, _, _ = NEW["all of it"]
    judged = frames.local(spark, STATE, [("000000100", *row, "") for row in rows])
    doubts = plausibility.doubtful(judged, None)
    codes = plausibility.refused(judged, doubts, [APART]).select("_codes").collect()
    assert [row["_codes"] for row in codes] == [APART, APART]
    assert plausibility.counted(doubts) == {1: {SCHOOLS: 1, GROUPS: 1, APART: 1}}
