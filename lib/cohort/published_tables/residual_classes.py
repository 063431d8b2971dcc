"""Residual classes: what stays of a published table when rows must go.

In: the rows of a pseudonymous table and which of them must go. Out: the rows that stay. A class that lost a row and
then violates a limit goes as a whole; a class that lost none stays as it was verified. Called by `row_withdrawal`;
only the released columns are used, as the published table has no others.
"""

from __future__ import annotations

from fractions import Fraction
from math import log

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from cohort.agreements import DeclaredColumn, PlatformFloors, Project
from cohort.anonymisation import BOARD, BOARDS, add_boards
from cohort.data_states import OTHER_SCHOOLS_CONTROL, PSEUDONYM_COLUMNS, SCHOOL_CONTROL
from cohort.sdc import UNKNOWN_VALUE

SCHOOL_PSEUDONYM = PSEUDONYM_COLUMNS[1]
SHOWS_VALUE = "_shows_value"
"""Whether a row shows a sensitive value."""
KNOWING_BOARD, AT_PRESENT_BOARD = "_at", "_at_home"
"""A board that knows the pupil of a row; 1 where it is the present board of the school, so once per row."""
ENTROPY_TOLERANCE = 1e-9
"""An entropy this near above its limit counts as below it."""


def keep_residual_rows(
    rows: DataFrame, must_go: Column, project: Project, floors: PlatformFloors, boards: DataFrame
) -> DataFrame:
    """Keep the rows of classes that lost no row, and of classes that still satisfy every limit.

    A class is counted at today's boards of the schools that the table names. Where a column is sensitive, rows that
    show a value and rows that show `onbekend` are classes of their own. No class depends on another one, so one pass
    is enough.

    Args:
        rows: the rows of a pseudonymous table.
        must_go: whether a row must go.
        project: the project, with its thresholds.
        floors: the platform's floors.
        boards: the boards of schools, as `pupil_boards.make_board_frame` gives them.

    Returns:
        The rows that stay, columns unchanged.
    """
    by = _class_columns(project)
    marked = _mark_shown_values(rows, project)
    touched = marked.where(must_go).select(*by).distinct()
    staying = marked.where(~must_go)
    unsafe = find_unsafe_classes(staying.join(touched, by, "left_semi"), project, floors, boards)
    return staying.join(unsafe, by, "left_anti").select(*rows.columns)


def find_unsafe_classes(rows: DataFrame, project: Project, floors: PlatformFloors, boards: DataFrame) -> DataFrame:
    """The classes that violate a limit.

    Args:
        rows: the rows that stay of classes that lost a row, with `_shows_value` where a column is sensitive.
        project: the project, with its thresholds.
        floors: the platform's floors.
        boards: the boards of schools, as `pupil_boards.make_board_frame` gives them.

    Returns:
        The columns that make a class, once per unsafe class. Where a sensitive constraint compares classes with the
        whole cohort, which a table does not show any more, every class is unsafe.
    """
    by = _class_columns(project)
    by_board = _repeat_per_board(rows, boards)
    unsafe = _unsafe_by_size(by_board, project, by)
    sensitive = project.sensitive_column
    if sensitive is None:
        return unsafe
    unsafe = unsafe.union(_unsafe_by_values(rows.where(SHOWS_VALUE), sensitive, by, floors))
    return unsafe.union(_unsafe_without_a_board(by_board.where(SHOWS_VALUE), sensitive, by, floors)).distinct()


def _unsafe_by_size(by_board: DataFrame, project: Project, by: list[str]) -> DataFrame:
    """Classes under k pupils, m boards or k without the largest board, or with too large a share of one board.

    A board knows the pupils of all its schools: what is satisfied for boards is satisfied for schools.
    """
    thresholds, max_share = project.thresholds, Fraction(project.thresholds.max_share)
    boards = by_board.groupBy(*by, KNOWING_BOARD).agg(
        F.count(F.lit(1)).alias("_known"), F.sum(AT_PRESENT_BOARD).alias("_home")
    )
    classes = boards.groupBy(*by).agg(
        F.sum("_home").alias("_pupils"),
        F.count_if(F.col("_home") > 0).alias("_boards"),
        F.max("_known").alias("_largest"),
    )
    pupils, largest = F.col("_pupils"), F.col("_largest")
    too_small = (pupils < thresholds.k) | (F.col("_boards") < thresholds.m)
    too_dominant = largest * max_share.denominator > pupils * max_share.numerator
    too_few_others = pupils - largest < thresholds.k_others
    return classes.where(too_small | too_dominant | too_few_others).select(*by)


