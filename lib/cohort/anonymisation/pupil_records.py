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

from cohort.agreements.columns import Column as Declared
from cohort.agreements.project import Project, Result
from cohort.anonymisation import leaf_encoding
from cohort.foundation.identifiers import school_code
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.states.schemas import (
    ACCEPTED,
    ELSEWHERE,
    HOME,
    NUMBER,
    PGN,
    ROWS,
    USED,
    Accepted,
    Consented,
    PupilRecords,
    require,
)

DAY, DELIVERY, SCHOOL = 9, 18, 17
VALUE, LEAF = leaf_encoding.CODE_BITS, leaf_encoding.LEAF_BITS

Hierarchies = Mapping[str, Hierarchy]


def select(results: Accepted, project: Project) -> Accepted:
    """The rows that the project's question needs: its population, and a result that it shows.

    Gives: every column of `results`, fewer rows. Rows of special-category tests are among them only for a
    column with a legal ground, and then whatever their values: who is selected says nothing of consent.
    """
    require(results, ACCEPTED)
    rows = results.where(F.col("schooljaar").isin(project.population.schooljaar))
    if project.population.jaargroep is not None:
        rows = rows.where(F.col("jaargroep").isin(project.population.jaargroep))
    special = set(project.special)
    shown = [is_of(r) if r in special else fits(r) & ~F.col("bijzonder") for r in project.results]
    wanted = shown[0]
    for one in shown[1:]:
        wanted = wanted | one
    return Accepted(rows.where(wanted))


def fits(result: Result) -> Column:
    """Whether a row is a result of that domain, school year, moment and scale, with the value to show."""
    return is_of(result) & F.col(result.value).isNotNull()


def is_of(result: Result) -> Column:
    """Whether a row is a result of that domain, school year, moment and scale."""
    return (
        (F.col("domein") == result.domein)
        & (F.col("schooljaar") == result.schooljaar)
        & (F.col("afnameperiode") == result.moment)
        & (F.col("schaal") == result.schaal)
    )


def one_per_pupil(consented: Consented, project: Project, hierarchies: Hierarchies) -> PupilRecords:
    """Bring every pupil's rows together into one record.

    Takes: selected rows of pupils without objection, special-category values of those with consent only;
    hierarchies by column name.
    Gives: `pgn` (int), `school` (its code, of the latest row), `_elsewhere` (codes of further schools
    whose values are shown, null when there are none), `_rows` and `_used` (how many rows it has, and how
    many of them are shown), and per column the number of its leaf: that of `onbekend` for null, −1 for a
    value that the hierarchy does not have.
    Refuses: a hierarchy whose leaves are no bands of the column's step (exit code 10).
    """
    require(consented, ACCEPTED)
    slots = {result: f"_slot{i}" for i, result in enumerate(project.results)}
    attributes = [c for c in project.columns if c.attribute is not None]
    day = F.datediff("peildag", F.lit(f"{min(project.population.schooljaar)[:4]}-08-01").cast("date"))
    order = (_shift(day, DELIVERY) + F.col(NUMBER)).alias("_order")
    prepared = leaf_encoding.looked_up(consented, attributes, hierarchies).select(
        F.col("pgn").try_cast("int").alias(PGN),
        order,
        F.expr(school_code("brin")).alias("_brin"),
        *(F.when(fits(r), _packed(r, _leaves(project, r, hierarchies))).alias(name) for r, name in slots.items()),
        *(leaf_encoding.of_attribute(c, hierarchies[c.name]).alias(c.name) for c in attributes),
    )
    gathered = prepared.groupBy(PGN).agg(
        F.max(_shift(F.col("_order"), SCHOOL) + F.col("_brin")).alias("_latest"),
        F.count(F.lit(1)).cast("int").alias(ROWS),
        *(F.max(name).alias(name) for name in slots.values()),
        *(F.max(_shift(F.col("_order"), LEAF) + F.col(c.name)).alias(c.name) for c in attributes),
    )
    home = _low(F.col("_latest"), SCHOOL)
    schools = [_school(result, F.col(name)) for result, name in slots.items()]
    further = F.array_distinct(F.array_compact(F.array(*(F.when(s != home, s) for s in schools))))
    elsewhere = schools[0].isNotNull() & (schools[0] != home)
    for school in schools[1:]:
        elsewhere = elsewhere | (school.isNotNull() & (school != home))
    return PupilRecords(
        gathered.select(
            PGN,
            home.cast("int").alias(HOME),
            F.when(F.coalesce(elsewhere, F.lit(False)), further).alias(ELSEWHERE),
            ROWS,
            sum((F.col(name).isNotNull().cast("int") for name in slots.values()), F.lit(0)).alias(USED),
            *(_leaf(c, slots, hierarchies[c.name]).alias(c.name) for c in project.columns),
        )
    )


def _leaves(project: Project, result: Result, hierarchies: Hierarchies) -> Hierarchy | None:
    column = next((c for c in project.columns if c.result == result), None)
    return hierarchies[column.name] if column is not None and not column.numeric else None


def _packed(result: Result, codes: Hierarchy | None) -> Column:
    value = _value(result, codes)
    day = F.datediff("peildag", F.lit(f"{result.schooljaar[:4]}-08-01").cast("date"))
    delivery, school = F.col(NUMBER), F.expr(school_code("brin"))
    if result.several == "highest":
        parts = [(value, DAY), (day, DELIVERY), (delivery, SCHOOL), (school, 0)]
    elif result.several == "first":
        parts = [(2**DAY - 1 - day, DELIVERY), (2**DELIVERY - 1 - delivery, SCHOOL), (school, VALUE), (value, 0)]
    else:
        parts = [(day, DELIVERY), (delivery, SCHOOL), (school, VALUE), (value, 0)]
    packed = F.lit(0).cast("bigint")
    for part, room in parts:
        packed = _shift(packed + part, room)
    return packed


def _value(result: Result, codes: Hierarchy | None) -> Column:
    """What is shown as a whole number of 19 bits: hundredths of a point, a raw score, or a leaf's number."""
    if codes is None:
        return (F.col(result.value) * (100 if result.value == "vaardigheidsscore" else 1)).cast("int")
    code = F.col(result.value)
    if result.value == "niveau_IV":
        code = F.when(code == "I+", F.lit("I")).otherwise(code)
    return leaf_encoding.number(code, codes, leaf_encoding.NO_CODE)


def _value_of(result: Result, packed: Column) -> Column:
    return (
        _low(F.shiftright(packed, DAY + DELIVERY + SCHOOL), VALUE)
        if result.several == "highest"
        else _low(packed, VALUE)
    )


def _school(result: Result, packed: Column) -> Column:
    return _low(packed if result.several == "highest" else F.shiftright(packed, VALUE), SCHOOL)


def _leaf(column: Declared, slots: Mapping[Result, str], hierarchy: Hierarchy) -> Column:
    if column.attribute is not None:
        return leaf_encoding.of_latest(_low(F.col(column.name), LEAF), hierarchy)
    values = [_value_of(result, F.col(slots[result])) for result in column.results]
    if not column.numeric:
        return leaf_encoding.of_code(values[0], hierarchy)
    points = values[-1] - values[0] if column.difference is not None else values[0]
    unit = 100 if column.results[0].value == "vaardigheidsscore" else 1
    return leaf_encoding.of_points(points, unit, column, hierarchy)


def _shift(number: Column, room: int) -> Column:
    return F.shiftleft(number.cast("bigint"), room) if room else number


def _low(number: Column, width: int) -> Column:
    return number.bitwiseAND(F.lit(2**width - 1))
