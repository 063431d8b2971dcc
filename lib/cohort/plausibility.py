"""What may be right and may be wrong of one pupil's rows taken together: two schools, two year groups.

A pupil moves, and a school corrects a year group: `platform.toml` says whether that is told as a warning or
refused. Schools are compared over all of a school year's results, year groups within one delivery.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.identifiers import school_code
from cohort.quality import CODES
from cohort.schema import NUMBER

SCHOOLS, GROUPS = "TWO_SCHOOLS", "TWO_YEAR_GROUPS"
PAIR = ("pgn", "schooljaar")
_SCHOOLS, _GROUPS = "_two_schools", "_two_groups"


def doubtful(judged: DataFrame, earlier: DataFrame | None) -> DataFrame:
    """The pupils of this run about whom there is a doubt, per school year and delivery.

    Takes: judged rows; the results of earlier runs, None when there are none.
    Gives: `pgn`, `schooljaar`, `levering_nr`, `_two_schools`, `_two_groups`.
    """
    group = F.xxhash64("jaargroep")
    school = school_code(F.col("brin"))
    new = judged.where(F.col(CODES) == "").select(
        *PAIR, NUMBER, school.alias("_school"), F.when(F.col("jaargroep").isNotNull(), group).alias("_group")
    )
    whole = new.groupBy(F.col("pgn").cast("int").alias("_pgn"), "schooljaar").agg(
        F.min("_school").alias("_least"), F.max("_school").alias("_most"),
        (F.min("_group") != F.max("_group")).alias("_groups"),
    )  # fmt: skip
    if earlier is not None:
        there = earlier.select(F.col("pgn").cast("int").alias("_pgn"), "schooljaar", school.alias("_there"))
        before = there.join(F.broadcast(whole.select("_pgn", "schooljaar")), ["_pgn", "schooljaar"])
        seen = before.groupBy("_pgn", "schooljaar").agg(
            F.min("_there").alias("_a"), F.max("_there").alias("_b")
        )
        whole = whole.join(seen, ["_pgn", "schooljaar"], "left").select(
            "_pgn", "schooljaar", F.least("_least", "_a").alias("_least"),
            F.greatest("_most", "_b").alias("_most"), "_groups",
        )  # fmt: skip
    two = (F.col("_least") != F.col("_most")).alias(_SCHOOLS)
    some = whole.where((F.col("_least") != F.col("_most")) | F.col("_groups")).select(
        "_pgn", "schooljaar", two
    )
    rows = new.withColumn("_pgn", F.col("pgn").cast("int")).join(F.broadcast(some), ["_pgn", "schooljaar"])
    within = F.coalesce(F.min("_group") != F.max("_group"), F.lit(False)).alias(_GROUPS)
    found = rows.groupBy(*PAIR, NUMBER).agg(F.first(_SCHOOLS).alias(_SCHOOLS), within)
    return found.where(F.col(_SCHOOLS) | F.col(_GROUPS))


def refused(judged: DataFrame, doubtful: DataFrame, refusing: Iterable[str]) -> DataFrame:
    """The judged rows with the codes of those doubts that are refused."""
    flags = {SCHOOLS: _SCHOOLS, GROUPS: _GROUPS}
    codes = [F.when(F.col(flags[code]), F.lit(code)) for code in refusing]
    if not codes:
        return judged
    told = F.when(F.col(CODES) == "", F.concat_ws(" ", *codes)).otherwise(F.col(CODES))
    joined = judged.join(F.broadcast(doubtful), [*PAIR, NUMBER], "left")
    return joined.withColumn(CODES, told).select(*judged.columns)


def warnings(doubtful: DataFrame, refusing: Iterable[str]) -> dict[int, dict[str, int]]:
    """Per delivery the pupils about whom there is a doubt that is not refused: an action."""
    counts = doubtful.groupBy(NUMBER).agg(
        F.count_if(_SCHOOLS).alias(SCHOOLS), F.count_if(_GROUPS).alias(GROUPS)
    )
    told = [code for code in (SCHOOLS, GROUPS) if code not in refusing]
    return {
        line[NUMBER]: {code: line[code] for code in told if line[code]}
        for line in counts.toArrow().to_pylist()
    }
