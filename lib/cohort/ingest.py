"""Schools' files → results, quarantine, ledger and feedback: only what is new, whole files or nothing.

Order of writing: results and quarantine, what the batch takes away of earlier ones written down, feedback,
and the ledger: with its lines the batch counts. Then what it replaces goes. What a killed run left of its
batch goes before the next one begins; what it had not yet taken away goes then, too.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, IntegerType, StringType, StructField, StructType

from cohort import (
    accounts,
    appraisal,
    barred,
    checks,
    completeness,
    consents,
    effects,
    erasure,
    expiry,
    faults,
    feedback,
    frames,
    ledger,
    objections,
    quality,
    reception,
    remains,
    removal,
    renumbering,
    retention,
    supersession,
    tables,
)
from cohort.accounts import Run
from cohort.appraisal import Intake as Intake
from cohort.arrivals import REPEATED, ROSTER, Desk
from cohort.barred import OBJECTED
from cohort.errors import DeliveriesRefused, expected
from cohort.ledger import Entry, Ledger
from cohort.places import Places
from cohort.reception import Numbered
from cohort.schema import ACCEPTED, CANONICAL, NUMBER

MOST_DELIVERIES = 2**18 - 1
"""What the number of a delivery may be: it has 18 bits in a pupil's packed record."""
WITHOUT_ROWS = (ROSTER, REPEATED)
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
Progress = Callable[[str], None]


def ingest(spark: SparkSession, intake: Intake, progress: Progress) -> dict[str, Any]:
    """Take in every file that was not taken in before.

    Gives: the record of the run, counts only.
    Refuses: no folder of deliveries (exit code 11).
    """
    places, holds = intake.places, intake.platform
    if not places.deliveries.is_dir():
        raise _refused("a folder of deliveries", "deliveries/99ZZ.csv", "Put the schools' files there")
    tables.create(spark, places.results, ACCEPTED, holds.tables, partitioned_by="batch")
    tables.create(spark, places.quarantine, QUARANTINED, holds.tables, partitioned_by="batch")
    known = ledger.read(spark, places.ledger)
    sweep(spark, places, known)
    renumbered = renumbering.apply(spark, places, intake.changes)
    expiry.apply(spark, places, intake.consented)
    domains, lists = intake.catalogue.domains(), intake.lists
    if known.batches:
        effects.require_small(removal.current(spark, places, known.batches), lists, holds.objections, domains)
    limits = holds.intake.containers.limits()
    desk = Desk(places.deliveries, places.work / "received", intake.formats, limits, known.hashes)
    try:
        received = reception.receive(spark, desk, known)
        progress(f"deliveries: {len(received.files)} files, {len(received.new)} new")
        if known.last_number + len(received.new) > MOST_DELIVERIES:
            raise _refused(f"at most {MOST_DELIVERIES} deliveries", "18 years of them", "Begin a new root")
        run = Run(known.next_batch, intake.now, holds.intake.max_refused_share, intake.waiting)
        entries = _take_in(spark, intake, run, received.new, known, progress) if received.new else []
        if not entries:
            objections.remember(places.restricted, lists)
    finally:
        shutil.rmtree(places.work, ignore_errors=True)
    after = Ledger((*known.lines, *entries))
    _close(spark, places, after)
    gone = retention.apply(spark, places, holds, after, received.files, intake.now)
    gone["objected"] = remains.remove(places.deliveries, after, erasure.sought(spark, places, lists, domains))
    progress(f"retention: {sum(gone.values())} things of the past removed")
    told = completeness.of(intake.catalogue, after, entries)
    completeness.write(places, told)
    return {
        **accounts.summary(received, entries), "renumbered": renumbered, "removed": gone,
        "missing": completeness.counts(told),
    }  # fmt: skip


def sweep(spark: SparkSession, places: Places, known: Ledger) -> None:
    """Finish or remove what a killed intake left: what its batch takes away if that counts, else its rows."""
    shutil.rmtree(places.work, ignore_errors=True)
    feedback.sweep(places, known.last_number)
    _supersede(spark, places, known)
    for table in (places.results, places.quarantine):
        left = table / f"batch={known.next_batch}"
        if left.exists():
            tables.replace_batch(tables.read(spark, table).where("false"), table, known.next_batch)
            tables.vacuum(spark, table)
            shutil.rmtree(left, ignore_errors=True)
    removal.resume(places, removal.current(spark, places, known.batches).count())


