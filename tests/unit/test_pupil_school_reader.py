"""The verifier's reading of pupils and schools before there is a stage: used, read again, or thrown away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_release as drawn
from tests.unit.drawn_release import Stage, bsn, counts, subject

from cohort.foundation import ObjectionsRefused
from cohort.verification import pupil_school_reader, stage_verification
from cohort.verification.pupil_school_reader import PupilSchools, read_pupil_schools_early


@pytest.fixture(scope="module")
def results_at(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn.write_results(one_spark, tmp_path_factory.mktemp("restricted") / "results")


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[PupilSchools]:
    """Every reading of the results, as it is made."""
    made: list[PupilSchools] = []
    read = pupil_school_reader.read_pupil_schools

    def read_and_note(*arguments: Any) -> PupilSchools:
        made.append(read(*arguments))
        return made[-1]

    monkeypatch.setattr(pupil_school_reader, "read_pupil_schools", read_and_note)
    monkeypatch.setattr(stage_verification, "read_pupil_schools", read_and_note)
    return made


def is_cached(one: PupilSchools) -> bool:
    return bool(one.frame.storageLevel.useMemory)


def test_pairs_that_were_read_early_are_not_read_again(
    spark: SparkSession, tmp_path: Path, results_at: Path, readings: list[PupilSchools]
) -> None:
    examined = subject(tmp_path, results_at)
    with read_pupil_schools_early(spark, examined) as early:
        early.start()
        result = stage_verification.verify_stage(spark, examined, early=early)
    assert (result.findings, len(readings)) == ((), 1)
    assert (readings[0].pupils, readings[0].without_instruction) == (counts()["pupils_records"], 0)
    assert not is_cached(readings[0])


def test_pairs_are_read_again_when_a_list_changed_meanwhile(
    spark: SparkSession, tmp_path: Path, results_at: Path, readings: list[PupilSchools]
) -> None:
    examined = subject(tmp_path, results_at)
    with read_pupil_schools_early(spark, examined) as early:
        early.start()
        early.result()
        drawn.write_list(examined.objections, [f"{bsn(4)};;2026-01-01;;alles"])
        result = stage_verification.verify_stage(spark, examined, early=early)
    assert len(readings) == 2
    assert {finding.code for finding in result.findings} == {"OBJECTOR", "SUMS"}
    assert not any(map(is_cached, readings))


def test_without_an_early_reading_the_verifier_reads(
    spark: SparkSession, tmp_path: Path, results_at: Path, readings: list[PupilSchools]
) -> None:
    examined = subject(tmp_path, results_at)
    with read_pupil_schools_early(spark, examined) as early:
        assert stage_verification.verify_stage(spark, examined, early=early).findings == ()
    assert len(readings) == 1


def test_a_failed_release_leaves_nothing_of_an_early_reading(
    spark: SparkSession, tmp_path: Path, results_at: Path, readings: list[PupilSchools]
) -> None:
    examined = subject(tmp_path, results_at)

    def fail_beside_the_reading() -> None:
        with read_pupil_schools_early(spark, examined) as early:
            early.start()
            raise LookupError

    with pytest.raises(LookupError):
        fail_beside_the_reading()
    assert not any(map(is_cached, readings))


def test_a_refused_list_refuses_when_the_reading_is_asked_for(
    spark: SparkSession, tmp_path: Path, results_at: Path
) -> None:
    examined = subject(tmp_path, results_at)
    for declaration in examined.objections.glob("*.toml"):
        declaration.unlink()
    with read_pupil_schools_early(spark, examined) as early:
        early.start()
        with pytest.raises(ObjectionsRefused):
            early.result()


def test_an_objector_at_an_untrue_school_is_still_an_objector(
    spark: SparkSession, tmp_path: Path, results_at: Path
) -> None:
    stage = Stage()
    stage.rows[4]["_school"] = drawn.mac("brin|" + next(code for code in drawn.SCHOOLS if code != drawn.school_of(4)))
    examined = subject(tmp_path, results_at, stage)
    drawn.write_list(examined.objections, [f"{bsn(4)};;2026-01-01;;alles"])
    result = stage_verification.verify_stage(spark, examined)
    by_code = {finding.code: finding.count for finding in result.findings}
    assert (by_code["OBJECTOR"], by_code["SCHOOL_UNTRUE"]) == (1, 1)
    assert "PUPIL_UNKNOWN" not in by_code
