"""A table opened for the verifier, whether it is a stage or published: log, columns, runs, pseudonyms."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql.types import StructType

from cohort.agreements.project import Project
from cohort.foundation.errors import StateRefused, describe_problem
from cohort.states import schemas
from cohort.verification import delta_log_check, pseudonym_check, record_runs, released_value_check
from cohort.verification.findings import Finding, Findings
from cohort.verification.hierarchy_reader import UNKNOWN, Ladder


def runs(files: list[Path], project: Project, *, control: bool) -> record_runs.Runs:
    own = project.sensitive
    name = None if own is None else own.name
    school = schemas.PSEUDONYM_COLUMNS[1] if project.pseudonymous else None
    return record_runs.read(files, project.column_names, control=control, sensitive=name, school=school)


def pseudonyms_of(files: list[Path], project: Project, *, control: bool) -> pseudonym_check.Shown | None:
    if not project.pseudonymous:
        return None
    return pseudonym_check.read(files, project.column_names, control=control)


def leaves(project: Project, ladders: dict[str, Ladder]) -> tuple[str, ...]:
    """The leaves of the sensitive column, in the order of its file."""
    return () if project.sensitive is None else ladders[project.sensitive.name].leaves


def values(project: Project, ladders: dict[str, Ladder]) -> tuple[str, ...]:
    """Its values: every leaf but `onbekend`."""
    return tuple(leaf for leaf in leaves(project, ladders) if leaf != UNKNOWN)


def log_of(table: Path) -> delta_log_check.Log:
    written = delta_log_check.read(table)
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


def columns(read: StructType, project: Project, written: delta_log_check.Log, *, control_too: bool) -> list[Finding]:
    state = schemas.make_stage_schema(project.column_names, project.pseudonyms)
    if not control_too:
        state = StructType([field for field in state.fields if field.name not in schemas.CONTROL_COLUMNS])
    shown = [name for name in read.fieldNames() if name not in schemas.CONTROL_COLUMNS]
    logged = written.columns or [(field.name, field.dataType.jsonValue()) for field in read.fields]
    names = released_value_check.look_at_names(shown, project) + pseudonym_check.look_at_names(shown, project)
    return [*released_value_check.look_at_schema(logged, read, state), *names]


def unfit(found: list[Finding]) -> Findings:
    looked_at = ("SCHEMA", "PROTOCOL", "PROPERTIES", "COMMIT", "LOG", "IDENTIFYING_COLUMN", "PSEUDONYM")
    rest = ("Nothing else was looked at: the table has another schema than was agreed.",)
    return Findings(tuple(found), looked_at, rest, {}, (0, "0-0"))
