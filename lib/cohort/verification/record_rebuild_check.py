"""Every pupil's record made again from the results (`--deep`): is each value an ancestor of the true one?

Per pupil: of each slot the result that the project's rule picks, of each attribute the newest value, the
schools that delivered them. A leaf is a place in its hierarchy's file; -1 is a value the file does not have.
"""

from __future__ import annotations

import datetime as dt
from math import inf

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import project
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.selected_results import NUMERIC_SCORES, SelectedResult
from cohort.states.schemas import OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL
from cohort.verification import consent_check
from cohort.verification.control_column_check import (
    driver_frame,
    excluded_pupils_frame,
    fits_result_slot,
    is_selected,
    keep_rows_with_instruction,
    pseudonym_sql,
    read_release_results,
)
from cohort.verification.findings import Finding, VerificationSubject, finding_if_any
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF, HierarchyPaths, band_label
from cohort.verification.permission_reader import UsagePermissions
from cohort.verification.record_runs import IntArray

LATEST_DATE = dt.date(9999, 1, 1)
RECENCY_COLUMNS = ("peildag", "levering_nr")


def check_rebuilt_records(
    spark: SparkSession,
    subject: VerificationSubject,
    stage: DataFrame,
    ladders: dict[str, HierarchyPaths],
    lists: UsagePermissions,
) -> list[Finding]:
    """REBUILT: pupils of the stage that differ from their results in some column or school."""
    true = rebuild_records(spark, subject, ladders, lists).crossJoin(F.broadcast(subject.key.key_frame(spark)))
    others = "array_except(schools, array(home))"
    known = true.select(
        F.expr(pseudonym_sql("pgn", "pgn")).alias("pupil"),
        F.expr(pseudonym_sql("brin", "home")).alias("home"),
        F.expr(f"transform({others}, brin -> {pseudonym_sql('brin', 'brin')})").alias("others"),
        *(F.col(_leaf(name)) for name in ladders),
    )
    rows = stage.join(known, stage[PUPIL_CONTROL] == known["pupil"], "inner")
    for name, ladder in ladders.items():
        rows = rows.join(F.broadcast(_paths(spark, name, ladder)), [_leaf(name), name], "left")
    none = F.array().cast("array<binary>")
    wrong = {name: F.col(_true(name)).isNull() for name in ladders}
    own = subject.project.sensitive_column
    if own is not None:  # a blanked class shows `onbekend`; whether it may is for `blanked` to say
        wrong[own.name] &= F.col(own.name) != UNKNOWN_LEAF
    wrong["the home school"] = ~F.col(SCHOOL_CONTROL).eqNullSafe(F.col("home"))
    wrong["the other schools"] = F.array_sort(F.coalesce(OTHER_SCHOOLS_CONTROL, none)) != F.array_sort("others")
    if subject.project.two_schools == "set-aside":
        wrong["pupils to be set aside"] = F.size("others") > 0
    some = F.greatest(*(case.cast("int") for case in wrong.values()), F.lit(0))
    counts = rows.agg(F.sum(some), *(F.sum(case.cast("int")) for case in wrong.values())).first()
    if counts is None:
        raise RuntimeError("an aggregate without a row")
    where = [what for what, cases in zip(wrong, counts[1:], strict=True) if cases]
    return finding_if_any("REBUILT", counts[0] or 0, ", ".join(where))


def count_cohort_values(
    spark: SparkSession,
    subject: VerificationSubject,
    ladders: dict[str, HierarchyPaths],
    name: str,
    lists: UsagePermissions,
) -> IntArray:
    """How many pupils have each leaf of a column, also those whom the release suppressed.

    Gives: a number per leaf and, last, of those with another value; nobody who is barred or set aside.
    """
    listed = excluded_pupils_frame(spark, lists.barred, read_release_results(spark, subject))
    pupils = rebuild_records(spark, subject, ladders, lists).join(listed, "pgn", "left_anti")
    if subject.project.two_schools == "set-aside":
        pupils = pupils.where(F.size("schools") == 1)
    counted = np.zeros(len(ladders[name].rows) + 1, dtype=np.int64)
    for place, number in pupils.groupBy(_leaf(name)).agg(F.count(F.lit(1))).collect():
        counted[place] = number
    return counted


