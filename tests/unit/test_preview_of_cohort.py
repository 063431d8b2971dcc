"""A preview on drawn results: the figures of a release of the same results, sensitive columns included."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from tests.patches import PatchesAcrossModules
from tests.unit.drawn_legal_basis import make_eligibility
from tests.unit.drawn_release import pipeline_input, platform
from tests.unit.drawn_results import Row, column, frame, pgn, project, result, row

from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.project import Project
from cohort.agreements.project_hierarchies import load_hierarchy
from cohort.agreements.school_boards import SchoolBoards
from cohort.anonymisation.search_input import PupilCounts
from cohort.foundation.errors import NotAnonymous
from cohort.keys.project_keys import ProjectKey
from cohort.legal_basis.objection_lists import SCOPE_EVERYTHING
from cohort.legal_basis.objections_in_force import Objections
from cohort.preview import cohort_codes, setting_search
from cohort.preview.preview_settings import AS_DECLARED, PreviewSetting, QuantileOverride
from cohort.preview.quantile_bands import propose_quantile_bands
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


def numeric_column() -> DeclaredColumn:
    declared = column(
        "score", result=result("rekenen", "latest"), bands={"from": 0, "to": 40, "step": 5, "widths": [10]}
    )
    return DeclaredColumn.model_validate({name: value for name, value in declared.items() if name != "hierarchy"})


def drawn_codes(scores: list[int | None], boards: list[int]) -> tuple[cohort_codes.CohortCodes, PreviewSetting]:
    """Pupils with scores, of boards, as the preview has them; and a setting that asks for quantiles."""
    finest = numeric_column()
    tree = load_hierarchy(finest, Path())
    unknown = tree.leaves.index("onbekend")
    leaves = np.array([[unknown if one is None else one // 5 for one in scores]], dtype=np.int32)
    contributors = pa.table({"key": pa.array(range(len(scores))), "school": pa.array(boards, pa.int64())})
    counts = PupilCounts(len(scores), 0, len(scores), len(scores))
    codes = cohort_codes.CohortCodes((finest,), {"score": tree}, leaves, contributors, None, counts)
    agreed = draw("local", sensitive=False).model_copy(update={"columns": [finest]})
    asked = {"score": QuantileOverride(groups=4, joins=[2])}
    return codes, PreviewSetting("quarters", agreed, {"score": tree}, asked)


def test_proposed_bands_have_about_equally_many_pupils_and_edges_on_the_steps() -> None:
    scores: list[int | None] = [n * 40 // 400 for n in range(400)]
    codes, setting = drawn_codes([*scores, *[None] * 50], [n % 4 for n in range(450)])
    made = propose_quantile_bands(setting, codes)
    assert made.proposed == {
        "score": "bands = { from = 0, to = 40, step = 5, edges = [[10, 20, 30], [20]] }\nlowest_level = 1"
    }
    (declared,) = made.project.columns
    assert (declared.lowest_level, declared.bands.edges if declared.bands else None) == (1, [[10, 20, 30], [20]])
    assert made.hierarchies["score"].labels[1][0] == "0 tot 10"


def test_no_edge_is_proposed_where_few_pupils_or_one_board_are_near_it() -> None:
    scores: list[int | None] = [*[2] * 100, *[22] * 9, *[37] * 100]
    codes, setting = drawn_codes(scores, [n % 4 for n in range(209)])
    lines = propose_quantile_bands(setting, codes).proposed["score"]
    assert "20" not in lines.split("edges")[1], "nine pupils are between 20 and 25"
    codes, setting = drawn_codes(scores, [1] * 209)
    with pytest.raises(NotAnonymous, match="the quantiles of column score"):
        propose_quantile_bands(setting, codes)
    refused = setting_search.try_setting(setting, codes, setting.project, KEY, platform().floors)
    assert refused.refused
    assert refused.proposed == {}
