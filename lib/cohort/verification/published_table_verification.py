"""What a published table's own bytes can still tell, and who may not be in it any more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.keys.project_keys import ProjectKey
from cohort.states import schemas
from cohort.verification import (
    board_reader,
    class_size_check,
    consent_check,
    control_column_check,
    delta_log_check,
    opened_table,
    permission_reader,
    pseudonym_check,
    record_runs,
    released_value_check,
    sensitive_attribute_check,
)
from cohort.verification.findings import Finding, Findings, Subject, tell, tell_names
from cohort.verification.hierarchy_reader import of_project

OF_THE_BYTES = (
    "SCHEMA",
    "PROTOCOL",
    "PROPERTIES",
    "COMMIT",
    "LOG",
    "IDENTIFYING_COLUMN",
    "VALUE_NULL",
    "VALUE_NOT_IN_HIERARCHY",
    "LOOKS_LIKE_PUPIL",
    "LOOKS_LIKE_SCHOOL",
    "PSEUDONYM",
    "ORDER",
    "SPLIT",
    "K",
    "SENSITIVE",
    "SUMS",
)
OF_PSEUDONYMS = ("SCHOOLS", "SHARE", "OTHERS", "BOARDS", "BOARD_SHARE", "BOARD_OTHERS", "PUPIL_TWICE")
GONE = (
    "Schools and boards per class, the largest share and the pupils without the largest school or board are "
    "not repeated: a published table says nothing of schools.",
    "Objections, pseudonyms, the pupils' true values and the difference to the release before are not "
    "repeated: a published table says nothing of pupils.",
)
NOT_BLANKED = (
    "Whether sensitive values are hidden by whole classes, with covers, is not repeated: "
    "a published table says nothing of values that it does not show.",
)
GONE_BUT_PSEUDONYMS = (
    "A pupil counts at the school of the latest result only: a published table names no other.",
    "The pupils' true values are not repeated: a published table says nothing of their numbers.",
)
NO_COHORT = (
    "The distance of a class's sensitive values to those of all pupils is not repeated: "
    "a published table says nothing of the pupils who were left out.",
)


def check_published(
    spark: SparkSession,
    project: Project,
    platform: Platform,
    table: Path,
    release_id: str,
    released: int,
    hierarchies: Path,
    governing: tuple[ProjectKey, dt.date] | None = None,
) -> Findings:
    """What a published table's own bytes can still tell.

    Takes: the table, the release it should show and its exact number of rows, the hierarchies, beside which
    the school list stands; of a pseudonymous one the key and the day by which a school's boards are known.
    Refuses: a table that is not there (exit code 15); a pseudonymous one without the key (a defect).
    """
    written = opened_table.log_of(table)
    protocol, properties = delta.read_protocol_and_properties(table)
    wanted = delta.table_properties(platform.tables) | own_properties(project, release_id)
    found = delta_log_check.look_at_protocol(
        dict(zip(("minReaderVersion", "minWriterVersion"), protocol, strict=True)), properties, wanted
    )
    notes = [c.note for c in delta.read_commits(table) if not c.operation.startswith("VACUUM")]
    found += tell("COMMIT", int(notes[:1] != [release_id]))
    files = sorted(table / name for name in delta.list_current_names(table))
    found += delta_log_check.look_at_traces(written, files)
    told = opened_table.columns(delta.read_table(spark, table).schema, project, written, control_too=False)
    if any(finding.code == "SCHEMA" for finding in told):
        return opened_table.unfit(found + told)
    runs = opened_table.runs(files, project, control=False)
    shown = dict(zip(runs.columns, runs.labels, strict=True))
    found += told + record_runs.look(runs)
    ladders = of_project(project, hierarchies)
    found += released_value_check.look_at_values(shown, ladders)
    known = opened_table.pseudonyms_of(files, project, control=False)
    found += pseudonym_check.look(known) if known else []
    limits = class_size_check.limits(project, platform)
    groups = runs.home
    if known:
        governed = _governed(hierarchies, runs, governing)
        classes, measures = class_size_check.look(runs, limits, governed)
        groups = class_size_check.at_boards(runs, governed)
    else:
        classes, measures = class_size_check.look_at_size(runs, limits)
    held_to = sensitive_attribute_check.limits(project, platform)
    values = opened_table.values(project, ladders)
    given_away, shares = sensitive_attribute_check.look(runs, values, held_to, None, groups)
    wrong = ["the table has another number of rows"] if runs.released != released else []
    found += classes + given_away + tell_names("SUMS", wrong)
    gone = (
        *(GONE_BUT_PSEUDONYMS if known else GONE),
        *(NO_COHORT if held_to is not None and held_to.of_the_cohort else ()),
        *(NOT_BLANKED if held_to is not None else ()),
    )
    gone += ("The log's checkpoints are not decoded.",) if written.checkpointed else ()
    checked = (*OF_THE_BYTES, *(OF_PSEUDONYMS if known else ()))
    checksum = known.checksum if known else record_runs.checksum(runs)
    return Findings(tuple(found), checked, gone, measures | shares, checksum)


def _governed(
    hierarchies: Path, runs: record_runs.Runs, governing: tuple[ProjectKey, dt.date] | None
) -> board_reader.Governed:
    if governing is None:
        raise TypeError("the boards of a pseudonymous table cannot be known without its key")
    key, today = governing
    return board_reader.read(hierarchies.parent / "scholen.csv", key, runs.schools, today)


def look_for_barred(
    spark: SparkSession, table: Path, key: ProjectKey, numbers: Iterable[str], schools: Iterable[str] = ()
) -> list[Finding]:
    """OBJECTOR: pupils of a published pseudonymous table who are among these numbers, or of these schools."""
    pupil, school = schemas.PSEUDONYM_COLUMNS
    barred = pseudonym_check.of_listed(spark, numbers, key)
    digests = [digest.hex() for digest in key.digests(f"brin|{brin}" for brin in sorted(schools))]
    closed = control_column_check.local(spark, {school: pa.array(digests, pa.string())})
    shown = delta.read_table(spark, table).select(pupil, school)
    listed = shown.join(F.broadcast(barred), pupil, "left_semi").count()
    return tell("OBJECTOR", listed + shown.join(F.broadcast(closed), school, "left_semi").count())


def check_rights(spark: SparkSession, subject: Subject) -> list[Finding]:
    """OBJECTOR, INSTRUCTION, CONSENT: pupils of a published pseudonymous table who may not be in it today, or
    not with their special-category value.

    Takes: as `stage` the published table.
    Refuses: lists that intake would refuse (exit codes 12 and 17).
    """
    known = permission_reader.read(subject)
    pupil, school = schemas.PSEUDONYM_COLUMNS
    listed = control_column_check.barred_pupils(spark, known.barred, control_column_check.results(spark, subject))
    shown = delta.read_table(spark, subject.stage).select(pupil, school)
    objected = shown.join(pseudonym_check.of(spark, listed, subject.key), pupil, "left_semi").count()
    asked = sorted(brin for brin, sites in known.asked.sites.items() if any(sites.values()))
    digests = [digest.hex() for digest in subject.key.digests(f"brin|{brin}" for brin in asked)]
    instructed = control_column_check.local(spark, {school: pa.array(digests, pa.string())})
    others = shown.join(F.broadcast(instructed), school, "left_anti").count()
    table = delta.read_table(spark, subject.stage).withColumn(schemas.PUPIL_CONTROL, F.unhex(pupil))
    unwilling = consent_check.look(spark, subject, table, known.consenting)
    return [*tell("OBJECTOR", objected), *tell("INSTRUCTION", others), *unwilling]


def own_properties(project: Project, release_id: str) -> dict[str, str]:
    """What a published table declares of its release."""
    limits = project.thresholds
    return {
        "cohort.release": release_id,
        "cohort.class": project.release_class,
        "cohort.k": str(limits.k),
        "cohort.m": str(limits.m),
        "cohort.expires": project.ends.isoformat(),
        **({"cohort.personal_data": "true"} if project.pseudonymous else {}),
    }
