"""The pipeline with a sensitive column: the verifier finds something only when a rule is forgotten."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_legal_basis import make_eligibility
from tests.unit.drawn_levels import project, restricted, results
from tests.unit.drawn_release import SCHOOLS, counts, pipeline_input, platform, subject

from cohort import delta
from cohort.agreements import privacy_model, project_hierarchies
from cohort.agreements.project import Project
from cohort.data_states.schemas import AcceptedResults
from cohort.foundation.errors import NotAnonymous
from cohort.legal_basis import objections_in_force
from cohort.release import stage_pipeline
from cohort.verification.stage_verification import verify_stage
from cohort.verification.verification_subject import VerificationSubject


def mixed(n: int) -> str:
    """Boys and girls have all levels."""
    return ("I", "II", "III", "IV", "V")[n // 2 % 5]


def alike(n: int) -> str:
    """Boys have one level but for five of the thirty; girls have all levels."""
    return ("I" if n % 14 else "V") if n % 2 == 0 else mixed(n)


def asked(**changes: Any) -> Project:
    """A project to which nothing matters as much as who is a boy."""
    own = project(**changes)
    columns = [column.model_copy(update={"weight": Decimal(50)}) for column in own.columns]
    return own.model_copy(update={"columns": [*own.columns[:3], columns[3], *own.columns[4:]]})


def made(spark: SparkSession, folder: Path, own: Project, level: Callable[[int], str] = alike) -> VerificationSubject:
    """A stage that the pipeline made, with everything it is held against."""
    results_at = restricted(spark, folder / "results", results(level))
    given = subject(folder, results_at, project=own)
    trees = project_hierarchies.load_hierarchies(own, given.hierarchies)
    lists = objections_in_force.load_objections(given.objections, given.platform.objections, given.today, ())
    rows = AcceptedResults(delta.read_table(spark, results_at).where("batch = 1"))
    held = make_eligibility(lists, SCHOOLS)
    way = stage_pipeline.run_release_pipeline(
        rows, pipeline_input(own, held, trees, floors=given.platform.floors), lambda *_: None
    )
    delta.write_new_table(way.rows, folder / "made", "proef-1", given.platform.tables)
    way.unpersist()
    own_counts = counts(pupils_released=way.recoding.released_pupils, pupils_suppressed=way.recoding.suppressed)
    return dataclasses.replace(given, table=folder / "made", counts=own_counts)


RULES: dict[str, Any] = {
    "largest_value": Decimal("0.6"),
    "distinct": 3,
    "entropy": Decimal("2.5"),
    "equal_closeness": Decimal("0.3"),
    "ordered_closeness": Decimal("0.1"),
}
"""Boys break each of them, where they have one level."""


@pytest.mark.parametrize("kind", ["global", "local"])
def test_a_release_under_every_sensitive_rule_passes_the_verifier(
    spark: SparkSession, tmp_path: Path, kind: str
) -> None:
    own = asked(**RULES)
    own = own.model_copy(update={"recoding": own.recoding.model_copy(update={"kind": kind})})
    assert verify_stage(spark, made(spark, tmp_path, own, mixed), deep=True).findings == ()


def test_a_release_in_which_every_class_would_be_blanked_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    """The girls are needed as the cover of the boys."""
    with pytest.raises(NotAnonymous, match="classes whose sensitive values may be shown"):
        made(spark, tmp_path, asked(**RULES))


def test_forgotten_sensitive_rules_are_refused_by_the_verifier(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetful = privacy_model.derive_value_rules(project(largest_value=Decimal("0.9")), platform().floors)
    monkeypatch.setattr(stage_pipeline, "derive_value_rules", lambda *_: forgetful)
    (finding,) = verify_stage(spark, made(spark, tmp_path, asked(**RULES))).findings
    assert finding.code == "SENSITIVE"
    assert f"({', '.join(RULES)})" in finding.sentence
