"""Special-category values without a consent any more, emptied in the results: their rows stay.

Nothing tells how many there were: whoever reads a record could learn who consents to what.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort import tables
from cohort.consents import Given
from cohort.places import Places
from cohort.schema import SCORES

PAIR = ("pgn", "domein")


def apply(spark: SparkSession, places: Places, given: Given) -> bool:
    """Empty the scores of special-category rows that no live project has consent for.

    Takes: who consents to some live project, under every number of theirs.
    Gives: whether there were any. Killed half-way, it is simply done again.
    Refuses: values left behind in a file that is no longer of the table (exit code 16).
    """
    known = reduce(or_, (F.col(name).isNotNull() for name in SCORES))
    rows = tables.read(spark, places.results).where(F.col("bijzonder") & known)
    over = rows.select(*PAIR).distinct().join(given.frame(spark), list(PAIR), "left_anti")
    if over.isEmpty():
        return False
    tables.empty(spark, places.results, over, PAIR, "bijzonder", SCORES)
    tables.vacuum_whole(
        spark, places.results, "no file with values whose consent ended", found="files left behind",
        where="restricted/results", do="Look at its permissions, then run ingest again",
    )  # fmt: skip
    return True
