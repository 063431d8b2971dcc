"""A table opened for the verifier, whether it is a stage or published: log, columns, runs, pseudonyms."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql.types import StructType

from cohort.agreements.project import Project
from cohort.foundation.errors import StateRefused, expected
from cohort.states import schemas
from cohort.verification import contents, delta_log, pseudonyms, table_layout
from cohort.verification.findings import Finding, Findings
from cohort.verification.hierarchies import UNKNOWN, Ladder


def runs(files: list[Path], project: Project, *, control: bool) -> table_layout.Runs:
    own = project.sensitive
    name = None if own is None else own.name
    school = schemas.PSEUDONYMS[1] if project.pseudonymous else None
    return table_layout.read(files, project.column_names, control=control, sensitive=name, school=school)


def pseudonyms_of(files: list[Path], project: Project, *, control: bool) -> pseudonyms.Shown | None:
    if not project.pseudonymous:
        return None
    return pseudonyms.read(files, project.column_names, control=control)


def leaves(project: Project, ladders: dict[str, Ladder]) -> tuple[str, ...]:
    """The leaves of the sensitive column, in the order of its file."""
    return () if project.sensitive is None else ladders[project.sensitive.name].leaves


def values(project: Project, ladders: dict[str, Ladder]) -> tuple[str, ...]:
    """Its values: every leaf but `onbekend`."""
    return tuple(leaf for leaf in leaves(project, ladders) if leaf != UNKNOWN)


def log_of(table: Path) -> delta_log.Log:
    written = delta_log.read(table)
    if not written.commits:
        raise StateRefused(
            expected(
                "a table to verify",
                example="the stage that release printed",
                found="no log of one",
                where=f"{table.parent.name}/{table.name}",
                do="Make the release again",
            )
        )
    return written


def columns(read: StructType, project: Project, written: delta_log.Log, *, control_too: bool) -> list[Finding]:
    state = schemas.generalised(project.column_names, project.pseudonyms)
    if not control_too:
        state = StructType([field for field in state.fields if field.name not in schemas.CONTROL])
    shown = [name for name in read.fieldNames() if name not in schemas.CONTROL]
    logged = written.columns or [(field.name, field.dataType.jsonValue()) for field in read.fields]
    names = contents.look_at_names(shown, project) + pseudonyms.look_at_names(shown, project)
    return [*contents.look_at_schema(logged, read, state), *names]


def unfit(found: list[Finding]) -> Findings:
    looked_at = ("SCHEMA", "PROTOCOL", "PROPERTIES", "COMMIT", "LOG", "IDENTIFYING_COLUMN", "PSEUDONYM")
    rest = ("Nothing else was looked at: the table has another schema than was agreed.",)
    return Findings(tuple(found), looked_at, rest, {}, (0, "0-0"))
