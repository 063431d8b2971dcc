"""A preview on drawn results: the figures of a release of the same results, sensitive columns included."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from tests.patches import PatchesAcrossModules
from tests.unit.drawn_legal_basis import make_eligibility
from tests.unit.drawn_release import pipeline_input, platform
from tests.unit.drawn_results import Row, column, frame, pgn, project, result, row

from cohort.agreements.project import Project
from cohort.agreements.school_boards import SchoolBoards
from cohort.keys.project_keys import ProjectKey
from cohort.legal_basis.objection_lists import SCOPE_EVERYTHING
from cohort.legal_basis.objections_in_force import Objections
from cohort.preview import cohort_codes, setting_search
from cohort.preview.preview_settings import AS_DECLARED, PreviewSetting
from cohort.release import stage_pipeline
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.partitioned import partitions

SCHOOLS = ("10AA", "10AB", "10AC")
KEY = ProjectKey(b"k" * 32)
HIERARCHIES = {
    "score": Hierarchy(
        "score",
        (
            ("0 tot 10", "10 tot 20", "20 tot 30", "onbekend"),
            ("0 tot 20", "0 tot 20", "20 tot 30", "onbekend"),
            ("*", "*", "*", "*"),
        ),
    ),
    "niveau": Hierarchy("niveau", (("A", "B", "C", "onbekend"), ("*", "*", "*", "*"))),
    "sekse": Hierarchy("sekse", (("1", "2", "onbekend"), ("*", "*", "*"))),
}
BOARDS = {"10AA": SchoolBoards("1", frozenset("12")), "10AB": SchoolBoards("2", frozenset("2"))}
SENSITIVE = {"role": "sensitive", "constraint": {"largest_value": Decimal("0.7"), "distinct": 2}}


def draw(kind: str, *, sensitive: bool) -> Project:
    level = SENSITIVE if sensitive else {}
    return project(
        [
            column("score", step=10, result=result("rekenen", "latest")),
            column("niveau", result=result("studie", "highest"), **level),
            column("sekse", attribute="geslacht"),
        ],
        thresholds={"k": 3, "m": 2, "max_share": Decimal("0.8"), "k_others": 1},
        recoding={"kind": kind, "objective": "mean", "suppression_limit": Decimal("0.5")},
    )


def cohort() -> list[Row]:
    """Ninety pupils of three schools; every third has no level, one objected, two have been elsewhere."""
    rows = []
    for n in range(90):
        sex = "12"[n % 7 % 2]
        rows.append(row(n, brin=SCHOOLS[n % 3], waarde=("3", "12", "25")[n % 5 % 3], geslacht=sex))
        if n % 3:
            rows.append(row(n, brin=SCHOOLS[n % 3], domein="studie", waarde="ABCAAA"[n % 11 % 6], geslacht=sex))
    elsewhere = [row(n, brin="10AC", waarde="3", peildag="2025-02-03", geslacht="12"[n % 7 % 2]) for n in (7, 8)]
    return [*rows, *elsewhere]


KINDS = [(kind, sensitive) for kind in ("global", "local") for sensitive in (False, True)]


@pytest.mark.parametrize(("kind", "sensitive"), KINDS)
def test_the_figures_are_those_of_a_release(spark: SparkSession, kind: str, sensitive: bool) -> None:
    agreed = draw(kind, sensitive=sensitive)
    objections = Objections(barred_numbers={SCOPE_EVERYTHING: frozenset({pgn(1)})}, withheld_schools={})
    inputs = pipeline_input(
        agreed, make_eligibility(objections, SCHOOLS), HIERARCHIES, key=KEY, schools=SCHOOLS, boards=BOARDS
    )
    results = frame(spark, cohort())
    searched: list[pa.Table] = []
    build = partitions.build_partition_histogram

    def watch(table: pa.Table, *given: Any, **named: Any) -> Any:
        searched.append(table)
        return build(table, *given, **named)

    codes = cohort_codes.collect_cohort_codes(results, inputs)
    with PatchesAcrossModules.context() as patched:
        patched.setattr(partitions, "build_partition_histogram", watch)
        setting = PreviewSetting(AS_DECLARED, agreed, HIERARCHIES)
        figures = setting_search.try_setting(setting, codes, agreed, KEY, platform().floors)

    released = stage_pipeline.run_release_pipeline(results, inputs, lambda *_: None)
    recoding = released.recoding
    released.unpersist()
    assert figures.refused == ()
    assert (figures.classes, figures.released, figures.suppressed) == (
        recoding.classes,
        recoding.released_pupils,
        recoding.suppressed,
    )
    assert tuple(one.loss for one in figures.columns) == pytest.approx(recoding.column_losses)
    assert figures.release_loss["mean"] == pytest.approx(recoding.loss.mean)
    assert figures.sensitive == released.value_counts
    assert (figures.sensitive is not None) == sensitive
    assert searched
    assert {name for table in searched for name in table.column_names} == {"key", "word0", "school", "others"}


def test_a_value_that_a_setting_does_not_cover_is_its_refusal(spark: SparkSession) -> None:
    agreed = draw("local", sensitive=False)
    inputs = pipeline_input(agreed, make_eligibility(Objections(()), SCHOOLS), HIERARCHIES, key=KEY, schools=SCHOOLS)
    codes = cohort_codes.collect_cohort_codes(frame(spark, cohort()), inputs)
    setting = PreviewSetting("narrow", agreed, HIERARCHIES)
    with PatchesAcrossModules.context() as patched:
        patched.setattr(setting_search, "map_leaves", lambda _column, tree, _setting: -1 * (tree.groups(0) > 1))
        figures = setting_search.try_setting(setting, codes, agreed, KEY, platform().floors)
    assert any("of setting `narrow`" in sentence for sentence in figures.refused)
