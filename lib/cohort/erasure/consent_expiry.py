"""Special-category values without a consent any more, emptied in the results: their rows stay.

Nothing tells how many there were: whoever reads a record could learn who consents to what.
"""

from __future__ import annotations

import hashlib
from functools import reduce
from operator import or_
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.legal_basis.consents import Given
from cohort.release_records import release_record
from cohort.states.schemas import SCORES
from cohort.storage.paths import Places

PAIR = ("pgn", "domein")
BEGUN = "begun"
"""What the mark says while values are emptied and their files still stand."""


def apply(spark: SparkSession, places: Places, given: Given, *, empty: bool = False) -> bool:
    """Empty the scores of special-category rows that no live project has consent for.

    Takes: who consents to some live project, under every number of theirs. Nothing is looked for when these
    very consents were applied before: intake keeps no value without one. Whether nothing was taken in yet.
    Gives: whether there were any. Killed half-way, it is simply done again.
    Refuses: values left behind in a file that is no longer of the table (exit code 16).
    """
    mark, digest = _mark(places), _digest(given)
    applied = release_record.applied(mark)
    if applied == digest:
        return False
    begun = applied == BEGUN
    known = reduce(or_, (F.col(name).isNotNull() for name in SCORES))
    rows = delta.read(spark, places.results).where(F.col("bijzonder") & known)
    over = rows.join(given.frame(spark), list(PAIR), "left_anti") if given.pairs else rows
    found = not empty and not over.isEmpty()
    if found:
        release_record.write(mark, {"digest": BEGUN})
        delta.empty(spark, places.results, over.select(*PAIR), PAIR, "bijzonder", SCORES)
    if found or begun:
        delta.vacuum_whole(
            places.results,
            "no file with values whose consent ended",
            found="files left behind",
            where="restricted/results",
            do="Look at its permissions, then run ingest again",
        )
    release_record.write(mark, {"digest": digest})
    return found or begun


def _digest(given: Given) -> str:
    told = hashlib.sha256()
    for pair in sorted(given.pairs):
        told.update(" ".join(pair).encode() + b"\n")
    return told.hexdigest()


def _mark(places: Places) -> Path:
    return places.exact / "toestemmingen.json"
