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

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.identifiers import school_code
from cohort.quality import CODES
from cohort.schema import NUMBER

SCHOOLS, GROUPS, APART = "TWO_SCHOOLS", "TWO_YEAR_GROUPS", "YEAR_GROUPS_APART"
PAIR = ("pgn", "schooljaar")
PRIMARY = tuple(map(str, range(1, 9)))
MOST_APART = 3
"""School years that a pupil repeats or skips at most: group 8 and a year later group 2 are 7 apart."""
_PGN, _SCHOOLS, _GROUPS, _APART, _LOOK = "_pgn", "_two_schools", "_two_groups", "_apart", "_look"
FLAGS = {SCHOOLS: _SCHOOLS, GROUPS: _GROUPS, APART: _APART}
"""Every rule of this room, by its code."""


@dataclass(frozen=True)
class Doubts:
    """Pupils of a run about whom there is a doubt (see `doubtful`), and the codes that refuse their rows."""

    pupils: DataFrame
    refused: tuple[str, ...]


def doubtful(judged: DataFrame, earlier: DataFrame | None) -> DataFrame:
    """The pupils of this run about whom there is a doubt, per school year and delivery.

    Takes: judged rows; the results of earlier runs, None when there are none.
    Gives: `pgn`, `schooljaar`, `levering_nr`, and a flag per rule.
    """
    group = F.xxhash64("jaargroep")
    new = judged.where(F.col(CODES) == "").select(
        *PAIR, NUMBER, *_known(), F.when(F.col("jaargroep").isNotNull(), group).alias("_group")
    )
    before = None
    if earlier is not None:
        pupils = new.select(_PGN).distinct()
        before = earlier.select("schooljaar", *_known()).join(F.broadcast(pupils), _PGN, "left_semi")
    some, apart = _of_a_year(new, before), _of_all_years(new, before)
    rows = new.join(F.broadcast(some), [_PGN, "schooljaar"], "left").join(F.broadcast(apart), _PGN, "left")
    within = F.col(_LOOK) & (F.min("_group") != F.max("_group"))
    found = (
        rows.where(F.col(_SCHOOLS) | F.col(_LOOK) | F.col(_APART))
        .groupBy(*PAIR, NUMBER, _SCHOOLS, _LOOK, _APART)
        .agg(F.coalesce(within, F.lit(False)).alias(_GROUPS))
    )
    flags = [F.coalesce(name, F.lit(False)).alias(name) for name in FLAGS.values()]
    return found.select(*PAIR, NUMBER, *flags).where(reduce(or_, map(F.col, FLAGS.values())))


def _known() -> list[Column]:
    """Of a result: its pupil, its school, and how far its year group is from what it was in the year 0."""
    group, year = F.col("jaargroep"), F.substring("schooljaar", 1, 4).cast("int")
    return [
        F.col("pgn").cast("int").alias(_PGN),
        school_code(F.col("brin")).alias("_school"),
        F.when(group.isin(*PRIMARY), group.try_cast("int") - year).alias("_ahead"),
    ]


def _of_a_year(new: DataFrame, before: DataFrame | None) -> DataFrame:
    """Pupils and school years with two schools, or with two year groups in whatever deliveries."""
    year = [_PGN, "schooljaar"]
    whole = new.groupBy(*year).agg(
        F.min("_school").alias("_least"), F.max("_school").alias("_most"),
        (F.min("_group") != F.max("_group")).alias(_LOOK),
    )  # fmt: skip
    if before is not None:
        seen = before.groupBy(*year).agg(F.min("_school").alias("_a"), F.max("_school").alias("_b"))
        whole = whole.join(seen, year, "left").select(
            *year, F.least("_least", "_a").alias("_least"), F.greatest("_most", "_b").alias("_most"), _LOOK
        )
    two = F.col("_least") != F.col("_most")
    return whole.where(two | F.col(_LOOK)).select(*year, two.alias(_SCHOOLS), _LOOK)


def _of_all_years(new: DataFrame, before: DataFrame | None) -> DataFrame:
    """Pupils whose year groups lie further from their school years than repeating and skipping explain."""
    every = new.select(_PGN, "_ahead")
    if before is not None:
        every = every.union(before.select(_PGN, "_ahead"))
    span = F.max("_ahead") - F.min("_ahead")
    return every.groupBy(_PGN).agg((span > MOST_APART).alias(_APART)).where(_APART)


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
