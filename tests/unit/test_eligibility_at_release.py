"""A release of instructed schools and consenting pupils; and what the verifier finds once a gate is out.

School 10AF gave no instruction. The level of spelling is a special category: every third pupil consents.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.unit.drawn_legal_basis import write_consents, write_instructions
from tests.unit.drawn_levels import restricted, results, special
from tests.unit.drawn_release import SCHOOLS, TODAY, Row, bsn, pipeline_input, subject

from cohort import delta
from cohort.agreements import project_hierarchies
from cohort.data_states.schemas import INSTRUCTED_SCHOOL, AcceptedResults
from cohort.foundation.identifiers import brin_to_number_sql
from cohort.legal_basis import consent_register, consent_suppression, eligibility, instruction_filter
from cohort.legal_basis.list_vocabulary import ListVocabulary
from cohort.release import accounting, stage_pipeline
from cohort.storage.zone_paths import StorageZones
from cohort.verification.findings import VerificationResult
from cohort.verification.stage_verification import verify_stage

Patch = Callable[[pytest.MonkeyPatch], None]
MAY_NAME = ListVocabulary({*SCHOOLS}, {"proef"}, {"rekenen", "spelling"}, {"spelling"})
CONSENTING = [n for n in range(62) if n % 5 < 2]
OF_F = 10
"""Pupils whose results all come from school 10AF."""


def nothing(_: pytest.MonkeyPatch) -> None:
    """Every gate in its place."""


def instructions_ignored(patch: pytest.MonkeyPatch) -> None:
    school = F.expr(brin_to_number_sql("brin"))
    patch.setattr(
        instruction_filter, "mark_instructed_rows", lambda selected, _: selected.withColumn(INSTRUCTED_SCHOOL, school)
    )


def consents_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(consent_suppression, "suppress_unconsented_values", lambda rows, *_: rows)


def consent_of_everybody(patch: pytest.MonkeyPatch) -> None:
    """A reading of the lists that takes a consent to one project for a consent to all."""
    real = consent_register.ConsentRegister.pairs_in_force
    patch.setattr(consent_register.ConsentRegister, "pairs_in_force", lambda read, _, kinds: real(read, "ander", kinds))


@pytest.fixture(scope="module")
def results_at(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Levels that are special, kept for all pupils, as if another project had everybody's consent."""
    special_too = {"bijzonder": True}
    rows: list[Row] = [row | special_too if row["domein"] == "spelling" else row for row in results()]
    return restricted(one_spark, tmp_path_factory.mktemp("restricted") / "results", rows)


@pytest.fixture
def released(spark: SparkSession, tmp_path: Path, results_at: Path) -> Callable[[], VerificationResult]:
    """Makes and checks the release."""
    asked, until = special(), "2026-12-31"
    write_instructions(tmp_path, SCHOOLS[:-1], TODAY)
    ours = [f"{bsn(n)};spelling;proef;2026-01-01;{until};" for n in CONSENTING]
    theirs = [f"{bsn(n)};spelling;ander;2026-01-01;{until};" for n in range(62)]
    write_consents(tmp_path, [*ours, *theirs], TODAY)
    given = subject(tmp_path, results_at, project=asked)
    may_name = dataclasses.replace(MAY_NAME, projects={"proef", "ander"})

    def make() -> VerificationResult:
        held = eligibility.load_eligibility(StorageZones(tmp_path), given.platform, asked, TODAY, may_name)
        rows: Any = AcceptedResults(delta.read_table(spark, results_at).where("batch = 1"))
        trees = project_hierarchies.load_hierarchies(asked, given.hierarchies)
        way = stage_pipeline.run_release_pipeline(
            rows, pipeline_input(asked, held, trees, floors=given.platform.floors), lambda *_: None
        )
        delta.write_new_table(way.rows, tmp_path / "made", "proef-1", given.platform.tables)
        counts = accounting.close_release_counts(rows.count(), way).made()
        way.unpersist()
        made = dataclasses.replace(given, table=tmp_path / "made", counts=counts)
        return verify_stage(spark, made, deep=True)

    return make


BROKEN: list[tuple[Patch, set[str]]] = [
    (nothing, set()),
    (instructions_ignored, {"INSTRUCTION"}),
    (consents_ignored, {"CONSENT", "BLANKED"}),
    (consent_of_everybody, {"CONSENT", "BLANKED"}),
]


@pytest.mark.parametrize(("breaks", "codes"), BROKEN, ids=lambda x: getattr(x, "__name__", None))
def test_the_verifier_finds_every_disabled_stage_and_nothing_otherwise(
    released: Callable[[], VerificationResult], monkeypatch: pytest.MonkeyPatch, breaks: Patch, codes: set[str]
) -> None:
    breaks(monkeypatch)
    findings = released()
    assert findings.codes - {"REBUILT", "SUMS"} == codes
    if not codes:
        assert findings.findings == ()
    counts = {finding.code: finding.count for finding in findings.findings}
    if "INSTRUCTION" in codes:
        assert counts["INSTRUCTION"] == OF_F


def test_values_of_consenting_pupils_are_shown_and_no_count_reveals_them(
    spark: SparkSession, tmp_path: Path, released: Callable[[], VerificationResult]
) -> None:
    assert released().findings == ()
    shown = delta.read_table(spark, tmp_path / "made").where("niveau <> 'onbekend'")
    instructed = [n for n in CONSENTING if n < 60 and n // 10 % 6 != 5]
    assert shown.count() == len(instructed)
