"""The restricted tables of results and of refused rows: made, written by batch, counted."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, IntegerType, StringType, StructField, StructType

from cohort import consents, frames, quality, tables
from cohort.filed import removal
from cohort.filed.barred import OBJECTED
from cohort.intake.ledger import Entry, Ledger
from cohort.intake.run import Intake
from cohort.places import Places
from cohort.platform import Tables
from cohort.schema import ACCEPTED, CANONICAL, NUMBER

ROWS_PER_FILE = 2_000_000
QUARANTINED = StructType(
    [
        StructField("pgn", StringType()),
        StructField(NUMBER, IntegerType(), False),
        StructField("batch", IntegerType(), False),
        StructField("codes", ArrayType(StringType(), False), False),
        StructField("row", StructType([StructField(name, StringType()) for name in CANONICAL])),
    ]
)


def create(spark: SparkSession, places: Places, retention: Tables) -> None:
    """Make both tables, empty, unless they are there."""
    tables.create(spark, places.results, ACCEPTED, retention, partitioned_by="batch")
    tables.create(spark, places.quarantine, QUARANTINED, retention, partitioned_by="batch")


def write(spark: SparkSession, judged: DataFrame, intake: Intake, entries: list[Entry], batch: int) -> None:
    """The rows of files taken in; none, good or refused, of a pupil with an objection in force."""
    taken = [(entry.levering_nr,) for entry in entries if entry.taken]
    whole = judged
    if len(taken) < len(entries):  # a join copies every row
        listed = frames.local(spark, f"{NUMBER} int not null", taken)
        whole = judged.join(F.broadcast(listed), NUMBER, "left_semi")
    free = whole.where(F.col(OBJECTED).isNull())
    total = sum(entry.accepted for entry in entries)
    files = max(2, -(-total // ROWS_PER_FILE))
    tables.replace_batch(quality.accepted(free, batch).coalesce(files), intake.places.results, batch)
    if any(entry.codes for entry in entries if entry.taken):
        refused = quality.quarantined(consents.without_special(free, quality.RAW), batch)
        tables.replace_batch(refused.coalesce(1), intake.places.quarantine, batch)
    stored = tables.read(spark, intake.places.results).where(F.col("batch") == batch).count()
    if stored != total:
        raise AssertionError("the accepted rows that were written are not those that were counted")


def close(spark: SparkSession, places: Places, after: Ledger) -> None:
    """accepted = current + replaced + withdrawn + erased, over all runs."""
    there = removal.current(spark, places, after.batches).count()
    if there + removal.erased_so_far(places) != after.current():
        raise AssertionError("the results are not what the ledger says was accepted and not taken away")
