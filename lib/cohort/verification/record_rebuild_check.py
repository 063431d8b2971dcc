"""Every pupil's record rebuilt from the results, and whether a release shows nothing else. Checks REBUILT.

Per pupil: of each result slot the result that the project's rule chooses, of each attribute the newest value, and
the schools that delivered them. A value's leaf is its position in the hierarchy file; −1 is a value that the file
does not have. `verify_stage` runs this check with `deep`; the checks of sensitive values use the rebuilt records.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import DeclaredColumn, Project, SelectedResult
from cohort.data_states import OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL
from cohort.verification.consent_check import blank_without_consent
from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF, HierarchyPaths
from cohort.verification.instruction_check import keep_rows_with_instruction
from cohort.verification.leaf_derivation import attribute_label, result_value, score_label
from cohort.verification.objection_check import excluded_pupils_frame
from cohort.verification.permission_reader import UsagePermissions
from cohort.verification.pseudonym_check import pseudonym_sql
from cohort.verification.record_runs import IntArray
from cohort.verification.result_selection import driver_frame, fits_result_slot, is_selected, read_release_results
from cohort.verification.verification_subject import VerificationSubject

LATEST_DATE = dt.date(9999, 1, 1)
RECENCY_COLUMNS = ("peildag", "levering_nr")
"""What makes one row newer than another: its date, then its delivery."""
Hierarchies = Mapping[str, HierarchyPaths]


def check_rebuilt_records(
    spark: SparkSession,
    subject: VerificationSubject,
    stage: DataFrame,
    hierarchies: Hierarchies,
    permissions: UsagePermissions,
) -> list[Finding]:
    """Check REBUILT: pupils of the stage who differ from their results in a column or a school.

    A hidden sensitive value shows `onbekend`; whether it may is checked by `hidden_value_check`.
    """
    rows = _join_rebuilt_records(spark, subject, stage, hierarchies, permissions)
    no_schools = F.array().cast("array<binary>")
    wrong = {name: F.col(_is_ancestor_column(name)).isNull() for name in hierarchies}
    sensitive = subject.project.sensitive_column
    if sensitive is not None:
        wrong[sensitive.name] &= F.col(sensitive.name) != UNKNOWN_LEAF
    staged_others = F.array_sort(F.coalesce(OTHER_SCHOOLS_CONTROL, no_schools))
    wrong["the home school"] = ~F.col(SCHOOL_CONTROL).eqNullSafe(F.col("home"))
    wrong["the other schools"] = staged_others != F.array_sort("others")
    if subject.project.two_schools == "set-aside":
        wrong["pupils to be set aside"] = F.size("others") > 0
    is_any_wrong = F.greatest(*(case.cast("int") for case in wrong.values()), F.lit(0))
    counts = rows.agg(F.sum(is_any_wrong), *(F.sum(case.cast("int")) for case in wrong.values())).first()
    if counts is None:
        raise RuntimeError("an aggregate without a row")
    wrong_parts = [part for part, cases in zip(wrong, counts[1:], strict=True) if cases]
    return finding_if_any("REBUILT", counts[0] or 0, ", ".join(wrong_parts))


def count_cohort_values(
    spark: SparkSession,
    subject: VerificationSubject,
    hierarchies: Hierarchies,
    column: str,
    permissions: UsagePermissions,
) -> IntArray:
    """Count all pupils with a record per leaf of a column, those whom the release suppressed included.

    Returns:
        A number per leaf and, last, of pupils with another value; excluded and set-aside pupils do not count.
    """
    excluded = excluded_pupils_frame(spark, permissions.excluded, read_release_results(spark, subject))
    pupils = rebuild_records(spark, subject, hierarchies, permissions).join(excluded, "pgn", "left_anti")
    if subject.project.two_schools == "set-aside":
        pupils = pupils.where(F.size("schools") == 1)
    counts = np.zeros(len(hierarchies[column].paths) + 1, dtype=np.int64)
    for position, number in pupils.groupBy(_leaf_column(column)).agg(F.count(F.lit(1))).collect():
        counts[position] = number
    return counts


def rebuild_records(
    spark: SparkSession, subject: VerificationSubject, hierarchies: Hierarchies, permissions: UsagePermissions
) -> DataFrame:
    """Rebuild one record per pupil from the selected results of instructed sites.

    Returns:
        `pgn`, `home` (the school of the newest result), `schools` (home included), and per released column the
        position of the true leaf.
    """
    project = subject.project
    selected = read_release_results(spark, subject).where(is_selected(project))
    with_instruction = keep_rows_with_instruction(spark, selected, permissions.instructed)
    rows = blank_without_consent(spark, with_instruction, project, permissions.consenting)
    for column in (column for column in project.columns if column.attribute is not None):
        rows = _add_leaf_position(spark, rows, column.name, attribute_label(column), hierarchies[column.name])
    pupils = _aggregate_pupils(rows, project, hierarchies)
    chosen_values = {result: F.col(f"slot{number}.value") for number, result in enumerate(project.results)}
    for column in project.columns:
        pupils = _add_column_leaf(spark, pupils, column, chosen_values, hierarchies[column.name])
    return pupils


def _join_rebuilt_records(
    spark: SparkSession,
    subject: VerificationSubject,
    stage: DataFrame,
    hierarchies: Hierarchies,
    permissions: UsagePermissions,
) -> DataFrame:
    """Join the stage with the rebuilt records, under pseudonyms, and with every label of each true leaf."""
    records = rebuild_records(spark, subject, hierarchies, permissions)
    keyed = records.crossJoin(F.broadcast(subject.key.key_frame(spark)))
    other_schools = "array_except(schools, array(home))"
    rebuilt = keyed.select(
        F.expr(pseudonym_sql("pgn", "pgn")).alias("pupil"),
        F.expr(pseudonym_sql("brin", "home")).alias("home"),
        F.expr(f"transform({other_schools}, brin -> {pseudonym_sql('brin', 'brin')})").alias("others"),
        *(F.col(_leaf_column(name)) for name in hierarchies),
    )
    rows = stage.join(rebuilt, stage[PUPIL_CONTROL] == rebuilt["pupil"], "inner")
    for name, hierarchy in hierarchies.items():
        ancestors = F.broadcast(_ancestors_frame(spark, name, hierarchy))
        rows = rows.join(ancestors, [_leaf_column(name), name], "left")
    return rows


def _aggregate_pupils(rows: DataFrame, project: Project, hierarchies: Hierarchies) -> DataFrame:
    """Aggregate rows to pupils: newest attributes, one chosen result per slot, home school and all schools."""
    slots = [
        F.max(F.when(fits_result_slot(result), _choice_order(result, result_value(result, project, hierarchies))))
        for result in project.results
    ]
    attributes = [
        F.max(F.struct(*RECENCY_COLUMNS, _leaf_column(column.name))).alias(_leaf_column(column.name))
        for column in project.columns
        if column.attribute is not None
    ]
    pupils = rows.groupBy("pgn").agg(
        F.max(F.struct(*RECENCY_COLUMNS, "brin")).alias("latest"),
        F.collect_set(F.struct(*RECENCY_COLUMNS, "brin")).alias("visits"),
        *(slot.alias(f"slot{number}") for number, slot in enumerate(slots)),
        *attributes,
    )
    newest_visits = F.filter(
        "visits",
        lambda visit: (
            (visit["peildag"] == F.col("latest.peildag")) & (visit["levering_nr"] == F.col("latest.levering_nr"))
        ),
    )
    slot_schools = F.array_compact(F.array(*(F.col(f"slot{number}.brin") for number in range(len(slots)))))
    schools = F.array_union(F.transform(newest_visits, lambda visit: visit["brin"]), slot_schools)
    return pupils.withColumns({"home": F.col("latest.brin"), "schools": F.array_distinct(schools)})


def _add_column_leaf(
    spark: SparkSession,
    pupils: DataFrame,
    column: DeclaredColumn,
    chosen_values: Mapping[SelectedResult, Column],
    hierarchy: HierarchyPaths,
) -> DataFrame:
    """Add the position of a column's true leaf; a pupil without a value has the leaf `onbekend`."""
    leaf, unknown = _leaf_column(column.name), hierarchy.leaves.index(UNKNOWN_LEAF)
    if column.attribute is not None:
        position = F.col(f"{leaf}.{leaf}")
        is_null = position == len(hierarchy.paths)
        return pupils.withColumn(leaf, F.when(is_null, unknown).otherwise(position))
    if column.numeric:
        label = score_label(column, chosen_values)
        return _add_leaf_position(spark, pupils, column.name, label, hierarchy, null_position=unknown)
    return pupils.withColumn(leaf, F.coalesce(chosen_values[column.results[0]].cast("int"), F.lit(unknown)))


