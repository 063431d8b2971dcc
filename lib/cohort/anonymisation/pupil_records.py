"""Stages AcceptedResults → selected results, and ConsentedResults → PupilRecords: one row per pupil.

No text is shuffled. Each result slot is one packed long, whose high bits decide which result is chosen and whose low
bits are what is kept of it; so `max` chooses a result by the declared rule together with its value and school.

    latest    day in school year (9 bits) · delivery (18) · school (17) · value (19)
    first     the same with day and delivery counted backwards
    highest   value · day · delivery · school

An attribute is that of the latest selected row: day since the first school year (13) · delivery (18) · leaf (15). A
delivery is of one school, so rows of the same day and delivery are of the same school.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.agreements import DeclaredColumn, Project, SelectedResult
from cohort.anonymisation import leaf_encoding
from cohort.data_states import (
    DELIVERY_NUMBER,
    EXACT_SCORES,
    HOME_SCHOOL,
    INSTRUCTED_SCHOOL,
    OTHER_SCHOOLS,
    PGN,
    RESULTS_SCHEMA,
    ROW_COUNT,
    SELECTED_ROW_COUNT,
    SHOWN_ROW_COUNT,
    AcceptedResults,
    ConsentedResults,
    PupilRecords,
    break_codegen,
    require_columns,
)
from cohort.sdc import Hierarchy

DAY_BITS, DELIVERY_BITS, SCHOOL_BITS = 9, 18, 17
VALUE_BITS, LEAF_BITS = leaf_encoding.CODE_BITS, leaf_encoding.LEAF_BITS
_LATEST, _DAY = "_latest", "_day"

HierarchyByColumn = Mapping[str, Hierarchy]
"""The hierarchies of a project, by column name."""


def select_project_results(results: AcceptedResults, project: Project) -> AcceptedResults:
    """Select the results that a project needs: those of its population with a result that it shows.

    A special-category result is selected only for a column with a legal ground, and then whatever its value: which
    pupils are selected must not depend on their consent.

    Returns:
        Every column of `results`, fewer rows.
    """
    require_columns(results, RESULTS_SCHEMA)
    rows = results.where(F.col("schooljaar").isin(project.population.schooljaar))
    if project.population.jaargroep is not None:
        rows = rows.where(F.col("jaargroep").isin(project.population.jaargroep))
    special = set(project.special_results)
    conditions = [
        is_result_of_slot(r) if r in special else is_usable_result(r) & ~F.col("bijzonder") for r in project.results
    ]
    return AcceptedResults(rows.where(reduce(or_, conditions)))


def is_usable_result(result: SelectedResult) -> Column:
    """The condition that a row is a result of this domain, school year, moment and scale, with the score to show."""
    return is_result_of_slot(result) & F.col(result.value).isNotNull()


def is_result_of_slot(result: SelectedResult) -> Column:
    """The condition that a row is a result of this domain, school year, moment and scale."""
    return (
        (F.col("domein") == result.domein)
        & (F.col("schooljaar") == result.schooljaar)
        & (F.col("afnameperiode") == result.moment)
        & (F.col("schaal") == result.schaal)
    )


def make_pupil_records(consented: ConsentedResults, project: Project, hierarchies: HierarchyByColumn) -> PupilRecords:
    """Bring the rows of each pupil together in one record.

    Args:
        consented: selected rows, each with the number of its school if that gave an instruction, with special-category
            values only of pupils with consent.
        project: the declaration of the project.
        hierarchies: its hierarchies, by column name.

    Returns:
        `pgn` (int); `school` (number of the school of the latest row); `_elsewhere` (numbers of other schools with a
        shown value, null for none); `_selected`, `_rows` and `_used` (numbers of all rows, of those with an
        instruction, and of shown ones); and per column its leaf number: that of `onbekend` for null, −1 for a value
        that is not in the hierarchy; and the exact scores, in EXACT_SCORES. Of a pupil without
        a row with an instruction the school is null.

    Raises:
        ConfigurationRefused: a hierarchy whose leaves are not bands of the column's step (exit code 10).
    """
    require_columns(consented, RESULTS_SCHEMA)
    slots = {result: f"_slot{i}" for i, result in enumerate(project.results)}
    attributes = [c for c in project.columns if c.attribute is not None]
    numbered = break_codegen(_number_values(consented, project, slots, attributes, hierarchies))
    order = _shift_left(F.col(_DAY), DELIVERY_BITS) + F.col(DELIVERY_NUMBER)
    is_instructed = F.col(INSTRUCTED_SCHOOL).isNotNull()
    packed = {
        _LATEST: F.when(is_instructed, _shift_left(order, SCHOOL_BITS) + F.col(INSTRUCTED_SCHOOL)),
        **{name: F.when(is_instructed, _pack_result(result, project, F.col(name))) for result, name in slots.items()},
        **{c.name: F.when(is_instructed, _shift_left(order, LEAF_BITS) + F.col(c.name)) for c in attributes},
    }
    gathered = numbered.groupBy(PGN).agg(
        F.count(F.lit(1)).cast("int").alias(SELECTED_ROW_COUNT),
        F.count(INSTRUCTED_SCHOOL).cast("int").alias(ROW_COUNT),
        *(F.max(value).alias(name) for name, value in packed.items()),
    )
    exact = F.array(*(_exact_score(column, slots) for column in project.score_columns)).cast("array<int>")
    home = _low_bits(F.col(_LATEST), SCHOOL_BITS)
    schools = [_unpack_school(result, F.col(name)) for result, name in slots.items()]
    others = F.array_distinct(F.array_compact(F.array(*(F.when(school != home, school) for school in schools))))
    has_other = reduce(or_, (school.isNotNull() & (school != home) for school in schools))
    return PupilRecords(
        gathered.select(
            PGN,
            home.cast("int").alias(HOME_SCHOOL),
            F.when(F.coalesce(has_other, F.lit(False)), others).alias(OTHER_SCHOOLS),
            SELECTED_ROW_COUNT,
            ROW_COUNT,
            sum((F.col(name).isNotNull().cast("int") for name in slots.values()), F.lit(0)).alias(SHOWN_ROW_COUNT),
            *(_decode_leaf(c, slots, hierarchies[c.name]).alias(c.name) for c in project.columns),
            exact.alias(EXACT_SCORES),
        )
    )


def _number_values(
    rows: ConsentedResults,
    project: Project,
    slots: Mapping[SelectedResult, str],
    attributes: Sequence[DeclaredColumn],
    hierarchies: HierarchyByColumn,
) -> DataFrame:
    """Write every value of a row that a record may show as a whole number, null where the row has none.

    Returns:
        PGN, INSTRUCTED_SCHOOL, the delivery number, the day since the first school year, the value of each slot (19
        bits) and the leaf of each attribute (15 bits).
    """
    values = (
        F.when(is_usable_result(result), _encode_value(result, _level_hierarchy(project, result, hierarchies))).alias(
            name
        )
        for result, name in slots.items()
    )
    return leaf_encoding.join_long_hierarchies(rows, attributes, hierarchies).select(
        F.col("pgn").try_cast("int").alias(PGN),
        INSTRUCTED_SCHOOL,
        DELIVERY_NUMBER,
        F.datediff("peildag", _first_day(min(project.population.schooljaar))).alias(_DAY),
        *values,
        *(leaf_encoding.encode_attribute(c, hierarchies[c.name]).alias(c.name) for c in attributes),
    )


def _first_day(school_year: str) -> Column:
    return F.lit(f"{school_year[:4]}-08-01").cast("date")


def _level_hierarchy(project: Project, result: SelectedResult, hierarchies: HierarchyByColumn) -> Hierarchy | None:
    column = next((c for c in project.columns if c.result == result), None)
    return hierarchies[column.name] if column is not None and not column.numeric else None


def _pack_result(result: SelectedResult, project: Project, value: Column) -> Column:
    """Pack day, delivery, school and value of a row, in the order in which the rule of the slot compares them."""
    years_on = F.datediff(_first_day(result.schooljaar), _first_day(min(project.population.schooljaar)))
    day, delivery, school = F.col(_DAY) - years_on, F.col(DELIVERY_NUMBER), F.col(INSTRUCTED_SCHOOL)
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
    for part, bits_after in parts:
        packed = _shift_left(packed + part, bits_after)
    return packed


def _encode_value(result: SelectedResult, levels: Hierarchy | None) -> Column:
    """The shown value as a whole number of 19 bits: hundredths of a point, a raw score, or a leaf number."""
    if levels is None:
        return (F.col(result.value) * result.unit).cast("int")
    code = F.col(result.value)
    if result.value == "niveau_IV":
        code = F.when(code == "I+", F.lit("I")).otherwise(code)
    return leaf_encoding.match_leaf(code, levels, leaf_encoding.UNLISTED_CODE)


def _unpack_value(result: SelectedResult, packed: Column) -> Column:
    return (
        _low_bits(F.shiftright(packed, DAY_BITS + DELIVERY_BITS + SCHOOL_BITS), VALUE_BITS)
        if result.several == "highest"
        else _low_bits(packed, VALUE_BITS)
    )


def _unpack_school(result: SelectedResult, packed: Column) -> Column:
    return _low_bits(packed if result.several == "highest" else F.shiftright(packed, VALUE_BITS), SCHOOL_BITS)


def _decode_leaf(column: DeclaredColumn, slots: Mapping[SelectedResult, str], hierarchy: Hierarchy) -> Column:
    if column.attribute is not None:
        return leaf_encoding.decode_attribute(_low_bits(F.col(column.name), LEAF_BITS), hierarchy)
    if not column.numeric:
        result = column.results[0]
        return leaf_encoding.decode_level(_unpack_value(result, F.col(slots[result])), hierarchy)
    return leaf_encoding.band_points(_exact_score(column, slots), column.score_unit, column, hierarchy)


def _exact_score(column: DeclaredColumn, slots: Mapping[SelectedResult, str]) -> Column:
    """The score of a pupil, or how much it changed, in `score_unit`; null where a result is missing."""
    values = [_unpack_value(result, F.col(slots[result])) for result in column.results]
    return values[-1] - values[0] if column.difference is not None else values[0]


def _shift_left(number: Column, bits: int) -> Column:
    return F.shiftleft(number.cast("bigint"), bits) if bits else number


def _low_bits(number: Column, bits: int) -> Column:
    return number.bitwiseAND(F.lit(2**bits - 1))
