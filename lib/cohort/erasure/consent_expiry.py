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
from cohort.foundation import json_documents
from cohort.legal_basis.consent_register import ConsentedPupils
from cohort.states.schemas import SCORE_COLUMNS
from cohort.storage.zone_paths import StorageZones

PUPIL_CATEGORY_COLUMNS = ("pgn", "domein")
ERASURE_BEGUN = "begun"
"""What the mark says while values are emptied and their files still stand."""


def erase_expired_consent_values(
    spark: SparkSession, zones: StorageZones, given: ConsentedPupils, *, empty: bool = False
) -> bool:
    """Empty the scores of special-category rows that no live project has consent for.

    Takes: who consents to some live project, under every number of theirs. Nothing is looked for when these
    very consents were applied before: intake keeps no value without one. Whether nothing was taken in yet.
    Gives: whether there were any. Killed half-way, it is simply done again.
    Refuses: values left behind in a file that is no longer of the table (exit code 16).
    """
    mark, digest = _mark(zones), _digest(given)
    applied = json_documents.read_applied_digest(mark)
    if applied == digest:
        return False
    begun = applied == ERASURE_BEGUN
    known = reduce(or_, (F.col(name).isNotNull() for name in SCORE_COLUMNS))
    rows = delta.read_table(spark, zones.results).where(F.col("bijzonder") & known)
    over = rows.join(given.to_frame(spark), list(PUPIL_CATEGORY_COLUMNS), "left_anti") if given.pairs else rows
    found = not empty and not over.isEmpty()
    if found:
        json_documents.write_json_document(mark, {"digest": ERASURE_BEGUN})
        delta.clear_columns(
            spark,
            zones.results,
            over.select(*PUPIL_CATEGORY_COLUMNS),
            PUPIL_CATEGORY_COLUMNS,
            "bijzonder",
            SCORE_COLUMNS,
        )
    if found or begun:
        delta.vacuum_table_or_refuse(
            zones.results,
            "no file with values whose consent ended",
            found="files left behind",
            where="restricted/results",
            do="Look at its permissions, then run ingest again",
        )
    json_documents.write_json_document(mark, {"digest": digest})
    return found or begun


def _digest(given: ConsentedPupils) -> str:
    told = hashlib.sha256()
    for pair in sorted(given.pairs):
        told.update(" ".join(pair).encode() + b"\n")
    return told.hexdigest()


def _mark(zones: StorageZones) -> Path:
    return zones.exact_records / "toestemmingen.json"
