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
from cohort.verification.findings import Before, Finding, Findings, Subject, tell_names
from cohort.verification.hierarchy_reader import UNKNOWN, Ladder, of_project
from cohort.verification.permission_reader import Lists
from cohort.verification.published_table_verification import (
    OF_THE_BYTES,
    check_published,
    check_rights,
    look_for_barred,
    own_properties,
)
from cohort.verification.record_runs import Ints

__all__ = [
    "Before",
    "Finding",
    "Findings",
    "Subject",
    "check_published",
    "check_rights",
    "check_stage",
    "look_for_barred",
    "own_properties",
]

OF_A_STAGE = (
    *OF_THE_BYTES,
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


def check_stage(
    spark: SparkSession, subject: Subject, *, deep: bool = False, report: Callable[[str, str], None] = lambda *_: None
) -> Findings:
    """Everything that can be looked for in a stage.

    Takes: the stage and what it is held against; `deep` to make every record again; who is told of each
    check that is done, its name and what it saw.
    Gives: the findings; any one refuses the release. A stage of another schema is looked at no further.
    Refuses: a stage that is not there (exit code 15), lists that intake would refuse (exit codes 12
    and 17).
    """
    known = permission_reader.read(subject)
    ladders = of_project(subject.project, subject.hierarchies)
    written = opened_table.log_of(subject.stage)
    files = [subject.stage / name for name in written.added]
    found = delta_log_check.look_at_protocol(
        written.last("protocol"),
        written.last("metaData").get("configuration", {}),
        delta.table_properties(subject.platform.tables),
    )
    found += delta_log_check.look_at_commit(written, subject.release_id) + delta_log_check.look_at_traces(
        written, files
    )
    stage = delta.read_table(spark, subject.stage)
    misfits = opened_table.columns(stage.schema, subject.project, written, control_too=True)
    if any(finding.code == "SCHEMA" for finding in misfits):
        return opened_table.unfit(found + misfits)
    report("checked log and schema", "")
    runs = opened_table.runs(files, subject.project, control=True)
    found += misfits + record_runs.look(runs) + _values(spark, subject, runs, ladders)
    shown = opened_table.pseudonyms_of(files, subject.project, control=True)
    found += pseudonym_check.look(shown) if shown else []
    governed = board_reader.read(subject.school_list, subject.key, runs.schools, subject.today)
    classes, measures = class_size_check.look(
        runs, class_size_check.limits(subject.project, subject.platform), governed
    )
    leaves, cohort = opened_table.leaves(subject.project, ladders), _cohort(spark, subject, ladders, known)
    held_to, values = (
        sensitive_attribute_check.limits(subject.project, subject.platform),
        opened_table.values(subject.project, ladders),
    )
    of_boards = class_size_check.at_boards(runs, governed)  # what holds for boards holds for their schools
    given_away, shares = sensitive_attribute_check.look(runs, values, held_to, cohort, of_boards)
    classes, measures = classes + given_away, measures | shares
    report("checked classes", f"{runs.classes}, {runs.released} rows")
    counted = control_column_check.count(spark, subject, stage, known.barred, known.asked, runs.schools)
    found += (
        classes + control_column_check.look(counted) + accounting_check.look(subject.counts, counted, runs.released)
    )
    found += consent_check.look(spark, subject, stage, known.consenting)
    if held_to is not None:
        records = record_rebuild_check.records(spark, subject, ladders, known)
        known_by = board_reader.frame(spark, runs.schools, governed)
        found += hidden_value_check.look(spark, subject, stage, records, leaves, held_to, cohort, known_by)
    report("checked control columns against results and lists", "")
    k = class_size_check.limits(subject.project, subject.platform).k
    found += release_difference_check.look(spark, subject, stage, k, leaves, held_to, cohort)
    if subject.before is not None:
        report("checked the difference to the published release", "")
    if deep:
        found += record_rebuild_check.look(spark, subject, stage, ladders, known)
        report("checked records, each made again", "")
    checked = (*OF_A_STAGE, "REBUILT") if deep else OF_A_STAGE
    return Findings(tuple(found), checked, (), measures, shown.checksum if shown else record_runs.checksum(runs))


def _cohort(spark: SparkSession, subject: Subject, ladders: dict[str, Ladder], known: Lists) -> Ints | None:
    """All pupils per sensitive value, last those with another one; counted from the results, where a distance
    to them was agreed.
    """
    own, held_to = subject.project.sensitive, sensitive_attribute_check.limits(subject.project, subject.platform)
    if own is None or held_to is None or not held_to.of_the_cohort:
        return None
    counted = record_rebuild_check.values_of_all(spark, subject, ladders, own.name, known)
    return np.delete(counted, ladders[own.name].leaves.index(UNKNOWN))


def _values(spark: SparkSession, subject: Subject, runs: record_runs.Runs, ladders: dict[str, Ladder]) -> list[Finding]:
    """What the values say; a code in small letters is looked up among the schools of the results."""
    shown = dict(zip(runs.columns, runs.labels, strict=True))
    found = released_value_check.look_at_values(shown, ladders)
    already = any(finding.code == "LOOKS_LIKE_SCHOOL" for finding in found)
    possible = {} if already else released_value_check.possible_schools(shown)
    if possible:
        asked = control_column_check.local(spark, {"brin": pa.array(sorted(possible), pa.string())})
        schools = control_column_check.results(spark, subject).select("brin").distinct()
        hits = asked.join(F.broadcast(schools), "brin", "left_semi").collect()
        found += tell_names("LOOKS_LIKE_SCHOOL", {name for hit in hits for name in possible[hit.brin]})
    return found
