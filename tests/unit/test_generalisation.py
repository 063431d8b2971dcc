"""The recoding applied to the rows: released values, order, files and suppression."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.unit.drawn_pupils import (
    HIERARCHIES,
    RELEASED,
    generalise_cohort,
    make_cohort,
    make_project,
    read_drawn_leaves,
    stand_in_pseudonym,
)
from tests.unit.drawn_results import Row, project

from cohort.agreements.project_settings import ClassThresholds
from cohort.anonymisation import search_input
from cohort.anonymisation.equivalence_class_search import ClassSearchResult
from cohort.anonymisation.search_input import PupilCounts
from cohort.data_states.schemas import (
    OTHER_SCHOOLS_CONTROL,
    PUPIL_CONTROL,
    SCHOOL_CONTROL,
    UNLISTED_LEAF,
    PseudonymisedRecords,
)
from cohort.foundation.errors import ConfigurationRefused, NotAnonymous
from cohort.sdc.model.coding import Coding

BANDS = ("0 tot 10", "10 tot 20", "20 tot 30", "30 tot 40", "onbekend")
WIDER = ("0 tot 20", "0 tot 20", "20 tot 40", "20 tot 40", "onbekend")


@pytest.fixture(scope="module")
def generalised(one_spark: SparkSession) -> tuple[PupilCounts, ClassSearchResult, list[Row]]:
    return generalise_cohort(one_spark, make_project(), files=3)


def test_pupils_get_the_values_of_their_class(generalised: tuple[PupilCounts, ClassSearchResult, list[Row]]) -> None:
    _, recoded, rows = generalised
    recoding = recoded.recoding
    assert recoding.level_vector == (1, 0)
    assert Counter((row["score"], row["sekse"]) for row in rows) == RELEASED
    released = {
        row[PUPIL_CONTROL]: (row["score"], row["sekse"], row[SCHOOL_CONTROL], row[OTHER_SCHOOLS_CONTROL])
        for row in rows
    }
    assert released[stand_in_pseudonym("pupil 0")] == ("0 tot 20", "1", stand_in_pseudonym("A"), None)
    assert released[stand_in_pseudonym("pupil 7")] == (
        "0 tot 20",
        "1",
        stand_in_pseudonym("A"),
        [stand_in_pseudonym("B")],
    )
    assert released[stand_in_pseudonym("pupil 22")] == ("20 tot 40", "2", stand_in_pseudonym("A"), None)


def test_a_suppressed_pupil_has_no_row(generalised: tuple[PupilCounts, ClassSearchResult, list[Row]]) -> None:
    _, recoded, rows = generalised
    recoding = recoded.recoding
    assert (recoding.released_pupils, recoding.suppressed) == (27, 1)
    assert {row[PUPIL_CONTROL] for row in rows} == {stand_in_pseudonym(f"pupil {n}") for n in range(27)}


def test_the_rows_of_a_class_are_in_one_file_sorted_by_the_released_values(
    generalised: tuple[PupilCounts, ClassSearchResult, list[Row]],
) -> None:
    _, _, rows = generalised
    places = [(row["file"], row["score"], row["sekse"]) for row in rows]
    assert places == sorted(places)
    assert len(set(places)) == len(RELEASED)
    assert len({file for file, *_ in places}) > 1


def test_a_pseudonymous_release_shows_the_pseudonyms_as_text_in_their_order(spark: SparkSession) -> None:
    declared = make_project().model_copy(update={"release_class": "pseudonymous"})
    _, _, rows = generalise_cohort(spark, declared, files=3)
    assert Counter((row["score"], row["sekse"]) for row in rows) == RELEASED
    assert [row["pupil"] for row in rows] == [row[PUPIL_CONTROL].hex() for row in rows]
    assert [row["school"] for row in rows] == [row[SCHOOL_CONTROL].hex() for row in rows]
    places = [(row["file"], row["score"], row["sekse"], row["pupil"]) for row in rows]
    assert places == sorted(places)


def test_every_pupil_and_row_is_counted(generalised: tuple[PupilCounts, ClassSearchResult, list[Row]]) -> None:
    assert generalised[0] == PupilCounts(pupils=28, set_aside=0, rows=84, rows_used=56)


def test_pupils_of_two_schools_are_set_aside_when_agreed_whatever_the_columns_are_called(spark: SparkSession) -> None:
    counts, recoded, rows = generalise_cohort(spark, make_project("set-aside", ("pupils", "class_nr")), files=1)
    recoding = recoded.recoding
    assert counts == PupilCounts(pupils=28, set_aside=1, rows=84, rows_used=54)
    assert recoding.released_pupils == len(rows) == 26
    assert stand_in_pseudonym("pupil 7") not in {row[PUPIL_CONTROL] for row in rows}
    assert {row["file"] for row in rows} == {0}
    released = Counter((row["pupils"], row["class_nr"]) for row in rows)
    assert released == RELEASED | {("0 tot 20", "1"): 7}


def test_values_outside_a_hierarchy_are_reported_by_column_and_number_alone(spark: SparkSession) -> None:
    strange = [("A", UNLISTED_LEAF, 0), ("B", UNLISTED_LEAF, UNLISTED_LEAF), ("Z", UNLISTED_LEAF, 1)]
    pupils = make_cohort(spark, ("score", "sekse"), *strange)
    coded = search_input.encode_pupils(pupils, make_project(), Coding(HIERARCHIES))
    with pytest.raises(NotAnonymous) as refused:
        search_input.count_pupils(coded, pupils, make_project())
    assert refused.value.problems == tuple(
        "Expected only values of the hierarchy, for example a leaf for every value that occurs; found others "
        f"in {n} records in column {name}. Add the missing leaves to its hierarchy file."
        for name, n in (("score", 3), ("sekse", 1))
    )


def test_a_frame_with_a_pupil_number_is_a_defect(spark: SparkSession) -> None:
    carried = PseudonymisedRecords(make_cohort(spark, ("score", "sekse")).withColumn("pgn", F.lit(1)))
    with pytest.raises(TypeError, match="pgn"):
        search_input.encode_pupils(carried, make_project(), Coding(HIERARCHIES))


def test_without_a_recoding_there_is_no_release(spark: SparkSession) -> None:
    declared = project(
        make_project().model_dump()["columns"], thresholds=make_project().thresholds.model_copy(update={"k": 29})
    )
    with pytest.raises(NotAnonymous):
        generalise_cohort(spark, declared, files=1)


def test_a_cohort_over_the_budget_is_searched_in_parts_for_a_local_recoding_alone(spark: SparkSession) -> None:
    declared = make_project()
    with pytest.raises(ConfigurationRefused, match="at most 10 pupils for a global recoding"):
        generalise_cohort(spark, declared, files=1, most=10)
    local = declared.recoding.model_copy(update={"kind": "local", "objective": "mean"})
    few = ClassThresholds(k=3, m=1, max_share=Decimal(1), k_others=0)
    declared = declared.model_copy(update={"recoding": local, "thresholds": few})
    _, recoded, rows = generalise_cohort(spark, declared, files=2, most=10)
    assert recoded.recoding.search_facts["way"] == "parts"
    assert len(rows) == recoded.recoding.released_pupils >= 26
    released = Counter((row["score"], row["sekse"]) for row in rows)
    assert min(released.values()) >= 3
    assert sorted(released.values()) == sorted(recoded.recoding.pupils.tolist())
    for frame in recoded.cached_frames:
        frame.unpersist()


def test_a_local_recoding_gives_each_class_its_own_levels(spark: SparkSession) -> None:
    declared = make_project()
    local = declared.recoding.model_copy(update={"kind": "local", "objective": "mean"})
    few = ClassThresholds(k=4, m=1, max_share=Decimal(1), k_others=0)
    declared = declared.model_copy(update={"recoding": local, "thresholds": few})
    counts, recoded, rows = generalise_cohort(spark, declared, files=3)
    recoding = recoded.recoding
    assert recoding.level_vector is None
    assert counts == PupilCounts(pupils=28, set_aside=0, rows=84, rows_used=56)
    released = Counter((row["score"], row["sekse"]) for row in rows)
    assert min(released.values()) >= 4
    assert released["0 tot 10", "1"] == 5
    assert len({row[PUPIL_CONTROL] for row in rows}) == len(rows) == recoding.released_pupils
    places = [(row["file"], row["score"], row["sekse"]) for row in rows]
    assert places == sorted(places)
    true = {stand_in_pseudonym(f"pupil {n}"): at for n, at in enumerate(read_drawn_leaves())}
    for row in rows:
        for place, hierarchy in enumerate(HIERARCHIES):
            leaf = true[row[PUPIL_CONTROL]][place]
            assert row[hierarchy.name] in {level[leaf] for level in hierarchy.labels}


def test_the_lowest_and_highest_levels_of_a_project_are_kept(spark: SparkSession) -> None:
    declared = make_project()
    first, second = declared.columns
    forced = [first.model_copy(update={"lowest_level": 2}), second.model_copy(update={"highest_level": 0})]
    _, recoded, _ = generalise_cohort(spark, declared.model_copy(update={"columns": forced}), files=1)
    recoding = recoded.recoding
    assert recoding.level_vector == (2, 0)
