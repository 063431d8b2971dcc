"""A release handed to the independent verifier, and refused when the verifier finds anything.

`release` verifies what it staged, `verify` repeats it on demand. The verifier itself is `cohort.verification`; here is
only what it is given, and what its findings lead to.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import fields, replace

from pyspark.sql import SparkSession

from cohort.foundation import StageListener
from cohort.keys import ProjectKey
from cohort.release.release_task import ReleaseTask
from cohort.release_records import RecordedFinding, ReleaseRecord, find_published_record, refuse_release
from cohort.storage import StorageZones
from cohort.verification import (
    EarlyReading,
    Finding,
    PublishedPredecessor,
    RecordedCovariance,
    ReleaseSources,
    VerificationResult,
    VerificationSubject,
    verify_rights,
    verify_stage,
)


def find_release_sources(task: ReleaseTask, key: ProjectKey, batches: tuple[int, ...]) -> ReleaseSources:
    """Find what the verifier judges a release by before there is a stage.

    Args:
        task: the release's surroundings and declaration.
        key: the project's key.
        batches: the batches of results that the release is made from.
    """
    zones = task.environment.zones
    return ReleaseSources(
        project=task.project,
        platform=task.environment.platform,
        key=key,
        results=zones.results,
        batches=batches,
        objections=zones.objections,
        instructions=zones.instructions,
        consents=zones.consents,
        hierarchies=task.environment.hierarchies,
        today=task.environment.today,
    )


def verify_staged_release(
    spark: SparkSession,
    task: ReleaseTask,
    key: ProjectKey,
    record: ReleaseRecord,
    *,
    deep: bool = False,
    early: EarlyReading | None = None,
    report: StageListener,
) -> VerificationResult:
    """Verify a staged release in full, against the lists as they are now and the published release.

    Args:
        spark: the session.
        task: the release's surroundings and declaration.
        key: the project's key.
        record: the exact record of the release.
        deep: whether every pupil's record is also rebuilt from the results.
        early: the verifier's reading of the results, where it began before there was a stage.
        report: receives the name and the outcome of each stage.
    """
    return verify_stage(spark, _verification_subject(task, key, record), deep=deep, early=early, report=report)


def check_published_eligibility(
    spark: SparkSession, task: ReleaseTask, key: ProjectKey, record: ReleaseRecord
) -> list[Finding]:
    """Find out whether a published pseudonymous table has pupils who may not be in it by the lists of today."""
    table = task.environment.zones.published_table(record.project)
    return verify_rights(spark, replace(_verification_subject(task, key, record), table=table))


def refuse_on_findings(
    zones: StorageZones, record: ReleaseRecord, verification: VerificationResult, now: dt.datetime
) -> None:
    """Refuse a release of which the verifier found anything: its record says what, its stage is removed."""
    if verification.findings:
        findings = [
            RecordedFinding(code=one.code, sentence=one.sentence, count=one.count) for one in verification.findings
        ]
        refuse_release(zones, record, findings=findings, refused=str(now))


def _verification_subject(task: ReleaseTask, key: ProjectKey, record: ReleaseRecord) -> VerificationSubject:
    zones, project = task.environment.zones, task.project
    snapshots = zones.release_snapshots(record.project)
    published = None if project.is_pseudonymous else find_published_record(zones, record.project)
    predecessor = None
    if published is not None:
        table = zones.published_table(record.project)
        predecessor = PublishedPredecessor(snapshots / str(published.release), table, allows_new_pupils=record.wave)
    sources = find_release_sources(task, key, record.batches)
    return VerificationSubject(
        **{field.name: getattr(sources, field.name) for field in fields(sources)},
        table=zones.staged_release(record.project, record.release),
        release_id=record.id,
        counts=record.counts.made(),
        snapshot=None if project.is_pseudonymous else snapshots / str(record.release),
        predecessor=predecessor,
        covariances=_recorded_covariances(record),
    )


def _recorded_covariances(record: ReleaseRecord) -> tuple[RecordedCovariance, ...]:
    """Return the covariance matrices of a record as the verifier takes them."""
    matrices = () if record.class_means is None else record.class_means.covariances
    return tuple(RecordedCovariance(one.group, one.degrees_of_freedom, one.columns, one.rows) for one in matrices)
