"""What is left of a published table when rows must go: classes that then fall under their limits go, too."""

from __future__ import annotations

from fractions import Fraction
from math import log

from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.platform import PlatformFloors
from cohort.agreements.project import Project
from cohort.anonymisation import pupil_boards
from cohort.anonymisation.pupil_boards import BOARD, BOARDS
from cohort.sdc.model.hierarchy import UNKNOWN_VALUE
from cohort.states import schemas
from cohort.states.schemas import PSEUDONYM_COLUMNS

SCHOOL_PSEUDONYM = PSEUDONYM_COLUMNS[1]
SHOWS_VALUE = "_shows_value"
"""Whether a row shows a sensitive value."""
KNOWING_BOARD, AT_PRESENT_BOARD = "_at", "_at_home"
"""A board that knows the pupil of a row; 1 where it is the present one of the school, so once per row."""
ENTROPY_TOLERANCE = 1e-9
"""An entropy this near to its limit counts as under it."""


def keep_residual_rows(
    rows: DataFrame, gone: Expression, project: Project, floors: PlatformFloors, boards: DataFrame
) -> DataFrame:
    """The rows that stay.

    Takes: the rows of a pseudonymous table; which of them must go; what was agreed; the platform's floors;
    the boards of schools as `pupil_boards.keyed` gives them.
    Gives: rows of classes that lost nobody, and of classes that still meet every limit; columns unchanged. A
    class is counted at today's boards of the schools that the table names; where a column is sensitive, rows
    that show a value and rows that show `onbekend` are classes of their own. No class depends on another one,
    so once is enough.
    """
    by = _class_columns(project)
    marked = _with_population(rows, project)
    touched = marked.where(gone).select(*by).distinct()
    staying = marked.where(~gone)
    fallen = find_unsafe_classes(staying.join(touched, by, "left_semi"), project, floors, boards)
    return staying.join(fallen, by, "left_anti").select(*rows.columns)


def find_unsafe_classes(staying: DataFrame, project: Project, floors: PlatformFloors, boards: DataFrame) -> DataFrame:
    """The classes that lost somebody and do not meet their limits any more.

    Takes: what stays of every class that lost somebody, with POPULATION where a column is sensitive.
    Gives: what makes a class of each. Where the agreement holds a class against the whole cohort, which a
    table does not tell any more, every one of them.
    """
    by = _class_columns(project)
    asked, share = project.thresholds, Fraction(project.thresholds.max_share)
    known = _at_boards(staying, boards)
    # A board knows the pupils of all its schools: what holds for boards holds for schools.
    of_board = known.groupBy(*by, KNOWING_BOARD).agg(
        F.count(F.lit(1)).alias("_n"), F.sum(AT_PRESENT_BOARD).alias("_home")
    )
    classes = of_board.groupBy(*by).agg(
        F.sum("_home").alias("_pupils"), F.count_if(F.col("_home") > 0).alias("_boards"), F.max("_n").alias("_largest")
    )
    small = (F.col("_pupils") < asked.k) | (F.col("_boards") < asked.m)
    over = F.col("_largest") * share.denominator > F.col("_pupils") * share.numerator
    few = F.col("_pupils") - F.col("_largest") < asked.k_others
    fallen = classes.where(small | over | few).select(*by)
    if project.sensitive_column is not None:
        own = project.sensitive_column
        fallen = fallen.union(_telling(staying.where(SHOWS_VALUE), own, by, floors))
        fallen = fallen.union(_telling_a_board(known.where(SHOWS_VALUE), own, by, floors)).distinct()
    return fallen


def _at_boards(rows: DataFrame, boards: DataFrame) -> DataFrame:
    """Each row once per board that knows its pupil (AT), with HOME 1 at the present one of its school."""
    nowhere_else = F.lit(None).cast("array<binary>").alias(schemas.OTHER_SCHOOLS_CONTROL)
    at_school = rows.select(*rows.columns, F.unhex(SCHOOL_PSEUDONYM).alias(schemas.SCHOOL_CONTROL), nowhere_else)
    known = pupil_boards.add_boards(at_school, boards)
    home = (F.col(KNOWING_BOARD) == F.col(BOARD)).cast("int").alias(AT_PRESENT_BOARD)
    return known.select(*rows.columns, BOARD, F.explode(BOARDS).alias(KNOWING_BOARD)).select(
        *rows.columns, KNOWING_BOARD, home
    )


def _class_columns(project: Project) -> list[str]:
    """What makes a class: the quasi-identifiers, and whether a sensitive value is shown."""
    quasi = [column.name for column in project.quasi_identifiers]
    return [*quasi, SHOWS_VALUE] if project.sensitive_column is not None else quasi


def _with_population(rows: DataFrame, project: Project) -> DataFrame:
    own = project.sensitive_column
    return rows if own is None else rows.withColumn(SHOWS_VALUE, F.col(own.name) != UNKNOWN_VALUE)


def _telling(shown: DataFrame, own: DeclaredColumn, by: list[str], floors: PlatformFloors) -> DataFrame:
    """The classes that would give away more of a sensitive value than agreed."""
    limits = own.constraint
    if limits is None or limits.compares_with_cohort:
        return shown.select(*by).distinct()
    share = Fraction(min(limits.largest_value, floors.largest_value))
    values = shown.groupBy(*by, own.name).agg(F.count(F.lit(1)).alias("_n"))
    weighed = F.col("_n") * F.log("_n")
    classes = values.groupBy(*by).agg(
        F.sum("_n").alias("_pupils"),
        F.max("_n").alias("_largest"),
        F.count(F.lit(1)).alias("_values"),
        F.sum(weighed).alias("_weighed"),
    )
    over = F.col("_largest") * share.denominator > F.col("_pupils") * share.numerator
    alike = F.col("_values") < max(limits.distinct or 1, floors.distinct_values)
    if limits.entropy is not None:
        entropy = F.log("_pupils") - F.col("_weighed") / F.col("_pupils")
        alike |= entropy < log(limits.entropy) + ENTROPY_TOLERANCE
    return classes.where(over | alike).select(*by)


def _telling_a_board(known: DataFrame, own: DeclaredColumn, by: list[str], floors: PlatformFloors) -> DataFrame:
    """The classes of which a board, that knows its schools' pupils, would learn too much of the others."""
    cells = known.groupBy(*by, own.name, KNOWING_BOARD).agg(
        F.count(F.lit(1)).alias("_n"), F.sum(AT_PRESENT_BOARD).alias("_home")
    )
    of_value = F.sum("_home").over(Window.partitionBy(*by, own.name))
    of_class = Window.partitionBy(*by)
    whole = (F.col("_n") == F.col("_of_value")).cast("int")
    of_boards = (
        cells.withColumn("_of_value", of_value)
        .withColumn("_pupils", F.sum("_home").over(of_class))
        .withColumn("_values", F.size(F.collect_set(own.name).over(of_class)))
        .groupBy(*by, KNOWING_BOARD)
        .agg(
            F.sum("_n").alias("_own"),
            F.sum(whole).alias("_lost"),
            F.max("_pupils").alias("_pupils"),
            F.max("_values").alias("_values"),
        )
    )
    few = F.col("_pupils") - F.col("_own") < floors.pupils_without_school
    alike = F.col("_values") - F.col("_lost") < floors.values_without_school
    return of_boards.where(few | alike).select(*by).distinct()
