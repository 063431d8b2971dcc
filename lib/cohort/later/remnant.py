"""What is left of a published table when rows must go: classes that then fall under their limits go, too."""

from __future__ import annotations

from fractions import Fraction
from math import log

from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort import pupil_boards, schema
from cohort.columns import Column
from cohort.project import Project
from cohort.pupil_boards import BOARD, BOARDS
from cohort.schema import PSEUDONYMS

SCHOOL = PSEUDONYMS[1]
DOUBT = 1e-9
"""An entropy this near to its limit counts as under it."""


def of(rows: DataFrame, gone: Expression, project: Project, boards: DataFrame) -> DataFrame:
    """The rows that stay.

    Takes: the rows of a pseudonymous table; which of them must go; what was agreed; the boards of the schools
    as `pupil_boards.keyed` gives them.
    Gives: rows of classes that lost nobody, and of classes that still meet every limit; columns unchanged. A
    class is counted at today's boards of the schools that the table names. No class depends on another one,
    so once is enough.
    """
    by = [column.name for column in project.quasi_identifying]
    touched = rows.where(gone).select(*by).distinct()
    staying = rows.where(~gone)
    fallen = fallen_classes(staying.join(touched, by, "left_semi"), project, boards)
    return staying.join(fallen, by, "left_anti").select(*rows.columns)


def fallen_classes(staying: DataFrame, project: Project, boards: DataFrame) -> DataFrame:
    """The classes that lost somebody and do not meet their limits any more.

    Takes: what stays of every class that lost somebody.
    Gives: their quasi-identifying values. Where the agreement holds a class against the whole cohort, which a
    table does not tell any more, every one of them.
    """
    by = [column.name for column in project.quasi_identifying]
    asked, share = project.thresholds, Fraction(project.thresholds.max_share)
    nowhere_else = F.lit(None).cast("array<binary>").alias(schema.OTHERS)
    pupils = staying.select(*by, F.unhex(SCHOOL).alias(schema.SCHOOL), nowhere_else)
    known = pupil_boards.with_boards(pupils, boards)
    home = (F.col("_at") == F.col(BOARD)).cast("int").alias("_home")
    at = known.select(*by, BOARD, F.explode(BOARDS).alias("_at")).select(*by, "_at", home)
    # A board knows the pupils of all its schools: what holds for boards holds for schools.
    of_board = at.groupBy(*by, "_at").agg(F.count(F.lit(1)).alias("_n"), F.sum("_home").alias("_home"))
    classes = of_board.groupBy(*by).agg(
        F.sum("_home").alias("_pupils"), F.count_if(F.col("_home") > 0).alias("_boards"),
        F.max("_n").alias("_largest"),
    )  # fmt: skip
    small = (F.col("_pupils") < asked.k) | (F.col("_boards") < asked.m)
    over = F.col("_largest") * share.denominator > F.col("_pupils") * share.numerator
    few = F.col("_pupils") - F.col("_largest") < asked.k_others
    fallen = classes.where(small | over | few).select(*by)
    if project.sensitive is not None:
        fallen = fallen.union(_telling(staying, project.sensitive, by)).distinct()
    return fallen


def _telling(staying: DataFrame, own: Column, by: list[str]) -> DataFrame:
    """The classes that would give away more of a sensitive value than agreed."""
    limits = own.constraint
    if limits is None or limits.equal_closeness is not None or limits.ordered_closeness is not None:
        return staying.select(*by).distinct()
    share = Fraction(limits.largest_value)
    values = staying.groupBy(*by, own.name).agg(F.count(F.lit(1)).alias("_n"))
    weighed = F.col("_n") * F.log("_n")
    classes = values.groupBy(*by).agg(
        F.sum("_n").alias("_pupils"), F.max("_n").alias("_largest"), F.count(F.lit(1)).alias("_values"),
        F.sum(weighed).alias("_weighed"),
    )  # fmt: skip
    over = F.col("_largest") * share.denominator > F.col("_pupils") * share.numerator
    alike = F.col("_values") < (limits.distinct or 1)
    if limits.entropy is not None:
        entropy = F.log("_pupils") - F.col("_weighed") / F.col("_pupils")
        alike |= entropy < log(limits.entropy) + DOUBT
    return classes.where(over | alike).select(*by)
