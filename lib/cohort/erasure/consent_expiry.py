"""Expiry of consent: special-category values without a consent any more are emptied in the results.

In: the pupils who consent to some live project. Out: the same rows, with empty scores; no file has an emptied value.
Called at the beginning of every ingestion. Nothing may say how many values there were: the reader of a record could
learn who consents to what.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort.data_states import SCORE_COLUMNS
from cohort.delta import clear_columns, read_table, vacuum_table_or_refuse
from cohort.legal_basis import ConsentedPupils, digest_consented_pairs
from cohort.storage import StoragePath, StorageZones, read_applied_digest, write_json_document

PUPIL_CATEGORY_COLUMNS = ("pgn", "domein")
ERASURE_BEGUN = "begun"
"""The digest in the mark while values are emptied and files with them may still exist."""


def erase_expired_consent_values(
    spark: SparkSession, zones: StorageZones, consented: ConsentedPupils, *, empty: bool = False
) -> bool:
    """Empty the scores of special-category rows that no live project has consent for.

    Nothing is searched when the same consents were applied before: ingestion keeps no value without one. A run that
    was killed is repeated by the next one.

    Args:
        spark: the session.
        zones: the zones of the storage root.
        consented: the pupils who consent to some live project, under every number of theirs.
        empty: whether there are no results yet.

    Returns:
        Whether there were values to empty.

    Raises:
        DestructionIncomplete: a file with emptied values that cannot be removed (exit code 16).
    """
    mark = _mark_path(zones)
    digest = digest_consented_pairs(consented.pairs, prefix="", separator="\n")
    applied = read_applied_digest(mark)
    if applied == digest:
        return False
    interrupted = applied == ERASURE_BEGUN
    has_score = reduce(or_, (F.col(name).isNotNull() for name in SCORE_COLUMNS))
    expired = read_table(spark, zones.results).where(F.col("bijzonder") & has_score)
    if consented.pairs:
        expired = expired.join(consented.to_frame(spark), list(PUPIL_CATEGORY_COLUMNS), "left_anti")
    has_expired = not empty and not expired.isEmpty()
    if has_expired:
        write_json_document(mark, {"digest": ERASURE_BEGUN})
        pupils = expired.select(*PUPIL_CATEGORY_COLUMNS)
        clear_columns(spark, zones.results, pupils, PUPIL_CATEGORY_COLUMNS, "bijzonder", SCORE_COLUMNS)
    if has_expired or interrupted:
        vacuum_table_or_refuse(
            zones.results,
            "no file with values whose consent ended",
            found="files left behind",
            where="restricted/results",
            do="Look at its permissions, then run ingest again",
        )
    write_json_document(mark, {"digest": digest})
    return has_expired or interrupted


def _mark_path(zones: StorageZones) -> StoragePath:
    """The mark with the digest of the consents that were applied last."""
    return zones.exact_records / "toestemmingen.json"