def rebuild_records(
    spark: SparkSession, subject: VerificationSubject, ladders: dict[str, HierarchyPaths], lists: UsagePermissions
) -> DataFrame:
    """One row per pupil: `pgn`, `home`, `schools` (home too), and per column the place of its true leaf."""
    agreed = subject.project
    chosen = read_release_results(spark, subject).where(is_selected(agreed))
    rows = consent_check.blank_without_consent(
        spark, keep_rows_with_instruction(spark, chosen, lists.asked), agreed, lists.consenting
    )
    attributes = [column for column in agreed.columns if column.attribute is not None]
    for column in attributes:
        rows = _placed(spark, rows, column.name, _attribute(column), ladders[column.name])
    ranks = {result: _rank(result, agreed, ladders) for result in agreed.results}
    picks = [
        F.max(F.when(fits_result_slot(result), _order(result, rank))).alias(f"slot{number}")
        for number, (result, rank) in enumerate(ranks.items())
    ]
    newest = [F.max(F.struct(*RECENCY_COLUMNS, _leaf(column.name))).alias(_leaf(column.name)) for column in attributes]
    pupils = rows.groupBy("pgn").agg(
        F.max(F.struct(*RECENCY_COLUMNS, "brin")).alias("latest"),
        F.collect_set(F.struct(*RECENCY_COLUMNS, "brin")).alias("visits"),
        *picks,
        *newest,
    )
    tied = F.filter(
        "visits",
        lambda v: (v["peildag"] == F.col("latest.peildag")) & (v["levering_nr"] == F.col("latest.levering_nr")),
    )
    given = F.array_compact(F.array(*(F.col(f"slot{number}.brin") for number in range(len(picks)))))
    schools = F.array_union(F.transform(tied, lambda v: v["brin"]), given)
    pupils = pupils.withColumns({"home": F.col("latest.brin"), "schools": F.array_distinct(schools)})
    slots = {result: F.col(f"slot{number}.rank") for number, result in enumerate(ranks)}
    for column in agreed.columns:
        ladder = ladders[column.name]
        if column.attribute is not None:
            place = F.col(f"{_leaf(column.name)}.{_leaf(column.name)}")
            unknown = ladder.leaves.index(UNKNOWN_LEAF)
            pupils = pupils.withColumn(_leaf(column.name), F.when(place == len(ladder.rows), unknown).otherwise(place))
        elif column.numeric:
            pupils = _placed(spark, pupils, column.name, _band(column, slots), ladder, null_last=False)
        else:
            place = F.coalesce(slots[column.results[0]].cast("int"), F.lit(ladder.leaves.index(UNKNOWN_LEAF)))
            pupils = pupils.withColumn(_leaf(column.name), place)
    return pupils


def _rank(result: SelectedResult, agreed: project.Project, ladders: dict[str, HierarchyPaths]) -> Column:
    """What a result counts for: a number in hundredths, a code as its place in its column's hierarchy."""
    if result.value in NUMERIC_SCORES:
        return (F.col(result.value) * 100).cast("long")
    column = next(column for column in agreed.columns if result in column.results)
    code = F.when(F.col(result.value) == "I+", "I").otherwise(F.col(result.value))
    code = code if result.value == "niveau_IV" else F.col(result.value)
    ladder = ladders[column.name]
    if ladder.joined:
        code = F.when(code.isin(*ladder.joined), UNKNOWN_LEAF).otherwise(code)
    leaves = F.array(*map(F.lit, ladder.leaves))
    return F.array_position(leaves, code) - 1


