"""What may be right and may be wrong of one pupil's rows taken together: schools and year groups.

A pupil moves, and a school corrects a year group: `platform.toml` says whether that is told as a warning or
refused. Schools are compared over all of a school year's results, year groups within one delivery; the
progress from year group to year group over all of a pupil's results.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from cohort.identifiers import school_code
from cohort.quality import CODES
from cohort.schema import NUMBER

SCHOOLS, GROUPS, APART = "TWO_SCHOOLS", "TWO_YEAR_GROUPS", "YEAR_GROUPS_APART"
PAIR = ("pgn", "schooljaar")
PRIMARY = tuple(map(str, range(1, 9)))
MOST_APART = 3
"""School years that a pupil repeats or skips at most: group 8 and a year later group 2 are 7 apart."""
_PGN, _YEAR, _SCHOOL, _AHEAD, _GROUP = "_pgn", "_year", "_school", "_ahead", "_group"
_SCHOOLS, _GROUPS, _APART = "_two_schools", "_two_groups", "_apart"
FLAGS = {SCHOOLS: _SCHOOLS, GROUPS: _GROUPS, APART: _APART}
"""Every rule of this room, by its code."""


def doubtful(good: DataFrame, earlier: DataFrame | None) -> DataFrame:
    """The pupils of this run about whom there is a doubt, per school year and delivery.

    Takes: this run's rows that broke no other rule; the results of earlier runs, None when there are none.
    Gives: `pgn`, `schooljaar`, `levering_nr`, and a flag per rule: two schools in a school year, two year
    groups in a delivery, a year group further from the school year than repeating and skipping explain.
    Each row is read once: what is asked of a pupil follows from what is known of the pupil's years.
    """
    group = F.when(F.col("jaargroep").isNotNull(), F.xxhash64("jaargroep")).alias(_GROUP)
    every = good.select(*_known(), NUMBER, group)
    if earlier is not None:
        pupils = F.broadcast(good.select(_number()).distinct())
        theirs = earlier.withColumn(_PGN, _number()).join(pupils, _PGN, "left_semi")
        unsaid = F.lit(None).cast("int").alias(NUMBER), F.lit(None).cast("long").alias(_GROUP)
        every = every.union(theirs.select(*_known(), *unsaid))  # worked out of few rows, not of all
    ends = [
        end(name).alias(f"{way}{name}")
        for name in (_SCHOOL, _AHEAD, _GROUP)
        for way, end in (("least", F.min), ("most", F.max))
    ]
    parts = every.groupBy(_PGN, _YEAR, NUMBER).agg(*ends)
    apart = _span(_AHEAD, Window.partitionBy(_PGN)) > MOST_APART
    moved = _span(_SCHOOL, Window.partitionBy(_PGN, _YEAR)) > 0
    mixed = F.col(f"least{_GROUP}") != F.col(f"most{_GROUP}")
    asked = {_APART: apart, _SCHOOLS: moved, _GROUPS: mixed}
    flags = [F.coalesce(answer, F.lit(False)).alias(name) for name, answer in asked.items()]
    told = parts.select(*_named(), NUMBER, *flags)
    return told.where(F.col(NUMBER).isNotNull() & reduce(or_, map(F.col, asked)))


def _known() -> list[Column]:
    """Of a result: its pupil, its school, and how far its year group is from what it was in the year 0."""
    group, year = F.col("jaargroep"), F.substring("schooljaar", 1, 4).cast("int")
    ahead = F.when(group.isin(*PRIMARY), group.try_cast("int") - year).alias(_AHEAD)
    return [_number(), year.alias(_YEAR), school_code(F.col("brin")).alias(_SCHOOL), ahead]


def _number() -> Column:
    return F.col("pgn").cast("int").alias(_PGN)


def _named() -> list[Column]:
    """Pupil and school year as rows have them, from the numbers that they are grouped by."""
    year = F.col(_YEAR).cast("string"), F.lit("-"), (F.col(_YEAR) + 1).cast("string")
    return [F.lpad(F.col(_PGN).cast("string"), 9, "0").alias("pgn"), F.concat(*year).alias("schooljaar")]


def _span(name: str, over: WindowSpec) -> Column:
    return F.max(f"most{name}").over(over) - F.min(f"least{name}").over(over)


def refused(judged: DataFrame, doubtful: DataFrame, refusing: Iterable[str]) -> DataFrame:
    """The judged rows with the codes of those doubts that are refused."""
    codes = [F.when(F.col(FLAGS[code]), F.lit(code)) for code in refusing]
    if not codes:
        return judged
    told = F.when(F.col(CODES) == "", F.concat_ws(" ", *codes)).otherwise(F.col(CODES))
    joined = judged.join(F.broadcast(doubtful), [*PAIR, NUMBER], "left")
    return joined.withColumn(CODES, told).select(*judged.columns)


def counted(doubtful: DataFrame) -> dict[int, dict[str, int]]:
    """Per delivery the pupils about whom there is a doubt, by its code: an action."""
    counts = doubtful.groupBy(NUMBER).agg(*(F.count_if(flag).alias(code) for code, flag in FLAGS.items()))
    return {
        line[NUMBER]: {code: line[code] for code in FLAGS if line[code]}
        for line in counts.toArrow().to_pylist()
    }
