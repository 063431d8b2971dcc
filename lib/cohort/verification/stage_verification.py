"""Full verification of a staged release against the project, the results, the lists and the published release.

`verify_stage` is what every release must pass before publication. It shares no code with what makes releases,
except the declarations (`agreements`), `keys` (only it sees secrets), `delta` (only it speaks Delta), `data_states`,
`storage` and `foundation`; what `keys` and `delta` compute for it is compared with independent code by tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from cohort.delta import make_table_properties, read_table
from cohort.storage import StoragePath
from cohort.verification.accounting_check import check_accounting
from cohort.verification.band_bound_check import check_band_bounds
from cohort.verification.board_reader import BoardsOfSchools, boards_of_schools_frame, read_boards_of_schools
from cohort.verification.class_mean_check import check_class_means
from cohort.verification.class_size_check import (
    ClassMeasures,
    check_class_sizes,
    count_pupils_per_board,
    effective_class_limits,
)
from cohort.verification.consent_check import check_consents
from cohort.verification.control_column_check import check_control_columns, count_control_columns
from cohort.verification.delta_log_check import (
    CommitLog,
    check_log_traces,
    check_protocol,
    check_single_commit,
    read_required_log,
)
from cohort.verification.file_layout_check import check_file_layout
from cohort.verification.findings import Finding, VerificationResult
from cohort.verification.hidden_value_check import check_hidden_values
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF, HierarchyPaths, read_hierarchy_paths
from cohort.verification.permission_reader import UsagePermissions, read_usage_permissions
from cohort.verification.pseudonym_check import PseudonymCounts, check_pseudonyms, count_pseudonyms
from cohort.verification.published_table_verification import PUBLISHED_TABLE_CODES, unfit_schema_result
from cohort.verification.pupil_school_reader import EarlyReading, PupilSchools, read_pupil_schools
from cohort.verification.record_rebuild_check import check_rebuilt_records, count_cohort_values, rebuild_records
from cohort.verification.record_runs import IntArray, RecordRuns, read_released_runs
from cohort.verification.release_difference_check import check_release_difference
from cohort.verification.released_checksum import released_checksum
from cohort.verification.released_value_check import check_lower_case_school_codes, check_released_values
from cohort.verification.schema_check import check_columns
from cohort.verification.sensitive_attribute_check import (
    SensitiveAttribute,
    check_sensitive_attribute,
    effective_sensitive_limits,
)
from cohort.verification.sensitive_difference_check import find_sensitive_differences
from cohort.verification.verification_subject import VerificationSubject

STAGE_CODES = (
    *PUBLISHED_TABLE_CODES,
    "SCHOOLS",
    "SHARE",
    "OTHERS",
    "BOARDS",
    "BOARD_SHARE",
    "BOARD_OTHERS",
    "OBJECTOR",
    "INSTRUCTION",
    "CONSENT",
    "PUPIL_UNKNOWN",
    "PUPIL_TWICE",
    "SCHOOL_UNTRUE",
    "BLANKED",
    "DIFFERENCE",
)
"""The finding codes that the verification of a stage checks; with `deep` also REBUILT."""


@dataclass(frozen=True, eq=False)
class _OpenedStage:
    """A stage with everything read that several checks need."""

    spark: SparkSession
    subject: VerificationSubject
    rows: DataFrame
    runs: RecordRuns
    pseudonyms: PseudonymCounts | None
    hierarchies: dict[str, HierarchyPaths]
    permissions: UsagePermissions
    boards: BoardsOfSchools
    attribute: SensitiveAttribute | None


def verify_stage(
    spark: SparkSession,
    subject: VerificationSubject,
    *,
    deep: bool = False,
    early: EarlyReading | None = None,
    report: Callable[[str, str], None] = lambda *_: None,
) -> VerificationResult:
    """Check a staged release for every finding code.

    Args:
        spark: the session.
        subject: the release and what it is checked against.
        deep: whether to rebuild and compare every pupil's record as well.
        early: the pairs of pupils and schools, if they were read before; used if the lists still say the same.
        report: receives the name and outcome of each group of checks when it is done.

    Returns:
        The findings; any one refuses the release. A stage with another schema is not checked further.

    Raises:
        StateRefused: the stage, or the snapshot of the published release, is not there (exit code 15).
        ObjectionsRefused: objection lists that ingestion refuses too (exit code 12).
        RightsRefused: instruction or consent lists that a release refuses too (exit code 17).
        ConfigurationRefused: a hierarchy or the school list cannot be read (exit code 10).
    """
    # 1. Read the lists, so that nothing is verified against lists that nobody may use.
    permissions = read_usage_permissions(subject)
    hierarchies = read_hierarchy_paths(subject.project, subject.hierarchies)

    # 2. Log and schema.
    log = read_required_log(subject.table)
    files = [subject.table / name for name in log.added_files]
    findings = _check_log(subject, log, files)
    rows = read_table(spark, subject.table)
    schema_findings = check_columns(rows.schema, subject.project, log, control=True)
    if any(finding.code == "SCHEMA" for finding in schema_findings):
        return unfit_schema_result(findings + schema_findings)
    report("checked log and schema", "")

    # 3. Files, values and classes.
    stage = _open_stage(spark, subject, rows, files, (hierarchies, permissions))
    findings += schema_findings + _check_files_and_values(stage)
    class_findings, measures = _check_classes(stage)
    report("checked classes", f"{stage.runs.class_count}, {stage.runs.released_rows} rows")

    # 4. Results and lists.
    pupil_schools = _read_pupil_schools(stage, early)
    findings += class_findings + _check_against_results(stage, pupil_schools)
    pupil_schools.unpersist()
    report("checked control columns against results and lists", "")

    # 5. The published release.
    findings += _check_difference(stage)
    if subject.predecessor is not None:
        report("checked the difference from the published release", "")

    # 6. Every record.
    if deep:
        findings += check_rebuilt_records(spark, subject, rows, hierarchies, permissions)
        report("checked rebuilt records", "")
    checked = (*STAGE_CODES, "REBUILT") if deep else STAGE_CODES
    checksum = stage.pseudonyms.checksum if stage.pseudonyms else released_checksum(stage.runs)
    return VerificationResult(tuple(findings), checked, (), measures, checksum)


def _check_log(subject: VerificationSubject, log: CommitLog, files: list[StoragePath]) -> list[Finding]:
    properties = log.last_action("metaData").get("configuration", {})
    required = make_table_properties(subject.platform.tables)
    return [
        *check_protocol(log.last_action("protocol"), properties, required),
        *check_single_commit(log, subject.release_id),
        *check_log_traces(log, files),
    ]


def _open_stage(
    spark: SparkSession,
    subject: VerificationSubject,
    rows: DataFrame,
    files: list[StoragePath],
    agreed: tuple[dict[str, HierarchyPaths], UsagePermissions],
) -> _OpenedStage:
    hierarchies, permissions = agreed
    project = subject.project
    runs = read_released_runs(files, project, control=True)
    return _OpenedStage(
        spark,
        subject,
        rows,
        runs,
        count_pseudonyms(files, project.released_names, control=True) if project.is_pseudonymous else None,
        hierarchies,
        permissions,
        read_boards_of_schools(subject.school_list, subject.key, runs.schools, subject.today),
        _sensitive_attribute(spark, subject, hierarchies, permissions),
    )


def _sensitive_attribute(
    spark: SparkSession,
    subject: VerificationSubject,
    hierarchies: dict[str, HierarchyPaths],
    permissions: UsagePermissions,
) -> SensitiveAttribute | None:
    """Return the sensitive column; where a distance was agreed, with the cohort counted from the results."""
    column = subject.project.sensitive_column
    limits = effective_sensitive_limits(subject.project, subject.platform)
    if column is None or limits is None:
        return None
    leaves = hierarchies[column.name].leaves
    cohort: IntArray | None = None
    if limits.compare_with_cohort:
        counts = count_cohort_values(spark, subject, hierarchies, column.name, permissions)
        cohort = np.delete(counts, leaves.index(UNKNOWN_LEAF))
    return SensitiveAttribute(column.name, leaves, limits, cohort)


def _check_files_and_values(stage: _OpenedStage) -> list[Finding]:
    values = stage.runs.values_by_column
    findings = check_file_layout(stage.runs) + check_released_values(values, stage.hierarchies)
    findings += check_band_bounds(stage.runs, stage.subject.project)
    if not any(finding.code == "LOOKS_LIKE_SCHOOL" for finding in findings):
        findings += check_lower_case_school_codes(stage.spark, stage.subject, values)
    return findings + (check_pseudonyms(stage.pseudonyms) if stage.pseudonyms else [])


def _check_classes(stage: _OpenedStage) -> tuple[list[Finding], ClassMeasures]:
    limits = effective_class_limits(stage.subject.project, stage.subject.platform)
    findings, measures = check_class_sizes(stage.runs, limits, stage.boards)
    if stage.attribute is None:
        return findings, measures
    board_counts = count_pupils_per_board(stage.runs, stage.boards)  # what holds for boards holds for their schools
    sensitive_findings, sensitive_measures = check_sensitive_attribute(stage.runs, stage.attribute, board_counts)
    return findings + sensitive_findings, measures | sensitive_measures


def _read_pupil_schools(stage: _OpenedStage, early: EarlyReading | None) -> PupilSchools:
    """Return the pairs that were read early, or read them: where nobody did, or the lists have changed since."""
    read_before = early.result() if early is not None else None
    if read_before is not None and read_before.permissions == stage.permissions:
        return read_before
    return read_pupil_schools(stage.spark, stage.subject, stage.permissions)


def _check_against_results(stage: _OpenedStage, pupil_schools: PupilSchools) -> list[Finding]:
    spark, subject, permissions = stage.spark, stage.subject, stage.permissions
    counts = count_control_columns(spark, stage.rows, pupil_schools)
    findings = [
        *check_control_columns(counts),
        *check_accounting(subject.counts, counts, stage.runs.released_rows),
        *check_consents(spark, subject, stage.rows, permissions.consenting),
    ]
    means = bool(subject.project.mean_columns)
    if stage.attribute is None and not means:
        return findings
    records = rebuild_records(spark, subject, stage.hierarchies, permissions)
    school_boards = boards_of_schools_frame(spark, stage.runs.schools, stage.boards)
    if stage.attribute is not None:
        findings += check_hidden_values(spark, subject, stage.rows, records, stage.attribute, school_boards)
    if means:
        limits = effective_class_limits(subject.project, subject.platform)
        rows = (stage.rows, stage.runs)
        findings += check_class_means(spark, subject, rows, records, school_boards, limits)
    return findings


def _check_difference(stage: _OpenedStage) -> list[Finding]:
    spark, subject = stage.spark, stage.subject
    k = effective_class_limits(subject.project, subject.platform).k
    sensitive_cases = (
        {} if stage.attribute is None else find_sensitive_differences(spark, subject, stage.rows, stage.attribute)
    )
    return check_release_difference(spark, subject, stage.rows, k, sensitive_cases)