def _order(result: SelectedResult, rank: Column) -> Column:
    """A struct whose greatest is the row to show; it carries the school and the value."""
    brin, value = F.col("brin").alias("brin"), rank.alias("rank")
    if result.several == "highest":
        return F.struct(value, *RECENCY_COLUMNS, brin)
    if result.several == "first":
        return F.struct(F.datediff(F.lit(LATEST_DATE), "peildag"), -F.col("levering_nr"), brin, value)
    return F.struct(*RECENCY_COLUMNS, brin, value)


def _band(column: DeclaredColumn, slots: dict[SelectedResult, Column]) -> Column:
    """The label of the band that a value or difference falls in: `[n·step, (n+1)·step)`, or an open end."""
    values = [slots[result] for result in column.results]
    value = values[1] - values[0] if column.difference is not None else values[0]
    step = column.step or (column.bands.step if column.bands is not None else 1)
    low = F.floor((value - F.pmod(value, F.lit(100 * step))) / 100).cast("long")
    one = low.cast("string")
    span = F.concat(one, F.lit(" tot "), (low + step).cast("string"))
    return _or_an_open_end(column, low, one if step == 1 else span)


def _attribute(column: DeclaredColumn) -> Column:
    """The leaf of an attribute; a school year begins on 1 August."""
    if column.born is None:
        own = F.col(str(column.attribute))
        return _or_an_open_end(column, own.try_cast("long"), own)
    year = F.year("geboortedatum")
    if column.born == "year":
        return _or_an_open_end(column, year, year.cast("string"))
    if column.born == "quarter":
        quarter = F.concat(year.cast("string"), F.lit("-K"), F.quarter("geboortedatum").cast("string"))
        return _or_an_open_end(column, year, quarter)
    begun = F.when(F.month("geboortedatum") >= 8, year).otherwise(year - 1)
    ended = F.lpad(((begun + 1) % 100).cast("string"), 2, "0")
    return _or_an_open_end(column, begun, F.concat(begun.cast("string"), F.lit("/"), ended))


def _or_an_open_end(column: DeclaredColumn, whole: Column, leaf: Column) -> Column:
    """The leaf of a value, or of the open end of declared bands that it lies in.

    Takes: the whole number (of points, or the year) that the value begins with; its leaf between the ends.
    """
    bands = column.bands
    if bands is None:
        return leaf
    unit = 4 if column.born == "quarter" else 1
    if bands.below:
        lowest = band_label((-inf, bands.from_ * unit), column.born)
        leaf = F.when(whole < bands.from_, F.lit(lowest)).otherwise(leaf)
    if bands.above:
        highest = band_label((bands.to * unit, inf), column.born)
        leaf = F.when(whole >= bands.to, F.lit(highest)).otherwise(leaf)
    return leaf


def _placed(
    spark: SparkSession, rows: DataFrame, name: str, value: Column, ladder: HierarchyPaths, *, null_last: bool = True
) -> DataFrame:
    """The place of a value in its hierarchy; null comes after all, or is the leaf `onbekend`."""
    text, place = f"_text_{name}", f"_place_{name}"
    values = ladder.places
    leaves, places = pa.array([*values], pa.string()), pa.array([*values.values()], pa.int32())
    known = driver_frame(spark, {text: leaves, place: places})
    null = len(ladder.rows) if null_last else ladder.leaves.index(UNKNOWN_LEAF)
    return (
        rows.withColumn(text, value)
        .join(F.broadcast(known), text, "left")
        .withColumn(_leaf(name), F.when(F.col(text).isNull(), null).otherwise(F.coalesce(place, F.lit(-1))))
        .drop(text, place)
    )


def _paths(spark: SparkSession, name: str, ladder: HierarchyPaths) -> DataFrame:
    """Every leaf with each of its labels."""
    pairs = sorted({(place, label) for place, row in enumerate(ladder.rows) for label in row})
    places, labels = pa.array([p for p, _ in pairs], pa.int32()), pa.array([x for _, x in pairs], pa.string())
    return driver_frame(spark, {_leaf(name): places, name: labels}).withColumn(_true(name), F.lit(True))


def _leaf(name: str) -> str:
    return f"_leaf_{name}"


def _true(name: str) -> str:
    return f"_true_{name}"
