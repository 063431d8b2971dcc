"""A table opened for the verifier, whether it is a stage or published: log, columns, runs, pseudonyms."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql.types import StructType

from cohort.agreements.project import Project
from cohort.foundation.errors import StateRefused, describe_problem
from cohort.states import schemas
from cohort.verification import delta_log_check, pseudonym_check, record_runs, released_value_check
from cohort.verification.findings import Finding, VerificationResult
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF, HierarchyPaths


def runs(files: list[Path], project: Project, *, control: bool) -> record_runs.RecordRuns:
    own = project.sensitive_column
    name = None if own is None else own.name
    school = schemas.PSEUDONYM_COLUMNS[1] if project.is_pseudonymous else None
    return record_runs.read_record_runs(files, project.column_names, control=control, sensitive=name, school=school)


def pseudonyms_of(files: list[Path], project: Project, *, control: bool) -> pseudonym_check.PseudonymCounts | None:
    if not project.is_pseudonymous:
        return None
    return pseudonym_check.count_pseudonyms(files, project.column_names, control=control)


def leaves(project: Project, ladders: dict[str, HierarchyPaths]) -> tuple[str, ...]:
    """The leaves of the sensitive column, in the order of its file."""
    return () if project.sensitive_column is None else ladders[project.sensitive_column.name].leaves


def values(project: Project, ladders: dict[str, HierarchyPaths]) -> tuple[str, ...]:
    """Its values: every leaf but `onbekend`."""
    return tuple(leaf for leaf in leaves(project, ladders) if leaf != UNKNOWN_LEAF)


def log_of(table: Path) -> delta_log_check.CommitLog:
    written = delta_log_check.read_commit_log(table)
    if not written.commits:
        raise StateRefused(
            describe_problem(
                "a table to verify",
                example="the stage that release printed",
                found="no log of one",
                where=f"{table.parent.name}/{table.name}",
                do="Make the release again",
            )
        )
    return written


def columns(
    read: StructType, project: Project, written: delta_log_check.CommitLog, *, control_too: bool
) -> list[Finding]:
    state = schemas.make_stage_schema(project.column_names, project.pseudonym_columns)
    if not control_too:
        state = StructType([field for field in state.fields if field.name not in schemas.CONTROL_COLUMNS])
    shown = [name for name in read.fieldNames() if name not in schemas.CONTROL_COLUMNS]
    logged = written.columns or [(field.name, field.dataType.jsonValue()) for field in read.fields]
    names = released_value_check.check_column_names(shown, project) + pseudonym_check.check_pseudonym_columns(
        shown, project
    )
    return [*released_value_check.check_schema(logged, read, state), *names]


def unfit(found: list[Finding]) -> VerificationResult:
    looked_at = ("SCHEMA", "PROTOCOL", "PROPERTIES", "COMMIT", "LOG", "IDENTIFYING_COLUMN", "PSEUDONYM")
    rest = ("Nothing else was looked at: the table has another schema than was agreed.",)
    return VerificationResult(tuple(found), looked_at, rest, {}, (0, "0-0"))