def _take_in(
    spark: SparkSession,
    intake: Intake,
    run: Run,
    new: tuple[Numbered, ...],
    known: Ledger,
    progress: Progress,
) -> list[Entry]:
    readable = [(n, f) for n, f in new if not f.rejected and f.kind not in WITHOUT_ROWS]
    entries = [run.rejected(n, f, f.rejected) for n, f in new if f.rejected]
    entries += [
        run.roster(n, f, intake.catalogue.schools)
        for n, f in new
        if f.kind in WITHOUT_ROWS and not f.rejected
    ]
    lines: faults.Lines = {}
    today, newest, rules = intake.now.date(), intake.changes.newest_of, intake.platform.intake.rules
    if readable:
        judged, warnings = appraisal.appraise(
            spark, intake, readable, known, intake.places.work / f"{run.batch}"
        )
        counts = accounts.count(judged)
        found = [run.entry(n, f, counts.get(n, accounts.Count()), warnings.get(n, {})) for n, f in readable]
        found = [e for e in found if e.reason != ledger.OLDER or e.sha256 not in known.retried]
        if not found and not entries:
            return []
        refused = sum(entry.quarantined for entry in found)
        progress(f"quality: {sum(entry.delivered for entry in found)} rows, {refused} refused")
        _write(spark, judged, intake, found, run.batch)
        if any(checks.BROKEN in entry.codes for entry in found if entry.taken):
            removal.remove_broken(spark, intake.places, barred.named(spark, intake.lists))
        progress(f"results: {sum(e.accepted for e in found)} rows accepted")
        lines = faults.lines(
            spark, readable, found, intake.formats, intake.catalogue, today, newest, rules.told
        )
        entries += found
    entries = accounts.warned(sorted(entries, key=lambda entry: entry.levering_nr), known)
    entries = _write_down(spark, intake, known, entries, run.batch)
    differs = {n: f.differs for n, f in new if f.differs}
    for entry in entries:
        feedback.write(intake.places, entry, lines.get(entry.levering_nr, {}), differs.get(entry.levering_nr))
    progress(f"feedback: {len(entries)} files")
    ledger.append(spark, intake.places.ledger, entries, intake.platform.tables)
    _supersede(spark, intake.places, Ledger((*known.lines, *entries)))
    return entries


def _write(spark: SparkSession, judged: DataFrame, intake: Intake, entries: list[Entry], batch: int) -> None:
    """The rows of files taken in; none, good or refused, of a pupil with an objection in force."""
    taken = [(entry.levering_nr,) for entry in entries if entry.taken]
    whole = judged.join(
        F.broadcast(frames.local(spark, f"{NUMBER} int not null", taken)), NUMBER, "left_semi"
    )
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


def _write_down(
    spark: SparkSession, intake: Intake, known: Ledger, entries: list[Entry], batch: int
) -> list[Entry]:
    """Find what this batch takes away and write it down; the entries with what each of them takes away."""
    schools = supersession.concerned(known.lines, entries)
    if not schools:
        return entries
    places = intake.places
    results = tables.read(spark, places.results).where(F.col("batch").isin([*known.batches, batch]))
    rows = supersession.rows_of(results, schools, (*known.lines, *entries), batch).persist()
    try:
        sizes, pairs = supersession.overlaps(rows)
        new = frozenset(entry.levering_nr for entry in entries)
        dead = supersession.dead(sizes, pairs, intake.platform.intake.whole_share, new)
        gone = supersession.superseded(spark, rows, dead)
        folder = str(places.superseding / f"{batch}")
        gone.coalesce(1).write.mode("overwrite").option("compression", "lz4").parquet(folder)
    finally:
        rows.unpersist()
    told = supersession.counted(spark.read.schema(gone.schema).parquet(folder))
    return [
        replace(
            entry,
            replaced=told.get((entry.levering_nr, supersession.REPLACED), {}),
            withdrawn=told.get((entry.levering_nr, supersession.WITHDRAWN), {}),
        )
        for entry in entries
    ]


def _supersede(spark: SparkSession, places: Places, known: Ledger) -> None:
    """Take away what the batches of the ledger replace; forget what a killed run had only written down."""
    for batch in ledger.superseding(places.ledger):
        folder = places.superseding / f"{batch}"
        if batch in known.batches:
            rows = spark.read.parquet(str(folder)).select(*supersession.IDENTITY)
            if not rows.isEmpty():
                tables.remove_rows(spark, places.results, rows)
        shutil.rmtree(folder)


def _close(spark: SparkSession, places: Places, after: Ledger) -> None:
    """accepted = current + replaced + withdrawn + erased, over all runs."""
    there = removal.current(spark, places, after.batches).count()
    if there + removal.erased_so_far(places) != after.current():
        raise AssertionError("the results are not what the ledger says was accepted and not taken away")


def _refused(what: str, example: str, do: str) -> DeliveriesRefused:
    return DeliveriesRefused(
        expected(what, example=example, found="none or more", where="deliveries/", do=do)
    )
