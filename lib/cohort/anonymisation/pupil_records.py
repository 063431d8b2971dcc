"""Consented → PupilRecords: one row per pupil, by the project's column declarations.

No text goes through the shuffle: what decides and what is shown travel together in one long per slot, so
that one `max` picks a result by the written rule and remembers its value and its school.

    latest    day in school year (9 bits) · delivery (18) · school (17) · value (19)
    first     the same with day and delivery counted backwards
    highest   value · day · delivery · school

An attribute is that of the latest selected row: day since the first school year (13) · delivery (18) · leaf.
A delivery is of one school, so equal day and delivery means equal school.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from cohort.agreements.declared_columns import DeclaredColumn as Declared
from cohort.agreements.project import Project
from cohort.agreements.selected_results import SelectedResult
from cohort.anonymisation import leaf_encoding
from cohort.foundation.identifiers import brin_to_number_sql
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.states.schemas import (
    DELIVERY_NUMBER,
    HOME_SCHOOL,
    OTHER_SCHOOLS,
    PGN,
    RESULTS_SCHEMA,
    ROW_COUNT,
    SHOWN_ROW_COUNT,
    AcceptedResults,
    ConsentedResults,
    PupilRecords,
    require_columns,
)

DAY_BITS, DELIVERY_BITS, SCHOOL_BITS = 9, 18, 17
VALUE_BITS, LEAF = leaf_encoding.CODE_BITS, leaf_encoding.LEAF_BITS

HierarchyByColumn = Mapping[str, Hierarchy]


def select_project_results(results: AcceptedResults, project: Project) -> AcceptedResults:
    """The rows that the project's question needs: its population, and a result that it shows.

    Gives: every column of `results`, fewer rows. Rows of special-category tests are among them only for a
    column with a legal ground, and then whatever their values: who is selected says nothing of consent.
    """
    require_columns(results, RESULTS_SCHEMA)
    rows = results.where(F.col("schooljaar").isin(project.population.schooljaar))
    if project.population.jaargroep is not None:
        rows = rows.where(F.col("jaargroep").isin(project.population.jaargroep))
    special = set(project.special_results)
    shown = [
        is_result_of_slot(r) if r in special else is_usable_result(r) & ~F.col("bijzonder") for r in project.results
    ]
    wanted = shown[0]
    for one in shown[1:]:
        wanted = wanted | one
    return AcceptedResults(rows.where(wanted))


def is_usable_result(result: SelectedResult) -> Column:
    """Whether a row is a result of that domain, school year, moment and scale, with the value to show."""
    return is_result_of_slot(result) & F.col(result.value).isNotNull()


def is_result_of_slot(result: SelectedResult) -> Column:
    """Whether a row is a result of that domain, school year, moment and scale."""
    return (
        (F.col("domein") == result.domein)
        & (F.col("schooljaar") == result.schooljaar)
        & (F.col("afnameperiode") == result.moment)
        & (F.col("schaal") == result.schaal)
    )


def make_pupil_records(consented: ConsentedResults, project: Project, hierarchies: HierarchyByColumn) -> PupilRecords:
    """Bring every pupil's rows together into one record.

    Takes: selected rows of pupils without objection, special-category values of those with consent only;
    hierarchies by column name.
    Gives: `pgn` (int), `school` (its code, of the latest row), `_elsewhere` (codes of further schools
    whose values are shown, null when there are none), `_rows` and `_used` (how many rows it has, and how
    many of them are shown), and per column the number of its leaf: that of `onbekend` for null, −1 for a
    value that the hierarchy does not have.
    Refuses: a hierarchy whose leaves are no bands of the column's step (exit code 10).
    """
    require_columns(consented, RESULTS_SCHEMA)
    slots = {result: f"_slot{i}" for i, result in enumerate(project.results)}
    attributes = [c for c in project.columns if c.attribute is not None]
    day = F.datediff("peildag", F.lit(f"{min(project.population.schooljaar)[:4]}-08-01").cast("date"))
    order = (_shift(day, DELIVERY_BITS) + F.col(DELIVERY_NUMBER)).alias("_order")
    prepared = leaf_encoding.join_long_hierarchies(consented, attributes, hierarchies).select(
        F.col("pgn").try_cast("int").alias(PGN),
        order,
        F.expr(brin_to_number_sql("brin")).alias("_brin"),
        *(
            F.when(is_usable_result(r), _packed(r, _leaves(project, r, hierarchies))).alias(name)
            for r, name in slots.items()
        ),
        *(leaf_encoding.encode_attribute(c, hierarchies[c.name]).alias(c.name) for c in attributes),
    )
    gathered = prepared.groupBy(PGN).agg(
        F.max(_shift(F.col("_order"), SCHOOL_BITS) + F.col("_brin")).alias("_latest"),
        F.count(F.lit(1)).cast("int").alias(ROW_COUNT),
        *(F.max(name).alias(name) for name in slots.values()),
        *(F.max(_shift(F.col("_order"), LEAF) + F.col(c.name)).alias(c.name) for c in attributes),
    )
    home = _low(F.col("_latest"), SCHOOL_BITS)
    schools = [_school(result, F.col(name)) for result, name in slots.items()]
    further = F.array_distinct(F.array_compact(F.array(*(F.when(s != home, s) for s in schools))))
    elsewhere = schools[0].isNotNull() & (schools[0] != home)
    for school in schools[1:]:
        elsewhere = elsewhere | (school.isNotNull() & (school != home))
    return PupilRecords(
        gathered.select(
            PGN,
            home.cast("int").alias(HOME_SCHOOL),
            F.when(F.coalesce(elsewhere, F.lit(False)), further).alias(OTHER_SCHOOLS),
            ROW_COUNT,
            sum((F.col(name).isNotNull().cast("int") for name in slots.values()), F.lit(0)).alias(SHOWN_ROW_COUNT),
            *(_leaf(c, slots, hierarchies[c.name]).alias(c.name) for c in project.columns),
        )
    )


def _leaves(project: Project, result: SelectedResult, hierarchies: HierarchyByColumn) -> Hierarchy | None:
    column = next((c for c in project.columns if c.result == result), None)
    return hierarchies[column.name] if column is not None and not column.numeric else None


def _packed(result: SelectedResult, codes: Hierarchy | None) -> Column:
    value = _value(result, codes)
    day = F.datediff("peildag", F.lit(f"{result.schooljaar[:4]}-08-01").cast("date"))
    delivery, school = F.col(DELIVERY_NUMBER), F.expr(brin_to_number_sql("brin"))
    if result.several == "highest":
        parts = [(value, DAY_BITS), (day, DELIVERY_BITS), (delivery, SCHOOL_BITS), (school, 0)]
    elif result.several == "first":
        parts = [
            (2**DAY_BITS - 1 - day, DELIVERY_BITS),
            (2**DELIVERY_BITS - 1 - delivery, SCHOOL_BITS),
            (school, VALUE_BITS),
            (value, 0),
        ]
    else:
        parts = [(day, DELIVERY_BITS), (delivery, SCHOOL_BITS), (school, VALUE_BITS), (value, 0)]
    packed = F.lit(0).cast("bigint")
    for part, room in parts:
        packed = _shift(packed + part, room)
    return packed


def _value(result: SelectedResult, codes: Hierarchy | None) -> Column:
    """What is shown as a whole number of 19 bits: hundredths of a point, a raw score, or a leaf's number."""
    if codes is None:
        return (F.col(result.value) * (100 if result.value == "vaardigheidsscore" else 1)).cast("int")
    code = F.col(result.value)
    if result.value == "niveau_IV":
        code = F.when(code == "I+", F.lit("I")).otherwise(code)
    return leaf_encoding.match_leaf(code, codes, leaf_encoding.UNLISTED_CODE)


