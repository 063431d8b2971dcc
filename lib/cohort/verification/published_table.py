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
from cohort.keys.project_keys import Key
from cohort.states import schemas
from cohort.verification import (
    anonymity,
    boards,
    consents,
    contents,
    control_columns,
    delta_log,
    list_reading,
    opened_table,
    pseudonyms,
    sensitive_columns,
    table_layout,
)
from cohort.verification.findings import Finding, Findings, Subject, tell, tell_names
from cohort.verification.hierarchies import of_project

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
    governing: tuple[Key, dt.date] | None = None,
) -> Findings:
    """What a published table's own bytes can still tell.

    Takes: the table, the release it should show and its exact number of rows, the hierarchies, beside which
    the school list stands; of a pseudonymous one the key and the day by which a school's boards are known.
    Refuses: a table that is not there (exit code 15); a pseudonymous one without the key (a defect).
    """
    written = opened_table.log_of(table)
    protocol, properties = delta.detail(table)
    wanted = delta.properties(platform.tables) | own_properties(project, release_id)
    found = delta_log.look_at_protocol(
        dict(zip(("minReaderVersion", "minWriterVersion"), protocol, strict=True)), properties, wanted
    )
    notes = [c.note for c in delta.history(table) if not c.operation.startswith("VACUUM")]
    found += tell("COMMIT", int(notes[:1] != [release_id]))
    files = sorted(table / name for name in delta.current_files(table))
    found += delta_log.look_at_traces(written, files)
    told = opened_table.columns(delta.read(spark, table).schema, project, written, control_too=False)
    if any(finding.code == "SCHEMA" for finding in told):
        return opened_table.unfit(found + told)
    runs = opened_table.runs(files, project, control=False)
    shown = dict(zip(runs.columns, runs.labels, strict=True))
    found += told + table_layout.look(runs)
    ladders = of_project(project, hierarchies)
    found += contents.look_at_values(shown, ladders)
    known = opened_table.pseudonyms_of(files, project, control=False)
    found += pseudonyms.look(known) if known else []
    limits = anonymity.limits(project, platform)
    groups = runs.home
    if known:
        governed = _governed(hierarchies, runs, governing)
        classes, measures = anonymity.look(runs, limits, governed)
        groups = anonymity.at_boards(runs, governed)
    else:
        classes, measures = anonymity.look_at_size(runs, limits)
    held_to = sensitive_columns.limits(project, platform)
    values = opened_table.values(project, ladders)
    given_away, shares = sensitive_columns.look(runs, values, held_to, None, groups)
    wrong = ["the table has another number of rows"] if runs.released != released else []
    found += classes + given_away + tell_names("SUMS", wrong)
    gone = (
        *(GONE_BUT_PSEUDONYMS if known else GONE),
        *(NO_COHORT if held_to is not None and held_to.of_the_cohort else ()),
        *(NOT_BLANKED if held_to is not None else ()),
    )
    gone += ("The log's checkpoints are not decoded.",) if written.checkpointed else ()
    checked = (*OF_THE_BYTES, *(OF_PSEUDONYMS if known else ()))
    checksum = known.checksum if known else table_layout.checksum(runs)
    return Findings(tuple(found), checked, gone, measures | shares, checksum)


def _governed(hierarchies: Path, runs: table_layout.Runs, governing: tuple[Key, dt.date] | None) -> boards.Governed:
    if governing is None:
        raise TypeError("the boards of a pseudonymous table cannot be known without its key")
    key, today = governing
    return boards.read(hierarchies.parent / "scholen.csv", key, runs.schools, today)


def look_for_barred(
    spark: SparkSession, table: Path, key: Key, numbers: Iterable[str], schools: Iterable[str] = ()
) -> list[Finding]:
    """OBJECTOR: pupils of a published pseudonymous table who are among these numbers, or of these schools."""
    pupil, school = schemas.PSEUDONYMS
    barred = pseudonyms.of_listed(spark, numbers, key)
    digests = [digest.hex() for digest in key.digests(f"brin|{brin}" for brin in sorted(schools))]
    closed = control_columns.local(spark, {school: pa.array(digests, pa.string())})
    shown = delta.read(spark, table).select(pupil, school)
    listed = shown.join(F.broadcast(barred), pupil, "left_semi").count()
    return tell("OBJECTOR", listed + shown.join(F.broadcast(closed), school, "left_semi").count())


def check_rights(spark: SparkSession, subject: Subject) -> list[Finding]:
    """OBJECTOR, INSTRUCTION, CONSENT: pupils of a published pseudonymous table who may not be in it today, or
    not with their special-category value.

    Takes: as `stage` the published table.
    Refuses: lists that intake would refuse (exit codes 12 and 17).
    """
    known = list_reading.read(subject)
    pupil, school = schemas.PSEUDONYMS
    listed = control_columns.barred_pupils(spark, known.barred, control_columns.results(spark, subject))
    shown = delta.read(spark, subject.stage).select(pupil, school)
    objected = shown.join(pseudonyms.of(spark, listed, subject.key), pupil, "left_semi").count()
    asked = sorted(brin for brin, sites in known.asked.sites.items() if any(sites.values()))
    digests = [digest.hex() for digest in subject.key.digests(f"brin|{brin}" for brin in asked)]
    instructed = control_columns.local(spark, {school: pa.array(digests, pa.string())})
    others = shown.join(F.broadcast(instructed), school, "left_anti").count()
    table = delta.read(spark, subject.stage).withColumn(schemas.PUPIL, F.unhex(pupil))
    unwilling = consents.look(spark, subject, table, known.consenting)
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
