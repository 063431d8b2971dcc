"""Schools' files → results, quarantine, ledger and feedback: only what is new, whole files or nothing.

Order of writing: results and quarantine first, feedback, and the ledger last: with its lines the batch
counts. What a killed run left of its batch goes before the next one begins.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, IntegerType, StringType, StructField, StructType

from cohort import accounts, deliveries, feedback, frames, ledger, objections, quality, tables
from cohort.accounts import OBJECTED, Run
from cohort.catalogue import Catalogue
from cohort.deliveries import DeliveredFile, Numbered
from cohort.errors import DeliveriesRefused, expected, not_yet
from cohort.ledger import TAKEN, Entry, Ledger
from cohort.objections import Objections
from cohort.places import Places
from cohort.platform import Platform
from cohort.quality import CODES
from cohort.schema import ACCEPTED, CANONICAL, NUMBER

MOST_DELIVERIES = 2**18 - 1
"""What the number of a delivery may be: it has 18 bits in a pupil's packed record."""
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


@dataclass(frozen=True)
class Intake:
    """What one run of intake needs beside the files."""

    places: Places
    platform: Platform
    catalogue: Catalogue
    lists: Objections
    now: dt.datetime


def ingest(spark: SparkSession, intake: Intake, progress: Callable[[str], None]) -> dict[str, Any]:
    """Take in every file that was not taken in before.

    Gives: the record of the run, counts only.
    Refuses: no folder of deliveries (exit code 11); files of a format that is not supported yet, after the
    others were taken in (exit code 10).
    """
    places, retention = intake.places, intake.platform.tables
    if not places.deliveries.is_dir():
        raise _refused("a folder of deliveries", "deliveries/99ZZ.csv", "Put the schools' files there")
    tables.create(spark, places.results, ACCEPTED, retention, partitioned_by="batch")
    tables.create(spark, places.quarantine, QUARANTINED, retention, partitioned_by="batch")
    known = ledger.read(spark, places.ledger)
    sweep(spark, places, known)
    paths = sorted(path for path in places.deliveries.rglob("*") if path.is_file())
    with ThreadPoolExecutor(2) as readers:
        files = list(readers.map(partial(deliveries.look, folder=places.deliveries), paths))
    later = [f for f in files if f.later]
    numbered = list(enumerate(_fresh(files, known), known.last_number + 1))
    progress(f"deliveries: {len(files)} files, {len(numbered)} new")
    if known.last_number + len(numbered) > MOST_DELIVERIES:
        raise _refused(f"at most {MOST_DELIVERIES} deliveries", "18 years of them", "Begin a new root")
    run = Run(known.next_batch, intake.now, intake.platform.intake.max_refused_share)
    entries = _take_in(spark, intake, run, numbered, progress) if numbered else []
    if later:
        raise not_yet(
            f"A delivery as {' or '.join(sorted({str(f.later) for f in later}))}",
            f"deliveries/, {len(later)} files",
            f"Deliver these as CSV; the {len(entries)} other new files were looked at",
        )
    return accounts.summary(len(files), entries)


def sweep(spark: SparkSession, places: Places, known: Ledger) -> None:
    """Remove what a killed intake left: frames between two passes, feedback, its batch's rows and files."""
    shutil.rmtree(places.work, ignore_errors=True)
    feedback.sweep(places, known.last_number)
    for table in (places.results, places.quarantine):
        left = table / f"batch={known.next_batch}"
        if left.exists():
            tables.replace_batch(tables.read(spark, table).where("false"), table, known.next_batch)
            tables.vacuum(spark, table)
            shutil.rmtree(left, ignore_errors=True)


def _fresh(files: list[DeliveredFile], known: Ledger) -> list[DeliveredFile]:
    """What was not taken in before, each content once, in the order of the files' paths.

    A content that was rejected for its file's name only may come again under another.
    """
    fresh: dict[str, DeliveredFile] = {}
    for file in sorted(files, key=lambda file: (file.misnamed, file.path)):
        seen = known.hashes | known.misnamed if file.misnamed else known.hashes
        if not file.later and file.sha256 not in seen:
            fresh.setdefault(file.sha256, file)
    return sorted(fresh.values(), key=lambda file: file.path)


