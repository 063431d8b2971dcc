"""Pseudonymised pupils drawn by hand, and the stages that generalise them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.patches import PatchesAcrossModules
from tests.unit.drawn_release import SECRET, platform
from tests.unit.drawn_results import Row, column, project, result

from cohort.agreements.privacy_model import derive_value_rules
from cohort.agreements.project import Project
from cohort.anonymisation import equivalence_class_search, generalisation, pupil_boards, search_input
from cohort.anonymisation.equivalence_class_search import ClassSearchResult
from cohort.anonymisation.equivalence_class_search_task import ClassSearchTask
from cohort.anonymisation.search_input import PupilCounts
from cohort.anonymisation.sensitive_columns import SensitiveColumn
from cohort.data_states import local_frames
from cohort.data_states.schemas import (
    EXACT_SCORES,
    OTHER_SCHOOLS_CONTROL,
    PUPIL_CONTROL,
    SCHOOL_CONTROL,
    PseudonymisedRecords,
    make_stage_schema,
)
from cohort.keys.project_keys import ProjectKey
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy

BANDS = ("0 tot 10", "10 tot 20", "20 tot 30", "30 tot 40", "onbekend")
WIDER = ("0 tot 20", "0 tot 20", "20 tot 40", "20 tot 40", "onbekend")
HIERARCHIES = (
    Hierarchy("score", (BANDS, WIDER, ("*",) * 5)),
    Hierarchy("sekse", (("1", "2", "onbekend"), ("*", "*", "*"))),
)
ADVIES = Hierarchy("advies", (("vwo", "havo", "é", "onbekend"), ("hoog", "hoog", "é", "onbekend")))

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


Leaf = Callable[[int, int, int], int]
"""The leaf of a pupil's advice, by number, score and sex."""


def stand_in_pseudonym(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def make_cohort(
    spark: SparkSession, names: tuple[str, str], *more: tuple[str, int, int], advies: Leaf | None = None
) -> PseudonymisedRecords:
    """The drawn pupils and more of them, each with three rows of which two are shown."""
    lines = [line.split() for line in DRAWN.strip().splitlines()[1:]]
    pupils = [(s, o, int(a), int(b)) for s, o, n, a, b in lines for _ in range(int(n))]
    pupils += [(school, "-", score, sex) for school, score, sex in more]
    rows = [
        (
            stand_in_pseudonym(f"pupil {n}"),
            stand_in_pseudonym(school),
            None if others == "-" else [stand_in_pseudonym(others)],
            3,
            3,
            2,
            False,
            score,
            sex,
            *([advies(n, score, sex)] if advies else []),
        )
        for n, (school, others, score, sex) in enumerate(pupils)
    ]
    control = (
        f"{PUPIL_CONTROL} binary, {SCHOOL_CONTROL} binary, {OTHER_SCHOOLS_CONTROL} array<binary>, "
        "_selected int, _rows int, _used int, _objected boolean"
    )
    third = ", advies int" if advies else ""
    frame = local_frames.make_local_frame(spark, f"{control}, {names[0]} int, {names[1]} int{third}", rows)
    return PseudonymisedRecords(frame.withColumn(EXACT_SCORES, F.array(F.col(names[0]) * 1000 + 250)))


def make_project(two_schools: str = "keep", names: tuple[str, str] = ("score", "sekse")) -> Project:
    columns = [column(names[0], step=10, result=result("rekenen", "latest")), column(names[1], attribute="geslacht")]
    return project(columns, two_schools=two_schools)


def make_sensitive_project(kind: str = "global", **constraint: Any) -> Project:
    """A sensitive column between the two that make the classes."""
    score, sex = make_project().model_dump()["columns"]
    rule = {"largest_value": Decimal("0.6"), **constraint}
    sensitive = column("advies", role="sensitive", constraint=rule, result=result("studie", "latest"))
    recoding = {"kind": kind, "objective": "mean", "suppression_limit": Decimal("0.5")}
    return project([score, sensitive, sex], recoding=recoding)


def generalise_cohort(
    spark: SparkSession, declared: Project, files: int, advies: Leaf | None = None, most: int = 1000
) -> tuple[PupilCounts, ClassSearchResult, list[Row]]:
    """Run the stages from encoding to generalised rows; each row has the number of its file."""
    first, second = (c.name for c in declared.quasi_identifiers)
    coding = Coding(HIERARCHIES)
    pupils = make_cohort(spark, (first, second), advies=advies)
    coded = search_input.encode_pupils(pupils, declared, coding)
    coded = pupil_boards.add_boards(coded, pupil_boards.make_board_frame(spark, ProjectKey(SECRET), {}))
    counts = search_input.count_pupils(coded, pupils, declared)
    sensitive_column = None
    if declared.sensitive_column is not None:
        sensitive_column = SensitiveColumn.from_hierarchy(
            "advies", ADVIES, derive_value_rules(declared, platform().floors), 1
        )
    task = ClassSearchTask(declared, coding, ProjectKey(SECRET), most, sensitive_column)
    result = equivalence_class_search.search_classes(coded, counts.searched, task)
    with PatchesAcrossModules.context() as patch:
        patch.setattr(generalisation, "RELEASED_ROWS_PER_FILE", -(-result.recoding.released_pupils // files))
        rows = generalisation.generalise_pupils(
            equivalence_class_search.assign_classes(coded, declared, result), declared, result
        )
    assert [(f.name, f.dataType) for f in rows.schema] == [
        (f.name, f.dataType)
        for f in make_stage_schema(declared.released_names, declared.pseudonym_columns, declared.bound_names)
    ]
    return counts, result, rows.select("*", F.spark_partition_id().alias("file")).toArrow().to_pylist()


def read_drawn_leaves() -> list[tuple[int, int]]:
    """Score and sex of every pupil drawn, as leaf numbers."""
    lines = [line.split() for line in DRAWN.strip().splitlines()[1:]]
    return [(int(score), int(sex)) for _, _, n, score, sex in lines for _ in range(int(n))]
