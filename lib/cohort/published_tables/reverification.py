"""Reverification of a published table, as far as its own bytes allow; a table that fails is closed at once.

In: a published release, its record and, for a pseudonymous project, its key and the lists of today. Out: the checks
that were made, or a refusal. Called by the job `verify`. A failure is recorded before anything else, so that no job
opens the table until a clean verification removes the note; then access is withdrawn; only then is it reported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import ConfigDict
from pyspark.sql import SparkSession

from cohort.access import VERIFICATION_FAILED, withdraw_access
from cohort.delta import checksum_rows, list_foreign_files, read_table
from cohort.foundation import (
    DestructionIncomplete,
    NotAnonymous,
    Refusal,
    RightsRefused,
    StateRefused,
    describe_problem,
    locate_defect,
)
from cohort.keys import ProjectKey
from cohort.release import ReleaseTask, check_published_eligibility
from cohort.release_records import ReleaseRecord, failed_verification_path, withdrawal_journal_path
from cohort.research_files import remove_twin
from cohort.storage import DocumentPart, write_json_document
from cohort.verification import PublishedTable, VerificationResult, verify_published_table

NOTHING_VERIFIED = VerificationResult((), (), (), {}, (0, ""))


class FailedVerificationNote(DocumentPart):
    """The note that a published table failed its verification; nobody has access while it stands."""

    model_config = ConfigDict(json_schema_extra={"$id": "failed-verification-1"})

    release: int
    at: str
    problems: int
    findings: tuple[str, ...]
    """Codes of findings."""
    other_files: int | None = None
    """Files in the table's folder that are not the table's."""
    defect: str | None = None
    """The type and place of a defect, where the table could not be read."""


@dataclass(frozen=True)
class TableVerification:
    """The result of the verifier, a sentence per problem, and what a note of failure says of the table."""

    result: VerificationResult
    problems: list[str]
    other_files: int | None = None
    defect: str | None = None


def reverify_published_table(
    spark: SparkSession, task: ReleaseTask, key: ProjectKey | None, record: ReleaseRecord
) -> VerificationResult:
    """Verify a published table against its record, its project and, with a key, the lists of today.

    Args:
        spark: the session.
        task: the project and its surroundings; the caller holds the project's lock.
        key: the key of a pseudonymous project; None for an anonymous one.
        record: the published release.

    Returns:
        The checks that were made, without a finding; the note of an earlier failure is removed.

    Raises:
        StateRefused: a release whose rows are being withdrawn (exit code 15).
        NotAnonymous: any finding, other rows than were published, or a table that cannot be read; nobody has
            access any more (14).
    """
    zones = task.environment.zones
    _require_no_withdrawal(task)
    verification = _verify_table(spark, task, key, record)
    if key is not None and not verification.problems:
        verification = _with_eligibility(spark, task, key, record, verification.result)
    if verification.problems:
        close_failed_table(task, record, verification)
    failed_verification_path(zones, task.project.name).unlink(missing_ok=True)
    return verification.result


def _require_no_withdrawal(task: ReleaseTask) -> None:
    project = task.project.name
    if withdrawal_journal_path(task.environment.zones, project).exists():
        raise StateRefused(
            describe_problem(
                "a release that stays as it is",
                example="one without a withdrawal under way",
                found="one whose rows are being withdrawn",
                where=f"restricted/records/{project}",
                do="Run objections, then verify again; until then nobody reads it",
            )
        )


def _verify_table(
    spark: SparkSession, task: ReleaseTask, key: ProjectKey | None, record: ReleaseRecord
) -> TableVerification:
    """Verify the bytes of a table and compare its rows and files with its record."""
    environment, project = task.environment, record.project
    table = environment.zones.published_table(project)
    try:
        result = verify_published_table(
            spark,
            PublishedTable(
                project=task.project,
                platform=environment.platform,
                table=table,
                release_id=record.id,
                released_rows=record.verified_checksum[0],
                hierarchies=environment.hierarchies,
                key=key,
                today=environment.today,
            ),
        )
        problems = _describe_findings(result)
        rows = read_table(spark, table)
        if result.checksum != record.verified_checksum or checksum_rows(rows) != record.verified_checksum:
            problems.append(f"The table of {project} has other rows than were published.")
        other_files = len(list_foreign_files(table))
        if other_files:
            problems.append(f"In projects/{project} are {other_files} files that are not the table's.")
        return TableVerification(result, problems, other_files)
    except Exception as failure:  # damaged bytes can break a reader anywhere; what cannot be verified fails
        if isinstance(failure, Refusal) and not isinstance(failure, StateRefused):
            raise  # about a declaration, not about the table
        defect = f"{type(failure).__name__} at {locate_defect(failure)}"
        problem = f"The table of {project} could not be verified ({defect})."
        return TableVerification(NOTHING_VERIFIED, [problem], defect=defect)


def _with_eligibility(
    spark: SparkSession, task: ReleaseTask, key: ProjectKey, record: ReleaseRecord, result: VerificationResult
) -> TableVerification:
    """The result of the table's bytes, with the check of its pupils against the lists of today."""
    findings = check_published_eligibility(spark, task, key, record)
    checked = (*result.checked, "OBJECTOR", "INSTRUCTION")
    result = replace(result, findings=(*result.findings, *findings), checked=checked)
    return TableVerification(result, _describe_findings(result))


def _describe_findings(result: VerificationResult) -> list[str]:
    return [f"{finding.code}: {finding.sentence}" for finding in result.findings]


def close_failed_table(task: ReleaseTask, record: ReleaseRecord, verification: TableVerification) -> None:
    """Write the note of failure, withdraw access, remove the twin that was made from the table, and refuse.

    Args:
        task: the project and its surroundings.
        record: the published release.
        verification: what failed.

    Raises:
        NotAnonymous: always, with every problem (exit code 14).
    """
    environment, project = task.environment, record.project
    note = FailedVerificationNote(
        release=record.release,
        at=str(environment.now),
        problems=len(verification.problems),
        findings=tuple(sorted(verification.result.codes)),
        other_files=verification.other_files,
        defect=verification.defect,
    )
    path = failed_verification_path(environment.zones, project)
    write_json_document(path, note.model_dump(mode="json", exclude_none=True))
    outcome = f"Nobody reads projects/{project} any more."
    try:
        reason = VERIFICATION_FAILED
        withdraw_access(environment.zones, environment.platform, project, reason, environment.now)
    except RightsRefused as stays_open:
        outcome = f"It could not be closed: {stays_open}"
    try:
        if remove_twin(environment.zones, project):
            outcome = f"{outcome} Its twin was removed."
    except DestructionIncomplete as stays:
        outcome = f"{outcome} Its twin could not be removed: {stays}"
    raise NotAnonymous(
        *verification.problems,
        f"{outcome} Find out who changed it or what was; put it back from a copy, or make and publish a new "
        "release; then run verify, and access after a clean one. Or destroy the project.",
    )
