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
from cohort.verification.findings import (
    Finding,
    VerificationResult,
    VerificationSubject,
    finding_if_any,
    finding_naming,
)
from cohort.verification.hierarchy_reader import read_hierarchy_paths

PUBLISHED_TABLE_CODES = (
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
PSEUDONYMOUS_TABLE_CODES = ("SCHOOLS", "SHARE", "OTHERS", "BOARDS", "BOARD_SHARE", "BOARD_OTHERS", "PUPIL_TWICE")
NOT_REPEATED_ANONYMOUS = (
    "Schools and boards per class, the largest share and the pupils without the largest school or board are "
    "not repeated: a published table says nothing of schools.",
    "Objections, pseudonyms, the pupils' true values and the difference to the release before are not "
    "repeated: a published table says nothing of pupils.",
)
HIDING_NOT_REPEATED = (
    "Whether sensitive values are hidden by whole classes, with covers, is not repeated: "
    "a published table says nothing of values that it does not show.",
)
NOT_REPEATED_PSEUDONYMOUS = (
    "A pupil counts at the school of the latest result only: a published table names no other.",
    "The pupils' true values are not repeated: a published table says nothing of their numbers.",
)
DISTANCE_NOT_REPEATED = (
    "The distance of a class's sensitive values to those of all pupils is not repeated: "
    "a published table says nothing of the pupils who were left out.",
)


def verify_published_table(
    spark: SparkSession,
    project: Project,
    platform: Platform,
    table: Path,
    release_id: str,
    released: int,
    hierarchies: Path,
    governing: tuple[ProjectKey, dt.date] | None = None,
) -> VerificationResult:
    """What a published table's own bytes can still tell.

    Takes: the table, the release it should show and its exact number of rows, the hierarchies, beside which
    the school list stands; of a pseudonymous one the key and the day by which a school's boards are known.
    Refuses: a table that is not there (exit code 15); a pseudonymous one without the key (a defect).
    """
    written = opened_table.log_of(table)
    protocol, properties = delta.read_protocol_and_properties(table)
    wanted = delta.make_table_properties(platform.tables) | published_table_properties(project, release_id)
    found = delta_log_check.check_protocol(
        dict(zip(("minReaderVersion", "minWriterVersion"), protocol, strict=True)), properties, wanted
    )
    notes = [c.note for c in delta.read_commits(table) if not c.operation.startswith("VACUUM")]
    found += finding_if_any("COMMIT", int(notes[:1] != [release_id]))
    files = sorted(table / name for name in delta.list_current_names(table))
    found += delta_log_check.check_log_traces(written, files)
    told = opened_table.columns(delta.read_table(spark, table).schema, project, written, control_too=False)
    if any(finding.code == "SCHEMA" for finding in told):
        return opened_table.unfit(found + told)
    runs = opened_table.runs(files, project, control=False)
    shown = dict(zip(runs.columns, runs.labels, strict=True))
    found += told + record_runs.check_file_layout(runs)
    ladders = read_hierarchy_paths(project, hierarchies)
    found += released_value_check.check_released_values(shown, ladders)
    known = opened_table.pseudonyms_of(files, project, control=False)
    found += pseudonym_check.check_pseudonyms(known) if known else []
    limits = class_size_check.class_size_limits(project, platform)
    groups = runs.home
    if known:
        governed = _governed(hierarchies, runs, governing)
        classes, measures = class_size_check.check_class_sizes(runs, limits, governed)
        groups = class_size_check.count_pupils_per_board(runs, governed)
    else:
        classes, measures = class_size_check.check_smallest_class(runs, limits)
    held_to = sensitive_attribute_check.sensitive_attribute_limits(project, platform)
    values = opened_table.values(project, ladders)
    given_away, shares = sensitive_attribute_check.check_sensitive_attribute(runs, values, held_to, None, groups)
    wrong = ["the table has another number of rows"] if runs.released != released else []
    found += classes + given_away + finding_naming("SUMS", wrong)
    gone = (
        *(NOT_REPEATED_PSEUDONYMOUS if known else NOT_REPEATED_ANONYMOUS),
        *(DISTANCE_NOT_REPEATED if held_to is not None and held_to.of_the_cohort else ()),
        *(HIDING_NOT_REPEATED if held_to is not None else ()),
    )
    gone += ("The log's checkpoints are not decoded.",) if written.checkpointed else ()
    checked = (*PUBLISHED_TABLE_CODES, *(PSEUDONYMOUS_TABLE_CODES if known else ()))
    checksum = known.checksum if known else record_runs.released_checksum(runs)
    return VerificationResult(tuple(found), checked, gone, measures | shares, checksum)


def _governed(
    hierarchies: Path, runs: record_runs.RecordRuns, governing: tuple[ProjectKey, dt.date] | None
) -> board_reader.BoardsOfSchools:
    if governing is None:
        raise TypeError("the boards of a pseudonymous table cannot be known without its key")
    key, today = governing
    return board_reader.read_boards_of_schools(hierarchies.parent / "scholen.csv", key, runs.schools, today)


def check_excluded_pupils(
    spark: SparkSession, table: Path, key: ProjectKey, numbers: Iterable[str], schools: Iterable[str] = ()
) -> list[Finding]:
    """OBJECTOR: pupils of a published pseudonymous table who are among these numbers, or of these schools."""
    pupil, school = schemas.PSEUDONYM_COLUMNS
    barred = pseudonym_check.listed_pupil_pseudonyms(spark, numbers, key)
    digests = [digest.hex() for digest in key.digest_texts(f"brin|{brin}" for brin in sorted(schools))]
    closed = control_column_check.driver_frame(spark, {school: pa.array(digests, pa.string())})
    shown = delta.read_table(spark, table).select(pupil, school)
    listed = shown.join(F.broadcast(barred), pupil, "left_semi").count()
    return finding_if_any("OBJECTOR", listed + shown.join(F.broadcast(closed), school, "left_semi").count())


def verify_rights(spark: SparkSession, subject: VerificationSubject) -> list[Finding]:
    """OBJECTOR, INSTRUCTION, CONSENT: pupils of a published pseudonymous table who may not be in it today, or
    not with their special-category value.

    Takes: as `stage` the published table.
    Refuses: lists that intake would refuse (exit codes 12 and 17).
    """
    known = permission_reader.read_usage_permissions(subject)
    pupil, school = schemas.PSEUDONYM_COLUMNS
    listed = control_column_check.excluded_pupils_frame(
        spark, known.barred, control_column_check.read_release_results(spark, subject)
    )
    shown = delta.read_table(spark, subject.stage).select(pupil, school)
    objected = shown.join(pseudonym_check.pupil_pseudonyms(spark, listed, subject.key), pupil, "left_semi").count()
    asked = sorted(brin for brin, sites in known.asked.sites.items() if any(sites.values()))
    digests = [digest.hex() for digest in subject.key.digest_texts(f"brin|{brin}" for brin in asked)]
    instructed = control_column_check.driver_frame(spark, {school: pa.array(digests, pa.string())})
    others = shown.join(F.broadcast(instructed), school, "left_anti").count()
    table = delta.read_table(spark, subject.stage).withColumn(schemas.PUPIL_CONTROL, F.unhex(pupil))
    unwilling = consent_check.check_consents(spark, subject, table, known.consenting)
    return [*finding_if_any("OBJECTOR", objected), *finding_if_any("INSTRUCTION", others), *unwilling]


def published_table_properties(project: Project, release_id: str) -> dict[str, str]:
    """What a published table declares of its release."""
    limits = project.thresholds
    return {
        "cohort.release": release_id,
        "cohort.class": project.release_class,
        "cohort.k": str(limits.k),
        "cohort.m": str(limits.m),
        "cohort.expires": project.ends.isoformat(),
        **({"cohort.personal_data": "true"} if project.is_pseudonymous else {}),
    }
