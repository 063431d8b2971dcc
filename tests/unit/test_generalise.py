"""The recoding applied: what is released, of whom, in which order and which file; and what is not."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.unit.drawn_results import Row, column, project, result

from cohort import frames, generalise
from cohort.errors import NotAnonymous
from cohort.generalise import Counts
from cohort.project import Project
from cohort.recoding.coding import Coding
from cohort.recoding.hierarchy import Hierarchy
from cohort.schema import NOT_LISTED, OTHERS, PUPIL, SCHOOL, Pseudonymised, generalised

BANDS = ("0 tot 10", "10 tot 20", "20 tot 30", "30 tot 40", "onbekend")
WIDER = ("0 tot 20", "0 tot 20", "20 tot 40", "20 tot 40", "onbekend")
HIERARCHIES = (
    Hierarchy("score", (BANDS, WIDER, ("*",) * 5)),
    Hierarchy("sekse", (("1", "2", "onbekend"), ("*", "*", "*"))),
)

DRAWN = """
school others pupils score sekse
A      -      4      0     0
B      -      3      1     0
A      B      1      0     0
B      -      3      0     1
C      -      4      1     1
C      -      3      2     0
D      -      3      3     0
A      -      3      2     1
C      -      3      3     1
B      -      1      4     0
"""
"""Scores and sexes are leaf numbers. One moved; one, without a score, is alone and cannot be released."""

RELEASED = {("0 tot 20", "1"): 8, ("0 tot 20", "2"): 7, ("20 tot 40", "1"): 6, ("20 tot 40", "2"): 6}


def mac(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def cohort(spark: SparkSession, names: tuple[str, str], *more: tuple[str, int, int]) -> Pseudonymised:
    """The pupils as drawn, each with three rows of which two are shown, and further ones."""
    lines = [line.split() for line in DRAWN.strip().splitlines()[1:]]
    pupils = [(s, o, int(a), int(b)) for s, o, n, a, b in lines for _ in range(int(n))]
    pupils += [(school, "-", score, sex) for school, score, sex in more]
    rows = [
        (mac(f"pupil {n}"), mac(school), None if others == "-" else [mac(others)], 3, 2, score, sex)
        for n, (school, others, score, sex) in enumerate(pupils)
    ]
    control = f"{PUPIL} binary, {SCHOOL} binary, {OTHERS} array<binary>, _rows int, _used int"
    return Pseudonymised(frames.local(spark, f"{control}, {names[0]} int, {names[1]} int", rows))


def agreed(two_schools: str = "keep", names: tuple[str, str] = ("score", "sekse")) -> Project:
    columns = [
        column(names[0], step=10, result=result("rekenen", "latest")),
        column(names[1], attribute="geslacht"),
    ]
    return project(columns, two_schools=two_schools)


def run(spark: SparkSession, asked: Project, files: int) -> tuple[Counts, Any, list[Row]]:
    """The stage's way: the histogram out, the recoding in; rows come with the file they would stand in."""
    first, second = asked.column_names
    coding = Coding(HIERARCHIES)
    coded = generalise.coded(cohort(spark, (first, second)), asked, coding)
    histogram, counts = generalise.histogram_of(coded, asked)
    recoding = generalise.recode(histogram, asked, coding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generalise, "ROWS_PER_FILE", -(-recoding.released // files))
        rows = generalise.generalise(coded, asked, recoding)
    assert [(f.name, f.dataType) for f in rows.schema] == [
        (f.name, f.dataType) for f in generalised([first, second])
    ]  # fmt: skip
    return counts, recoding, rows.select("*", F.spark_partition_id().alias("file")).toArrow().to_pylist()


@pytest.fixture(scope="module")
def kept(one_spark: SparkSession) -> tuple[Counts, Any, list[Row]]:
    return run(one_spark, agreed(), files=3)


def test_pupils_show_the_values_of_their_class(kept: tuple[Counts, Any, list[Row]]) -> None:
    _, recoding, rows = kept
    assert recoding.levels == (1, 0)
    assert Counter((row["score"], row["sekse"]) for row in rows) == RELEASED
    shown = {row[PUPIL]: (row["score"], row["sekse"], row[SCHOOL], row[OTHERS]) for row in rows}
    assert shown[mac("pupil 0")] == ("0 tot 20", "1", mac("A"), None)
    assert shown[mac("pupil 7")] == ("0 tot 20", "1", mac("A"), [mac("B")])
    assert shown[mac("pupil 22")] == ("20 tot 40", "2", mac("A"), None)


def test_a_suppressed_pupil_does_not_occur(kept: tuple[Counts, Any, list[Row]]) -> None:
    _, recoding, rows = kept
    assert (recoding.released, recoding.suppressed) == (27, 1)
    assert {row[PUPIL] for row in rows} == {mac(f"pupil {n}") for n in range(27)}


def test_rows_of_a_class_stand_in_one_file_in_the_order_of_the_released_values(
    kept: tuple[Counts, Any, list[Row]],
) -> None:
    _, _, rows = kept
    places = [(row["file"], row["score"], row["sekse"], row[PUPIL]) for row in rows]
    assert places == sorted(places)
    assert len({(file, score, sex) for file, score, sex, _ in places}) == len(RELEASED)
    assert len({file for file, *_ in places}) > 1


def test_all_are_counted(kept: tuple[Counts, Any, list[Row]]) -> None:
    assert kept[0] == Counts(pupils=28, set_aside=0, rows=84, rows_used=56)


def test_who_was_at_two_schools_is_set_aside_when_so_agreed_whatever_columns_are_called(
    spark: SparkSession,
) -> None:
    counts, recoding, rows = run(spark, agreed("set-aside", ("pupils", "class_nr")), files=1)
    assert counts == Counts(pupils=28, set_aside=1, rows=84, rows_used=54)
    assert recoding.released == len(rows) == 26
    assert mac("pupil 7") not in {row[PUPIL] for row in rows}
    assert {row["file"] for row in rows} == {0}
    shown = Counter((row["pupils"], row["class_nr"]) for row in rows)
    assert shown == RELEASED | {("0 tot 20", "1"): 7}


def test_values_that_a_hierarchy_does_not_have_are_told_by_column_and_number_only(
    spark: SparkSession,
) -> None:
    strange = [("A", NOT_LISTED, 0), ("B", NOT_LISTED, NOT_LISTED), ("Z", NOT_LISTED, 1)]
    coded = generalise.coded(cohort(spark, ("score", "sekse"), *strange), agreed(), Coding(HIERARCHIES))
    with pytest.raises(NotAnonymous) as refused:
        generalise.histogram_of(coded, agreed())
    assert refused.value.problems == tuple(
        "Expected only values of the hierarchy, for example a leaf for every value that occurs; found others "
        f"in {n} records in column {name}. Add the missing leaves to its hierarchy file."
        for name, n in (("score", 3), ("sekse", 1))
    )


def test_what_still_carries_a_number_is_a_defect(spark: SparkSession) -> None:
    carried = Pseudonymised(cohort(spark, ("score", "sekse")).withColumn("pgn", F.lit(1)))
    with pytest.raises(TypeError, match="pgn"):
        generalise.coded(carried, agreed(), Coding(HIERARCHIES))


def test_no_recoding_no_release(spark: SparkSession) -> None:
    asked = project(
        agreed().model_dump()["columns"], thresholds=agreed().thresholds.model_copy(update={"k": 29})
    )
    coding = Coding(HIERARCHIES)
    coded = generalise.coded(cohort(spark, ("score", "sekse")), asked, coding)
    histogram, _ = generalise.histogram_of(coded, asked)
    with pytest.raises(NotAnonymous):
        generalise.recode(histogram, asked, coding)
