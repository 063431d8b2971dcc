"""Verification of a published table: what its own files allow to check, and who may not be in it any more.

A published table has no control columns, so less can be checked than in its stage; the result says what was not.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.data_states import PSEUDONYM_COLUMNS, PUPIL_CONTROL
from cohort.delta import (
    list_current_names,
    make_table_properties,
    read_commits,
    read_protocol_and_properties,
    read_table,
)
from cohort.keys import ProjectKey
from cohort.storage import StoragePath
from cohort.verification.band_bound_check import check_band_bounds
from cohort.verification.board_reader import BoardsOfSchools, read_boards_of_schools
from cohort.verification.class_mean_check import check_shown_means
from cohort.verification.class_size_check import (
    ClassMeasures,
    check_class_sizes,
    check_smallest_class,
    count_pupils_per_board,
    effective_class_limits,
)
from cohort.verification.consent_check import check_consents
from cohort.verification.delta_log_check import (
    PROTOCOL_VERSIONS,
    CommitLog,
    check_log_traces,
    check_protocol,
    read_required_log,
)
from cohort.verification.file_layout_check import check_file_layout
from cohort.verification.findings import Finding, VerificationResult, finding_if_any, finding_naming
from cohort.verification.hierarchy_reader import HierarchyPaths, read_hierarchy_paths
from cohort.verification.objection_check import excluded_pupils_frame
from cohort.verification.permission_reader import read_usage_permissions
from cohort.verification.pseudonym_check import (
    check_pseudonyms,
    count_pseudonyms,
    listed_pupil_pseudonyms,
    pupil_pseudonyms,
)
from cohort.verification.record_runs import RecordRuns, read_released_runs
from cohort.verification.released_checksum import released_checksum
from cohort.verification.released_value_check import check_released_values
from cohort.verification.result_selection import driver_frame, read_release_results
from cohort.verification.schema_check import check_columns
from cohort.verification.sensitive_attribute_check import (
    SensitiveAttribute,
    check_sensitive_attribute,
    effective_sensitive_limits,
)
from cohort.verification.verification_subject import PublishedTable, VerificationSubject

PUBLISHED_TABLE_CODES = (
    "SCHEMA",
    "PROTOCOL",
    "PROPERTIES",
    "COMMIT",
    "LOG",
    "IDENTIFYING_COLUMN",
    "VALUE_NULL",
    "VALUE_NOT_IN_HIERARCHY",
    "BOUNDS",
    "MEANS",
    "LOOKS_LIKE_PUPIL",
    "LOOKS_LIKE_SCHOOL",
    "PSEUDONYM",
    "ORDER",
    "SPLIT",
    "K",
    "SENSITIVE",
    "SUMS",
)
"""The finding codes that can be checked in any published table."""
PSEUDONYMOUS_TABLE_CODES = ("SCHOOLS", "SHARE", "OTHERS", "BOARDS", "BOARD_SHARE", "BOARD_OTHERS", "PUPIL_TWICE")
"""The finding codes that can be checked besides where pseudonyms of pupils and schools are shown."""
UNFIT_SCHEMA_CODES = ("SCHEMA", "PROTOCOL", "PROPERTIES", "COMMIT", "LOG", "IDENTIFYING_COLUMN", "PSEUDONYM")
NOT_REPEATED_ANONYMOUS = (
    "Schools and boards per class, the largest share and the pupils without the largest school or board are "
    "not repeated: a published table does not name schools.",
    "Objections, pseudonyms, the pupils' true values and the difference to the release before are not "
    "repeated: a published table does not identify pupils.",
)
NOT_REPEATED_PSEUDONYMOUS = (
    "A pupil counts at the school of the latest result only: a published table names no other.",
    "The pupils' true values are not repeated: a published table does not show pupil numbers.",
)
HIDING_NOT_REPEATED = (
    "Whether sensitive values are hidden by whole classes, with covers, is not repeated: "
    "a published table does not tell the values that it hides.",
)
DISTANCE_NOT_REPEATED = (
    "The distance of a class's sensitive values to those of all pupils is not repeated: "
    "a published table does not hold the pupils who were suppressed.",
)
MEANS_NOT_REPEATED = (
    "That class means are those of their pupils' scores, and leave every score open, is not repeated: "
    "a published table does not hold the scores. After pupils left it a mean stays that of all whom it was made of.",
)
CHECKPOINTS_NOT_DECODED = ("The log's checkpoints are not decoded.",)


def verify_published_table(spark: SparkSession, published: PublishedTable) -> VerificationResult:
    """Check a published table as far as its own files allow.

    Args:
        spark: the session.
        published: the table and what it is checked against.

    Returns:
        The findings, and sentences on what could not be checked. A table with another schema is not checked further.

    Raises:
        StateRefused: the table is not there (exit code 15).
        ConfigurationRefused: a hierarchy or the school list cannot be read (exit code 10).
        TypeError: the key or the day of a pseudonymous table is missing: a defect of the caller.
    """
    project = published.project
    # 1. Log and schema.
    log = read_required_log(published.table)
    files = sorted(published.table / name for name in list_current_names(published.table))
    findings = _check_log(published, log, files)
    schema = read_table(spark, published.table).schema
    schema_findings = check_columns(schema, project, log, control=False)
    if any(finding.code == "SCHEMA" for finding in schema_findings):
        return unfit_schema_result(findings + schema_findings)

    # 2. Files, values and pseudonyms.
    runs = read_released_runs(files, project, control=False)
    hierarchies = read_hierarchy_paths(project, published.hierarchies)
    findings += schema_findings + check_file_layout(runs) + check_released_values(runs.values_by_column, hierarchies)
    findings += check_band_bounds(runs, project) + check_shown_means(runs, project)
    pseudonyms = count_pseudonyms(files, project.released_names, control=False) if project.is_pseudonymous else None
    findings += check_pseudonyms(pseudonyms) if pseudonyms else []

    # 3. Classes and number of rows.
    class_findings, measures = _check_classes(published, runs, hierarchies)
    is_wrong = runs.released_rows != published.released_rows
    findings += class_findings + finding_naming("SUMS", ["the table has another number of rows"] * is_wrong)
    return VerificationResult(
        tuple(findings),
        (*PUBLISHED_TABLE_CODES, *(PSEUDONYMOUS_TABLE_CODES if pseudonyms else ())),
        _list_not_repeated(published, log),
        measures,
        pseudonyms.checksum if pseudonyms else released_checksum(runs),
    )


def verify_rights(spark: SparkSession, subject: VerificationSubject) -> list[Finding]:
    """Check who may be in a published pseudonymous table by the lists of today: OBJECTOR, INSTRUCTION and CONSENT.

    Args:
        spark: the session.
        subject: the release; its table is the published one.

    Raises:
        ObjectionsRefused: objection lists that ingestion refuses too (exit code 12).
        RightsRefused: instruction or consent lists that a release refuses too (exit code 17).
    """
    permissions = read_usage_permissions(subject)
    pupil, school = PSEUDONYM_COLUMNS
    excluded = excluded_pupils_frame(spark, permissions.excluded, read_release_results(spark, subject))
    rows = read_table(spark, subject.table)
    objectors = rows.join(pupil_pseudonyms(spark, excluded, subject.key), pupil, "left_semi").count()
    digests = [digest.hex() for digest in subject.key.digest_texts(f"brin|{s}" for s in permissions.instructed.schools)]
    instructed = driver_frame(spark, {school: pa.array(digests, pa.string())})
    without_instruction = rows.join(F.broadcast(instructed), school, "left_anti").count()
    with_control = rows.withColumn(PUPIL_CONTROL, F.unhex(pupil))
    return [
        *finding_if_any("OBJECTOR", objectors),
        *finding_if_any("INSTRUCTION", without_instruction),
        *check_consents(spark, subject, with_control, permissions.consenting),
    ]


def check_excluded_pupils(
    spark: SparkSession, table: StoragePath, key: ProjectKey, numbers: Iterable[str], schools: Iterable[str] = ()
) -> list[Finding]:
    """Check OBJECTOR in a published pseudonymous table: nobody of these numbers, and nobody of these schools."""
    pupil, school = PSEUDONYM_COLUMNS
    excluded = listed_pupil_pseudonyms(spark, numbers, key)
    digests = [digest.hex() for digest in key.digest_texts(f"brin|{code}" for code in sorted(schools))]
    excluded_schools = driver_frame(spark, {school: pa.array(digests, pa.string())})
    rows = read_table(spark, table).select(pupil, school)
    listed = rows.join(F.broadcast(excluded), pupil, "left_semi").count()
    return finding_if_any("OBJECTOR", listed + rows.join(F.broadcast(excluded_schools), school, "left_semi").count())


def published_table_properties(project: Project, release_id: str) -> dict[str, str]:
    """Return the table properties by which a published table must declare its release."""
    thresholds = project.thresholds
    return {
        "cohort.release": release_id,
        "cohort.class": project.release_class,
        "cohort.k": str(thresholds.k),
        "cohort.m": str(thresholds.m),
        "cohort.expires": project.ends.isoformat(),
        **({"cohort.personal_data": "true"} if project.is_pseudonymous else {}),
    }


def place_properties(project: Project, release_id: str) -> dict[str, str]:
    """Return the properties that name where what belongs to a table stands; tables of earlier versions lack them."""
    return {
        "cohort.codebook": f"files/{project.name}/{release_id}.codebook.json",
        "cohort.report": f"reports/{project.name}",
        "cohort.twin": f"twins/{project.name}/table",
    }


def unfit_schema_result(findings: list[Finding]) -> VerificationResult:
    """Return the result for a table with another schema than agreed, of which nothing else can be checked."""
    not_checked = ("Nothing else was looked at: the table has another schema than was agreed.",)
    return VerificationResult(tuple(findings), UNFIT_SCHEMA_CODES, not_checked, {}, (0, "0-0"))


def _check_log(published: PublishedTable, log: CommitLog, files: list[StoragePath]) -> list[Finding]:
    versions, properties = read_protocol_and_properties(published.table)
    own = published_table_properties(published.project, published.release_id)
    places = place_properties(published.project, published.release_id)
    stated = {name: place for name, place in places.items() if name in properties}
    required = make_table_properties(published.platform.tables) | own | stated
    commits = read_commits(published.table)
    notes = [commit.note for commit in commits if not commit.operation.startswith("VACUUM")]
    return [
        *check_protocol(dict(zip(PROTOCOL_VERSIONS, versions, strict=True)), properties, required),
        *finding_if_any("COMMIT", int(notes[:1] != [published.release_id])),
        *check_log_traces(log, files),
    ]


def _check_classes(
    published: PublishedTable, runs: RecordRuns, hierarchies: dict[str, HierarchyPaths]
) -> tuple[list[Finding], ClassMeasures]:
    project = published.project
    class_limits = effective_class_limits(project, published.platform)
    groups = runs.home_counts
    if project.is_pseudonymous:
        boards = _read_boards(published, runs)
        findings, measures = check_class_sizes(runs, class_limits, boards)
        groups = count_pupils_per_board(runs, boards)
    else:
        findings, measures = check_smallest_class(runs, class_limits)
    column, limits = project.sensitive_column, effective_sensitive_limits(project, published.platform)
    if column is None or limits is None:
        return findings, measures
    attribute = SensitiveAttribute(column.name, hierarchies[column.name].leaves, limits)
    sensitive_findings, sensitive_measures = check_sensitive_attribute(runs, attribute, groups)
    return findings + sensitive_findings, measures | sensitive_measures


def _read_boards(published: PublishedTable, runs: RecordRuns) -> BoardsOfSchools:
    if published.key is None or published.today is None:
        raise TypeError("the boards of a pseudonymous table cannot be known without its key and the day")
    return read_boards_of_schools(published.school_list, published.key, runs.schools, published.today)


def _list_not_repeated(published: PublishedTable, log: CommitLog) -> tuple[str, ...]:
    limits = effective_sensitive_limits(published.project, published.platform)
    return (
        *(NOT_REPEATED_PSEUDONYMOUS if published.project.is_pseudonymous else NOT_REPEATED_ANONYMOUS),
        *(DISTANCE_NOT_REPEATED if limits is not None and limits.compare_with_cohort else ()),
        *(MEANS_NOT_REPEATED if published.project.mean_columns else ()),
        *(HIDING_NOT_REPEATED if limits is not None else ()),
        *(CHECKPOINTS_NOT_DECODED if log.has_checkpoint else ()),
    )
