"""The stages that schools and parents decide on, and what intake keeps of special values, on drawn rows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.unit import drawn_release
from tests.unit.drawn_results import COLUMNS, column, drawn, frame, hierarchy, pgn, project, result

from cohort import delta
from cohort.agreements.project import Project
from cohort.anonymisation import pupil_records
from cohort.anonymisation.search_input import PupilCounts
from cohort.data_states.schemas import (
    HOME_SCHOOL,
    INSTRUCTED_SCHOOL,
    PGN,
    RESULTS_PARTITION,
    RESULTS_SCHEMA,
    ROW_COUNT,
    SCORE_COLUMNS,
    SELECTED_ROW_COUNT,
    ConsentedResults,
    InstructedResults,
)
from cohort.erasure import consent_expiry
from cohort.legal_basis import consent_suppression, instruction_filter
from cohort.legal_basis.consent_register import NO_CONSENTED_PUPILS, ConsentedPupils
from cohort.legal_basis.instruction_register import InstructedSchools
from cohort.release import accounting
from cohort.release.stage_pipeline import PipelineResult
from cohort.storage.zone_paths import StorageZones

CONSENTED = ConsentedPupils(frozenset({(pgn(1), "studie"), (pgn(2), "tempo")}))


def special(**changes: Any) -> Project:
    """The level of `studie` is a special category; the score of reading is not."""
    own = column("beste", result=result("studie", "highest")) | {
        "role": "sensitive",
        "constraint": {"largest_value": Decimal("0.8"), "distinct": 2},
        "legal_ground": "AVG art. 9 lid 2 onder a",
    }
    return project([COLUMNS[1], own], **changes)


def summarise_rows(rows: DataFrame) -> list[tuple[str, str, bool]]:
    """Of each row its pupil, its domain, and whether a score is there."""
    any_score = F.coalesce(*(F.col(name).cast("string") for name in SCORE_COLUMNS)).isNotNull()
    collected = rows.select("pgn", "domein", any_score).collect()
    return sorted((row[0].lstrip("0"), row[1], row[2]) for row in collected)


def test_rows_are_marked_with_the_instruction_of_their_site(spark: SparkSession) -> None:
    rows = [
        row | {"vestiging": site, "pgn": pgn(n)}
        for n, (brin, site) in enumerate(
            [("10AA", "00"), ("10AA", "02"), ("10AB", "00"), ("10AB", "01"), ("10AC", "00")]
        )
        for row in drawn(n, f"brin\n{brin}")
    ]
    schools = InstructedSchools({"10AA": (True, frozenset({"02"})), "10AB": (False, frozenset({"01"}))})
    marked = instruction_filter.mark_instructed_rows(frame(spark, rows), schools)
    assert marked.columns == [*RESULTS_SCHEMA.names, INSTRUCTED_SCHOOL]
    has_instruction = F.col(INSTRUCTED_SCHOOL).isNotNull()
    instructed = sorted((r.brin, r.vestiging, r[INSTRUCTED_SCHOOL]) for r in marked.where(has_instruction).collect())
    assert (marked.count(), instructed) == (5, [("10AA", "00", 6760), ("10AB", "01", 6761)])
    nowhere = instruction_filter.mark_instructed_rows(frame(spark, rows), InstructedSchools({}))
    assert (nowhere.count(), nowhere.where(has_instruction).count()) == (5, 0)


MIXED = """
domein   bijzonder waarde
lezen    nee       12
studie   ja        A
"""


def test_special_values_are_shown_only_with_consent_to_their_domain(spark: SparkSession) -> None:
    rows = [row for n in (1, 2, 3) for row in drawn(n, MIXED)]
    selected = pupil_records.select_project_results(frame(spark, rows), special())
    blanked = consent_suppression.suppress_unconsented_values(InstructedResults(selected), CONSENTED, special())
    assert summarise_rows(blanked) == [
        ("1", "lezen", True),
        ("1", "studie", True),
        ("2", "lezen", True),
        ("2", "studie", False),
        ("3", "lezen", True),
        ("3", "studie", False),
    ]


def test_the_selection_of_rows_does_not_depend_on_consent(spark: SparkSession) -> None:
    """A special result without its value, as intake leaves it without a consent, is a row like any other."""
    rows = [*drawn(1, "domein bijzonder waarde\nstudie ja A"), *drawn(2, "domein bijzonder waarde\nstudie ja -")]
    selected = pupil_records.select_project_results(frame(spark, rows), special())
    assert summarise_rows(selected) == [("1", "studie", True), ("2", "studie", False)]


def test_a_project_without_a_legal_ground_selects_no_special_row(spark: SparkSession) -> None:
    project_without_ground = project([COLUMNS[1], column("beste", result=result("studie", "highest"))])
    selected = pupil_records.select_project_results(frame(spark, drawn(1, MIXED)), project_without_ground)
    assert summarise_rows(selected) == [("1", "lezen", True)]
    assert summarise_rows(
        consent_suppression.suppress_unconsented_values(
            InstructedResults(selected), NO_CONSENTED_PUPILS, project_without_ground
        )
    ) == summarise_rows(selected)


def test_ingestion_keeps_special_values_only_with_consent(spark: SparkSession) -> None:
    rows = frame(spark, [row for n in (1, 2) for row in drawn(n, MIXED)])
    kept = consent_suppression.suppress_values_at_intake(rows, CONSENTED)
    assert kept.columns == rows.columns
    assert summarise_rows(kept) == [
        ("1", "lezen", True),
        ("1", "studie", True),
        ("2", "lezen", True),
        ("2", "studie", False),
    ]
    assert [
        shows_value
        for *_, shows_value in summarise_rows(consent_suppression.suppress_values_at_intake(rows, NO_CONSENTED_PUPILS))
    ] == [True, False] * 2


@pytest.mark.parametrize(("special", "remaining"), [(False, "7"), (True, None), (None, None)])
def test_no_special_value_reaches_the_quarantine(
    spark: SparkSession, special: bool | None, remaining: str | None
) -> None:
    sent = F.struct(*(F.lit("7").alias(name) for name in ("pgn", *SCORE_COLUMNS)))
    row = frame(spark, drawn(1, "domein waarde\nrekenen 12")).withColumn("bijzonder", F.lit(special))
    refused = consent_suppression.suppress_special_values(row.withColumn("_raw", sent), "_raw")
    (collected,) = refused.collect()
    assert {collected["_raw"][name] for name in SCORE_COLUMNS} == {remaining}
    assert collected["_raw"]["pgn"] == "7"
    assert (collected["vaardigheidsscore"] is None) == (remaining is None)


@pytest.fixture
def ingested(spark: SparkSession, tmp_path: Path) -> StorageZones:
    zones = StorageZones(tmp_path)
    delta.create_table(
        spark, zones.results, RESULTS_SCHEMA, drawn_release.platform().tables, partitioned_by=RESULTS_PARTITION
    )
    rows = [row for n in (1, 2, 3) for row in drawn(n, MIXED)]
    delta.append_rows(frame(spark, rows), zones.results, "batch 1")
    return zones


def test_a_consent_that_ended_empties_the_value_in_every_file(spark: SparkSession, ingested: StorageZones) -> None:
    path = ingested.results
    assert consent_expiry.erase_expired_consent_values(spark, ingested, CONSENTED)
    assert summarise_rows(delta.read_table(spark, path)) == [
        (str(n), domain, domain == "lezen" or n == 1) for n in (1, 2, 3) for domain in ("lezen", "studie")
    ]
    assert {file.name for file in path.rglob("*.parquet")} == delta.list_current_names(path)
    written = "".join(file.read_text() for file in (path / "_delta_log").glob("*.json"))
    assert not any(pgn(n) in written for n in (1, 2, 3))
    versions = len(delta.read_commits(path))
    assert not consent_expiry.erase_expired_consent_values(spark, ingested, CONSENTED)  # nothing to do: nothing written
    assert len(delta.read_commits(path)) == versions


def test_a_run_killed_before_the_vacuum_is_completed_by_the_next(
    spark: SparkSession, ingested: StorageZones, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(delta, "vacuum_table_or_refuse", raise_killed)
        with pytest.raises(KeyboardInterrupt):
            consent_expiry.erase_expired_consent_values(spark, ingested, CONSENTED)
    path = ingested.results
    assert {file.name for file in path.rglob("*.parquet")} > delta.list_current_names(path)
    assert consent_expiry.erase_expired_consent_values(spark, ingested, CONSENTED)
    assert {file.name for file in path.rglob("*.parquet")} == delta.list_current_names(path)


def test_results_are_searched_again_only_when_consents_change(spark: SparkSession, ingested: StorageZones) -> None:
    everybody = ConsentedPupils(frozenset({(pgn(n), "studie") for n in (1, 2, 3)}))
    assert not consent_expiry.erase_expired_consent_values(spark, ingested, everybody)
    assert not consent_expiry.erase_expired_consent_values(spark, ingested, everybody)
    assert consent_expiry.erase_expired_consent_values(spark, ingested, CONSENTED)
    shows_value = [row for row in summarise_rows(delta.read_table(spark, ingested.results)) if row[1] == "studie"]
    assert shows_value == [("1", "studie", True), ("2", "studie", False), ("3", "studie", False)]
    assert consent_expiry.erase_expired_consent_values(spark, ingested, NO_CONSENTED_PUPILS)


def test_no_value_of_a_row_without_an_instruction_is_in_a_record(spark: SparkSession) -> None:
    """The newest row, with another school and sex, is of a school without one; the third pupil has no other row."""
    later = "brin peildag geslacht\n10AB 2025-03-03 2"
    rows = [*drawn(1, "brin\n10AA"), *drawn(1, later), *drawn(2, "brin\n10AA"), *drawn(3, "brin\n10AB")]
    schools = InstructedSchools({"10AA": (True, frozenset())})
    marked = instruction_filter.mark_instructed_rows(frame(spark, rows), schools)
    declared = project([COLUMNS[0], column("sekse", attribute="geslacht")])
    trees = {"laatste": hierarchy("laatste"), "sekse": hierarchy("geslacht")}
    made = pupil_records.make_pupil_records(ConsentedResults(marked), declared, trees).collect()
    counted = {row[PGN]: (row[SELECTED_ROW_COUNT], row[ROW_COUNT], row[HOME_SCHOOL] is None) for row in made}
    assert counted == {1: (2, 1, False), 2: (1, 1, False), 3: (1, 0, True)}
    shown = {row[PGN]: (row[HOME_SCHOOL], row["sekse"]) for row in made}
    assert shown[1] == shown[2]


def test_the_sums_of_a_release_close_or_it_is_a_defect(spark: SparkSession) -> None:
    counts = PupilCounts(
        pupils=2,
        set_aside=0,
        rows=2,
        rows_used=2,
        without_instruction=1,
        objected=1,
        rows_without_instruction=2,
        rows_objected=3,
    )
    pipeline_result = PipelineResult(
        rows=frame(spark, []),
        recoding=_Recoding(),
        counts=counts,
        values={},
        value_counts=None,
        blanking=None,
        members=frame(spark, []),
        linked=None,
        withdrawn=0,
        measured=None,
        cached_frames=(),
    )
    closed = accounting.close_release_counts(9, pipeline_result).made()
    assert (closed["rows_current"], closed["rows_not_selected"], closed["pupils_records"]) == (9, 2, 4)
    with pytest.raises(AssertionError, match="do not close"):
        accounting.close_release_counts(6, pipeline_result)
    with pytest.raises(AssertionError, match="do not close"):
        accounting.close_release_counts(9, replace(pipeline_result, withdrawn=1))


class _Recoding:
    released_pupils, suppressed = 2, 0
