"""The independent verifier: a stage or a published table, held against what was agreed and delivered.

It shares no step with the code that makes releases: both meet in the project's declaration, in `schema`, in
`keys` (one room holds the secret) and in `tables` (one room speaks Delta). What these two give is held to
other code by tests: HMACs to Python's own, Spark's checksum to numpy's. Its rooms:

    findings    what is verified, the codes of what can be found
    log         the table's log and the files' footers, as text
    layout      the files as runs of equal rows; their order and split
    contents    columns and values              numbers     what is the number of a pupil
    boards      whose pupils a board knows      anonymity   k, m, largest share, others
    sensitive   what classes give away          blanked     values hidden by whole classes
    filed       lists, read again               rights      who is barred by them
    renumbered  changes of pupil numbers        declared    lists of one kind
    instruction which schools instructed us     consent     who consents to special values
    lists       all of these together
    control     whose rows these are            pseudonyms  what is shown of pupils and schools
    sums        whether all is accounted for    rebuild     every record made again (`--deep`)
    difference  what subtracting it shows
    opened      a table's log, columns, runs    published   what a published table can still tell
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.verification import (
    accounting_check,
    board_reader,
    class_size_check,
    consent_check,
    control_column_check,
    delta_log_check,
    hidden_value_check,
    opened_table,
    permission_reader,
    pseudonym_check,
    record_rebuild_check,
    record_runs,
    release_difference_check,
    released_value_check,
    sensitive_attribute_check,
)
from cohort.verification.findings import Finding, VerificationResult, VerificationSubject, finding_naming
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF, HierarchyPaths, read_hierarchy_paths
from cohort.verification.permission_reader import UsagePermissions
from cohort.verification.published_table_verification import PUBLISHED_TABLE_CODES
from cohort.verification.record_runs import IntArray

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


def verify_stage(
    spark: SparkSession,
    subject: VerificationSubject,
    *,
    deep: bool = False,
    report: Callable[[str, str], None] = lambda *_: None,
) -> VerificationResult:
    """Everything that can be looked for in a stage.

    Takes: the stage and what it is held against; `deep` to make every record again; who is told of each
    check that is done, its name and what it saw.
    Gives: the findings; any one refuses the release. A stage of another schema is looked at no further.
    Refuses: a stage that is not there (exit code 15), lists that intake would refuse (exit codes 12
    and 17).
    """
    known = permission_reader.read_usage_permissions(subject)
    ladders = read_hierarchy_paths(subject.project, subject.hierarchies)
    written = opened_table.log_of(subject.stage)
    files = [subject.stage / name for name in written.added]
    found = delta_log_check.check_protocol(
        written.last("protocol"),
        written.last("metaData").get("configuration", {}),
        delta.make_table_properties(subject.platform.tables),
    )
    found += delta_log_check.check_single_commit(written, subject.release_id) + delta_log_check.check_log_traces(
        written, files
    )
    stage = delta.read_table(spark, subject.stage)
    misfits = opened_table.columns(stage.schema, subject.project, written, control_too=True)
    if any(finding.code == "SCHEMA" for finding in misfits):
        return opened_table.unfit(found + misfits)
    report("checked log and schema", "")
    runs = opened_table.runs(files, subject.project, control=True)
    found += misfits + record_runs.check_file_layout(runs) + _values(spark, subject, runs, ladders)
    shown = opened_table.pseudonyms_of(files, subject.project, control=True)
    found += pseudonym_check.check_pseudonyms(shown) if shown else []
    governed = board_reader.read_boards_of_schools(subject.school_list, subject.key, runs.schools, subject.today)
    classes, measures = class_size_check.check_class_sizes(
        runs, class_size_check.class_size_limits(subject.project, subject.platform), governed
    )
    leaves, cohort = opened_table.leaves(subject.project, ladders), _cohort(spark, subject, ladders, known)
    held_to, values = (
        sensitive_attribute_check.sensitive_attribute_limits(subject.project, subject.platform),
        opened_table.values(subject.project, ladders),
    )
    of_boards = class_size_check.count_pupils_per_board(runs, governed)  # what holds for boards holds for their schools
    given_away, shares = sensitive_attribute_check.check_sensitive_attribute(runs, values, held_to, cohort, of_boards)
    classes, measures = classes + given_away, measures | shares
    report("checked classes", f"{runs.classes}, {runs.released} rows")
    counted = control_column_check.count_control_columns(spark, subject, stage, known.barred, known.asked, runs.schools)
    found += (
        classes
        + control_column_check.check_control_columns(counted)
        + accounting_check.check_accounting(subject.counts, counted, runs.released)
    )
    found += consent_check.check_consents(spark, subject, stage, known.consenting)
    if held_to is not None:
        records = record_rebuild_check.rebuild_records(spark, subject, ladders, known)
        known_by = board_reader.boards_of_schools_frame(spark, runs.schools, governed)
        found += hidden_value_check.check_hidden_values(
            spark, subject, stage, records, leaves, held_to, cohort, known_by
        )
    report("checked control columns against results and lists", "")
    k = class_size_check.class_size_limits(subject.project, subject.platform).k
    found += release_difference_check.check_release_difference(spark, subject, stage, k, leaves, held_to, cohort)
    if subject.before is not None:
        report("checked the difference to the published release", "")
    if deep:
        found += record_rebuild_check.check_rebuilt_records(spark, subject, stage, ladders, known)
        report("checked records, each made again", "")
    checked = (*STAGE_CODES, "REBUILT") if deep else STAGE_CODES
    return VerificationResult(
        tuple(found), checked, (), measures, shown.checksum if shown else record_runs.released_checksum(runs)
    )


def _cohort(
    spark: SparkSession, subject: VerificationSubject, ladders: dict[str, HierarchyPaths], known: UsagePermissions
) -> IntArray | None:
    """All pupils per sensitive value, last those with another one; counted from the results, where a distance
    to them was agreed.
    """
    own, held_to = (
        subject.project.sensitive_column,
        sensitive_attribute_check.sensitive_attribute_limits(subject.project, subject.platform),
    )
    if own is None or held_to is None or not held_to.of_the_cohort:
        return None
    counted = record_rebuild_check.count_cohort_values(spark, subject, ladders, own.name, known)
    return np.delete(counted, ladders[own.name].leaves.index(UNKNOWN_LEAF))


def _values(
    spark: SparkSession, subject: VerificationSubject, runs: record_runs.RecordRuns, ladders: dict[str, HierarchyPaths]
) -> list[Finding]:
    """What the values say; a code in small letters is looked up among the schools of the results."""
    shown = dict(zip(runs.columns, runs.labels, strict=True))
    found = released_value_check.check_released_values(shown, ladders)
    already = any(finding.code == "LOOKS_LIKE_SCHOOL" for finding in found)
    possible = {} if already else released_value_check.find_lower_case_school_codes(shown)
    if possible:
        asked = control_column_check.driver_frame(spark, {"brin": pa.array(sorted(possible), pa.string())})
        schools = control_column_check.read_release_results(spark, subject).select("brin").distinct()
        hits = asked.join(F.broadcast(schools), "brin", "left_semi").collect()
        found += finding_naming("LOOKS_LIKE_SCHOOL", {name for hit in hits for name in possible[hit.brin]})
    return found