def _take_in(
    spark: SparkSession, intake: Intake, run: Run, numbered: list[Numbered], progress: Callable[[str], None]
) -> list[Entry]:
    readable = [(n, f) for n, f in numbered if not f.rejected]
    entries = [run.rejected(n, f, f.rejected) for n, f in numbered if f.rejected]
    lines: dict[int, dict[str, list[int]]] = {}
    try:
        if readable:
            judged = _judged(spark, intake, readable, intake.places.work / f"{run.batch}")
            counts = accounts.count(judged)
            found = [run.entry(n, f, counts.get(n, accounts.Count())) for n, f in readable]
            refused = sum(entry.quarantined for entry in found)
            progress(f"quality: {sum(entry.delivered for entry in found)} rows, {refused} refused")
            _write(spark, judged, intake, found, run.batch)
            progress(f"results: {sum(e.accepted for e in found)} rows accepted")
            lines = _lines(spark, intake, readable, found)
            entries += found
    finally:
        shutil.rmtree(intake.places.work, ignore_errors=True)
    entries.sort(key=lambda entry: entry.levering_nr)
    for entry in entries:
        feedback.write(intake.places, entry, lines.get(entry.levering_nr, {}))
    progress(f"feedback: {len(entries)} files")
    ledger.append(spark, intake.places.ledger, entries, intake.platform.tables)
    return entries


def _judged(spark: SparkSession, intake: Intake, readable: list[Numbered], work: Path) -> DataFrame:
    """Every row with its codes, kept in a file because several passes follow."""
    once = quality.judge(spark, deliveries.read(spark, readable), intake.catalogue, intake.now.date())
    blocked = objections.blocked_frame(spark, intake.lists.blocked).withColumn(OBJECTED, F.lit(True))
    marked = once.join(F.broadcast(blocked), "pgn", "left")
    marked.write.option("compression", "lz4").parquet(str(work))
    kept = spark.read.schema(marked.schema).parquet(str(work))
    twice = frames.materialised(quality.repeated(kept))
    return quality.refuse_repeated(kept, twice)


def _write(spark: SparkSession, judged: DataFrame, intake: Intake, entries: list[Entry], batch: int) -> None:
    """The rows of files taken in; none, good or refused, of a pupil with an objection in force."""
    taken = [(entry.levering_nr,) for entry in entries if entry.status == TAKEN]
    whole = judged.join(
        F.broadcast(frames.local(spark, f"{NUMBER} int not null", taken)), NUMBER, "left_semi"
    )
    free = whole.where(F.col(OBJECTED).isNull())
    total = sum(entry.accepted for entry in entries)
    files = max(2, -(-total // ROWS_PER_FILE))
    tables.replace_batch(quality.accepted(free, batch).coalesce(files), intake.places.results, batch)
    if any(entry.codes for entry in entries if entry.status == TAKEN):
        tables.replace_batch(quality.quarantined(free, batch).coalesce(1), intake.places.quarantine, batch)
    stored = tables.read(spark, intake.places.results).where(F.col("batch") == batch).count()
    if stored != total:
        raise AssertionError("the accepted rows that were written are not those that were counted")


def _lines(
    spark: SparkSession, intake: Intake, readable: list[Numbered], entries: list[Entry]
) -> dict[int, dict[str, list[int]]]:
    """Line numbers, from a second pass over the files with refusals only."""
    asked = {entry.levering_nr for entry in entries if entry.codes}
    files = [(n, f) for n, f in readable if n in asked]
    if not files:
        return {}
    once = quality.judge(spark, deliveries.read_lines(spark, files), intake.catalogue, intake.now.date())
    judged = once.select(NUMBER, "line", CODES, quality.SAME_RESULT, quality.SAME_ROW).persist()
    refused = quality.refuse_repeated(judged, quality.repeated(judged, "line"), "line")
    found = (
        refused.where(F.col(CODES) != "")
        .select(NUMBER, "line", F.explode(F.split(CODES, " ")).alias("code"))
        .groupBy(NUMBER, "code")
        .agg(F.slice(F.sort_array(F.collect_list("line")), 1, feedback.SHOWN_LINES).alias("lines"))
        .toArrow()
        .to_pylist()
    )
    judged.unpersist()
    lines: dict[int, dict[str, list[int]]] = defaultdict(dict)
    for line in found:
        lines[line[NUMBER]][line["code"]] = line["lines"]
    return lines


def _refused(what: str, example: str, do: str) -> DeliveriesRefused:
    return DeliveriesRefused(
        expected(what, example=example, found="none or more", where="deliveries/", do=do)
    )
