"""A published table verified again, as far as its own bytes allow; one that fails is closed at once.

What fails is written down before anything else, so that no job opens the table until a clean verification
took the note away; then readers are shown out; and only then it is said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyspark.sql import SparkSession

from cohort import delta
from cohort.access import table_access
from cohort.foundation import json_documents
from cohort.foundation.errors import NotAnonymous, Refusal, RightsRefused, StateRefused, describe_problem, locate_defect
from cohort.keys.project_keys import ProjectKey
from cohort.release import staged_verification
from cohort.release.release_task import ReleaseTask
from cohort.release_records import release_states
from cohort.release_records.release_record import ReleaseRecord
from cohort.verification import published_table_verification
from cohort.verification.findings import VerificationResult


def reverify_published_table(
    spark: SparkSession, task: ReleaseTask, key: ProjectKey | None, record: ReleaseRecord
) -> VerificationResult:
    """Hold a published table against its record, the agreement and, with a key, the lists of today.

    Takes: the key of a pseudonymous project, none of another; the project's published release. The caller
    holds the project's lock.
    Gives: what was checked, without a finding: a note of an earlier failure is gone then.
    Refuses: a release whose rows are being withdrawn (exit code 15); anything found, other rows than were
    published, a table that cannot be read: nobody reads it any more (14).
    """
    project = task.project.name
    if release_states.withdrawal_journal_path(task.environment.zones, project).exists():
        raise StateRefused(
            describe_problem(
                "a release that stays as it is",
                example="one without a withdrawal under way",
                found="one whose rows are being withdrawn",
                where=f"restricted/records/{project}",
                do="Run objections, then verify again; until then nobody reads it",
            )
        )
    findings, problems, facts = _look(spark, task, key, record)
    if key is not None and not problems:
        barred = tuple(staged_verification.check_published_eligibility(spark, task, key, record))
        checked = (*findings.checked, "OBJECTOR", "INSTRUCTION")
        findings = replace(findings, found=(*findings.found, *barred), checked=checked)
        problems = _sentences(findings)
        facts = {"findings": sorted(findings.codes)}
    if problems:
        _close(task, record, problems, facts)
    release_states.failed_verification_path(task.environment.zones, project).unlink(missing_ok=True)
    return findings


def _look(
    spark: SparkSession, task: ReleaseTask, key: ProjectKey | None, record: ReleaseRecord
) -> tuple[VerificationResult, list[str], dict[str, Any]]:
    """What the table's bytes tell: the findings, a sentence for everything wrong, facts for the note."""
    table, project = task.environment.zones.published_table(record.project), record.project
    try:
        findings = published_table_verification.verify_published_table(
            spark,
            task.project,
            task.environment.platform,
            table,
            record.id,
            record.verified_checksum[0],
            task.environment.hierarchies,
            None if key is None else (key, task.environment.today),
        )
        problems = _sentences(findings)
        if findings.checksum != record.verified_checksum or not _has_its_rows(spark, task, record):
            problems.append(f"The table of {project} has other rows than were published.")
        if others := len(delta.list_foreign_files(table)):
            problems.append(f"In projects/{project} are {others} files that are not the table's.")
        return findings, problems, {"findings": sorted(findings.codes), "other_files": others}
    except Exception as failed:  # damaged bytes can break a reader anywhere; what cannot be verified is not
        if isinstance(failed, Refusal) and not isinstance(failed, StateRefused):
            raise  # of what is declared, not of the table
        why = f"{type(failed).__name__} at {locate_defect(failed)}"
        problem = f"The table of {project} could not be verified ({why})."
        return VerificationResult((), (), (), {}, (0, "")), [problem], {"findings": [], "defect": why}


def _sentences(findings: VerificationResult) -> list[str]:
    return [f"{one.code}: {one.sentence}" for one in findings.found]


def _has_its_rows(spark: SparkSession, task: ReleaseTask, record: ReleaseRecord) -> bool:
    rows = delta.read_table(spark, task.environment.zones.published_table(record.project))
    return delta.checksum_rows(rows) == record.verified_checksum


def _close(task: ReleaseTask, record: ReleaseRecord, problems: list[str], facts: dict[str, Any]) -> None:
    project = record.project
    note = release_states.failed_verification_path(task.environment.zones, project)
    json_documents.write_json_document(
        note, {"release": record.release, "at": str(task.environment.now), "problems": len(problems), **facts}
    )
    closed = f"Nobody reads projects/{project} any more."
    try:
        table_access.withdraw_access(
            task.environment.zones,
            task.environment.platform,
            project,
            table_access.VERIFICATION_FAILED,
            task.environment.now,
        )
    except RightsRefused as stays_open:
        closed = f"It could not be closed: {stays_open}"
    raise NotAnonymous(
        *problems,
        f"{closed} Find out who changed it or what was; put it back from a copy, or make and publish a new "
        "release; then run verify, and access after a clean one. Or destroy the project.",
    )