def _value_of(result: SelectedResult, packed: Column) -> Column:
    return (
        _low(F.shiftright(packed, DAY_BITS + DELIVERY_BITS + SCHOOL_BITS), VALUE_BITS)
        if result.several == "highest"
        else _low(packed, VALUE_BITS)
    )


def _school(result: SelectedResult, packed: Column) -> Column:
    return _low(packed if result.several == "highest" else F.shiftright(packed, VALUE_BITS), SCHOOL_BITS)


def _leaf(column: Declared, slots: Mapping[SelectedResult, str], hierarchy: Hierarchy) -> Column:
    if column.attribute is not None:
        return leaf_encoding.decode_attribute(_low(F.col(column.name), LEAF), hierarchy)
    values = [_value_of(result, F.col(slots[result])) for result in column.results]
    if not column.numeric:
        return leaf_encoding.decode_level(values[0], hierarchy)
    points = values[-1] - values[0] if column.difference is not None else values[0]
    unit = 100 if column.results[0].value == "vaardigheidsscore" else 1
    return leaf_encoding.band_points(points, unit, column, hierarchy)


def _shift(number: Column, room: int) -> Column:
    return F.shiftleft(number.cast("bigint"), room) if room else number


def _low(number: Column, width: int) -> Column:
    return number.bitwiseAND(F.lit(2**width - 1))
