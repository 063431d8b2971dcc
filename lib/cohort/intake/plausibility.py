"""What may be right and may be wrong of one pupil's rows taken together: schools and year groups.

A pupil moves, and a school corrects a year group: `platform.toml` says whether that is told as a warning or
refused. Schools are compared over all of a school year's results, year groups within one delivery; the
progress from year group to year group over all of a pupil's results.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from cohort.identifiers import school_code
from cohort.quality import CODES
from cohort.schema import NUMBER

SCHOOLS, GROUPS, APART = "TWO_SCHOOLS", "TWO_YEAR_GROUPS", "YEAR_GROUPS_APART"
PAIR = ("pgn", "schooljaar")
PRIMARY = tuple(map(str, range(1, 9)))
MOST_APART = 3
"""School years that a pupil repeats or skips at most: group 8 and a year later group 2 are 7 apart."""
_PGN, _SCHOOL, _AHEAD, _GROUP = "_pgn", "_school", "_ahead", "_group"
_SCHOOLS, _GROUPS, _APART, _LOOK = "_two_schools", "_two_groups", "_apart", "_look"
FLAGS = {SCHOOLS: _SCHOOLS, GROUPS: _GROUPS, APART: _APART}
"""Every rule of this room, by its code."""


@dataclass(frozen=True)
class Doubts:
    """Pupils of a run about whom there is a doubt (see `doubtful`), and the codes that refuse their rows."""

    pupils: DataFrame
    refused: tuple[str, ...]


def doubtful(good: DataFrame, earlier: DataFrame | None) -> DataFrame:
    """The pupils of this run about whom there is a doubt, per school year and delivery.

    Takes: this run's rows that broke no other rule; the results of earlier runs, None when there are none.
    Gives: `pgn`, `schooljaar`, `levering_nr`, and a flag per rule.
    """
    group = F.when(F.col("jaargroep").isNotNull(), F.xxhash64("jaargroep")).alias(_GROUP)
    new = good.select(*PAIR, NUMBER, *_known(), group)
    flagged = _flagged(new, earlier)
    rows = new.join(F.broadcast(flagged), [_PGN, "schooljaar"])
    within = F.col(_LOOK) & (F.min(_GROUP) != F.max(_GROUP))
    found = rows.groupBy(*PAIR, NUMBER, _SCHOOLS, _LOOK, _APART).agg(
        F.coalesce(within, F.lit(False)).alias(_GROUPS)
    )
    flags = [F.coalesce(name, F.lit(False)).alias(name) for name in FLAGS.values()]
    return found.select(*PAIR, NUMBER, *flags).where(reduce(or_, map(F.col, FLAGS.values())))


def _known() -> list[Column]:
    """Of a result: its pupil, its school, and how far its year group is from what it was in the year 0."""
    group, year = F.col("jaargroep"), F.substring("schooljaar", 1, 4).cast("int")
    return [
        _number(),
        school_code(F.col("brin")).alias(_SCHOOL),
        F.when(group.isin(*PRIMARY), group.try_cast("int") - year).alias(_AHEAD),
    ]


def _number() -> Column:
    return F.col("pgn").cast("int").alias(_PGN)


def _flagged(new: DataFrame, earlier: DataFrame | None) -> DataFrame:
    """Pupils and school years with two schools, with two year groups in whatever deliveries, or with a year
    group further from the school year than repeating and skipping explain.

    Each row is read once: what is asked of a pupil follows from what is known of the pupil's years.
    """
    columns = (_PGN, "schooljaar", _SCHOOL, _AHEAD)
    every = new.select(*columns, _GROUP)
    if earlier is not None:
        pupils = F.broadcast(new.select(_PGN).distinct())
        theirs = earlier.withColumn(_PGN, _number()).join(pupils, _PGN, "left_semi")
        before = theirs.select("schooljaar", *_known())  # not before the join: of few rows, not of all
        every = every.union(before.select(*columns, F.lit(None).cast("long")))
    names = (_SCHOOL, _AHEAD, _GROUP)
    ends = [
        end(name).alias(f"{way}{name}") for name in names for way, end in (("least", F.min), ("most", F.max))
    ]
    years = every.groupBy(_PGN, "schooljaar").agg(*ends)
    pupil = Window.partitionBy(_PGN)
    span = F.max(f"most{_AHEAD}").over(pupil) - F.min(f"least{_AHEAD}").over(pupil)
    asked = {
        _SCHOOLS: F.col(f"least{_SCHOOL}") != F.col(f"most{_SCHOOL}"),
        _LOOK: F.col(f"least{_GROUP}") != F.col(f"most{_GROUP}"),
        _APART: span > MOST_APART,
    }
    flags = years.select(_PGN, "schooljaar", *(known.alias(name) for name, known in asked.items()))
    return flags.where(reduce(or_, map(F.col, asked)))


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