def _unsafe_by_values(shown: DataFrame, sensitive: DeclaredColumn, by: list[str], floors: PlatformFloors) -> DataFrame:
    """Classes that would reveal more of a sensitive value than agreed (l-diversity, and the largest share)."""
    constraint = sensitive.constraint
    if constraint is None or constraint.compares_with_cohort:
        return shown.select(*by).distinct()
    largest_share = Fraction(min(constraint.largest_value, floors.largest_value))
    values = shown.groupBy(*by, sensitive.name).agg(F.count(F.lit(1)).alias("_count"))
    classes = values.groupBy(*by).agg(
        F.sum("_count").alias("_pupils"),
        F.max("_count").alias("_largest"),
        F.count(F.lit(1)).alias("_values"),
        F.sum(F.col("_count") * F.log("_count")).alias("_weighted_logs"),
    )
    pupils = F.col("_pupils")
    too_dominant = F.col("_largest") * largest_share.denominator > pupils * largest_share.numerator
    too_alike = F.col("_values") < max(constraint.distinct or 1, floors.distinct_values)
    if constraint.entropy is not None:
        entropy = F.log(pupils) - F.col("_weighted_logs") / pupils
        too_alike |= entropy < log(constraint.entropy) + ENTROPY_TOLERANCE
    return classes.where(too_dominant | too_alike).select(*by)


def _unsafe_without_a_board(
    shown_by_board: DataFrame, sensitive: DeclaredColumn, by: list[str], floors: PlatformFloors
) -> DataFrame:
    """Classes in which a board, which knows its own pupils, would learn too much about the others."""
    cells = shown_by_board.groupBy(*by, sensitive.name, KNOWING_BOARD).agg(
        F.count(F.lit(1)).alias("_known"), F.sum(AT_PRESENT_BOARD).alias("_home")
    )
    of_value, of_class = Window.partitionBy(*by, sensitive.name), Window.partitionBy(*by)
    counted = cells.withColumns(
        {
            "_pupils_of_value": F.sum("_home").over(of_value),
            "_pupils": F.sum("_home").over(of_class),
            "_values": F.size(F.collect_set(sensitive.name).over(of_class)),
        }
    )
    knows_all_of_value = (F.col("_known") == F.col("_pupils_of_value")).cast("int")
    boards = counted.groupBy(*by, KNOWING_BOARD).agg(
        F.sum("_known").alias("_known_pupils"),
        F.sum(knows_all_of_value).alias("_known_values"),
        F.max("_pupils").alias("_pupils"),
        F.max("_values").alias("_values"),
    )
    too_few = F.col("_pupils") - F.col("_known_pupils") < floors.pupils_without_school
    too_alike = F.col("_values") - F.col("_known_values") < floors.values_without_school
    return boards.where(too_few | too_alike).select(*by).distinct()


def _repeat_per_board(rows: DataFrame, boards: DataFrame) -> DataFrame:
    """Each row once per board that knows its pupil (`_at`); `_at_home` is 1 for the present board of its school."""
    no_other_schools = F.lit(None).cast("array<binary>").alias(OTHER_SCHOOLS_CONTROL)
    home_school = F.unhex(SCHOOL_PSEUDONYM).alias(SCHOOL_CONTROL)
    with_boards = add_boards(rows.select(*rows.columns, home_school, no_other_schools), boards)
    repeated = with_boards.select(*rows.columns, BOARD, F.explode(BOARDS).alias(KNOWING_BOARD))
    is_present = (F.col(KNOWING_BOARD) == F.col(BOARD)).cast("int").alias(AT_PRESENT_BOARD)
    return repeated.select(*rows.columns, KNOWING_BOARD, is_present)


def _class_columns(project: Project) -> list[str]:
    """The columns that make a class: the quasi-identifiers, and whether a sensitive value is shown."""
    quasi_identifiers = [column.name for column in project.quasi_identifiers]
    return quasi_identifiers if project.sensitive_column is None else [*quasi_identifiers, SHOWS_VALUE]


def _mark_shown_values(rows: DataFrame, project: Project) -> DataFrame:
    sensitive = project.sensitive_column
    return rows if sensitive is None else rows.withColumn(SHOWS_VALUE, F.col(sensitive.name) != UNKNOWN_VALUE)