def _choice_order(result: SelectedResult, value: Column) -> Column:
    """Return a struct whose greatest is the result to show; it carries the school and the value."""
    school, named_value = F.col("brin").alias("brin"), value.alias("value")
    if result.several == "highest":
        return F.struct(named_value, *RECENCY_COLUMNS, school)
    if result.several == "first":
        return F.struct(F.datediff(F.lit(LATEST_DATE), "peildag"), -F.col("levering_nr"), school, named_value)
    return F.struct(*RECENCY_COLUMNS, school, named_value)


def _add_leaf_position(
    spark: SparkSession,
    rows: DataFrame,
    name: str,
    label: Column,
    hierarchy: HierarchyPaths,
    *,
    null_position: int | None = None,
) -> DataFrame:
    """Add the position of a value's leaf; null is `null_position`, or comes after all leaves."""
    label_column, position_column = f"_label_{name}", f"_position_{name}"
    positions = hierarchy.leaf_positions
    leaves = driver_frame(
        spark,
        {
            label_column: pa.array([*positions], pa.string()),
            position_column: pa.array([*positions.values()], pa.int32()),
        },
    )
    null = len(hierarchy.paths) if null_position is None else null_position
    position = F.when(F.col(label_column).isNull(), null).otherwise(F.coalesce(position_column, F.lit(-1)))
    joined = rows.withColumn(label_column, label).join(F.broadcast(leaves), label_column, "left")
    return joined.withColumn(_leaf_column(name), position).drop(label_column, position_column)


def _ancestors_frame(spark: SparkSession, name: str, hierarchy: HierarchyPaths) -> DataFrame:
    """Return the position of every leaf with each of its labels."""
    pairs = sorted({(position, label) for position, path in enumerate(hierarchy.paths) for label in path})
    positions = pa.array([position for position, _ in pairs], pa.int32())
    labels = pa.array([label for _, label in pairs], pa.string())
    frame = driver_frame(spark, {_leaf_column(name): positions, name: labels})
    return frame.withColumn(_is_ancestor_column(name), F.lit(True))


def _leaf_column(name: str) -> str:
    return f"_leaf_{name}"


def _is_ancestor_column(name: str) -> str:
    return f"_is_ancestor_{name}"
