"""New objections applied to everything that is there: a listed pupil's rows leave it at once.

Rows of results and quarantine, stages of projects that they change, raw files that hold their numbers. What
is erased is counted in a record that is written before and after, so that a killed run closes its sums when
it is run again: accepted = current + replaced + withdrawn + erased.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import (
    barred,
    effects,
    identifiers,
    ledger,
    memory,
    objections,
    permissions,
    receipts,
    register,
    remains,
    tables,
)
from cohort.catalogue import Catalogue
from cohort.checks import BROKEN
from cohort.errors import DestructionIncomplete, expected
from cohort.objections import Objections
from cohort.places import Places
from cohort.platform import Platform
from cohort.register import Record, Release
from cohort.schema import CANONICAL
from cohort.standing import Standing

UNFINISHED = frozenset({Release.STAGED, Release.VERIFIED})


def erased_so_far(places: Places) -> int:
    """Rows of results that objections took away, over all runs."""
    folder = places.erasures
    return sum(int(register.load(file)["rows"]) for file in folder.glob("*.json")) if folder.is_dir() else 0


def accept(
    spark: SparkSession, places: Places, platform: Platform, lists: Objections, domains: frozenset[str]
) -> tuple[frozenset[str], Standing]:
    """Hold lists to what is there, and write down what stands: whoever uses them asks for this first.

    Gives: the listed numbers that are there; what stands.
    Refuses: a list with a large effect that was not confirmed, one that allows and is older than its schools'
    deliveries (exit code 12): nothing is written down then.
    """
    met: frozenset[str] = frozenset()
    if tables.exists(spark, places.results):
        known = ledger.read(spark, places.ledger)
        rows = _current(spark, places, known.batches)
        permissions.require_newer(lists.permissions, known.latest())
        effects.require_small(rows, lists, platform.objections, domains)
        met = effects.met(rows.select("pgn").union(_refused_numbers(spark, places)), lists)
    return met, objections.remember(places.restricted, lists, met)


def apply(
    spark: SparkSession, places: Places, platform: Platform, catalogue: Catalogue, lists: Objections,
    now: dt.datetime,
) -> dict[str, Any]:  # fmt: skip
    """Erase what is there of pupils who object, and write receipts.

    Takes: lists already read; the caller holds the lock of intake.
    Gives: per list what it did, in counts, and which live projects are due.
    Refuses: what `accept` refuses (exit code 12): nothing is erased then, by no list.
    """
    domains = catalogue.domains()
    met, stands = accept(spark, places, platform, lists, domains)
    gone = {"results": 0, "quarantine": 0}
    if tables.exists(spark, places.results):
        gone = _rows(spark, places, platform, catalogue, lists, now)
    gone["stages"] = sum(1 for _ in _stages(places, lists, now))
    numbers = sought(spark, places, lists, domains)
    gone["files"] = remains.remove(places.deliveries, ledger.read(spark, places.ledger), numbers)
    told = []
    for one, facts in zip(lists.lists, lists.facts(), strict=True):
        here = receipts.met_by(one, stands, met if not one.blocks else frozenset(), lists.changes)
        receipts.write(places, one, here, lists.changes, now)
        told.append({**facts, **receipts.of(one, here, lists.changes).counts()})
    return {"lists": told, "erased": gone, "due": due(places, lists)}


def due(places: Places, lists: Objections) -> list[str]:
    """Projects whose newest published release was made while others were barred from it than now."""
    found = []
    for folder in sorted(places.exact.glob("*/")):
        published = [r for r in register.releases(places, folder.name) if r.state is Release.PUBLISHED]
        if published and _other(published[-1], lists):
            found.append(folder.name)
    return found


def resume(places: Places, current: int) -> int:
    """Close the record of a run that was killed: its rows are erased, or none of them is."""
    folder = places.erasures
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        facts = register.load(file)
        if not facts["done"]:
            if current == facts["before"]:
                file.unlink()
            else:
                register.write(file, {**facts, "done": True})
    return current


def barred_from(
    spark: SparkSession, places: Places, lists: Objections, project: str, domains: frozenset[str]
) -> frozenset[str]:
    """Numbers of everybody who may not be in a project: what a pseudonymous table must lose."""
    known = ledger.read(spark, places.ledger)
    everybody = objections.barred_frame(_current(spark, places, known.batches), lists, project, domains)
    return _numbers(everybody)


def sought(spark: SparkSession, places: Places, lists: Objections, domains: frozenset[str]) -> frozenset[str]:
    """Numbers that no raw file may still hold: of whoever objects, or is left out by a list that allows."""
    if not lists.permissions or not tables.exists(spark, places.results):
        return barred.numbers(lists)
    known = ledger.read(spark, places.ledger)
    return barred.numbers(lists) | _numbers(
        barred.left_out(lists, _current(spark, places, known.batches), domains)
    )


def _other(record: Record, lists: Objections) -> bool:
    known = record.facts.get("domains"), record.facts.get("barred_digest")
    return known[0] is None or known[1] != lists.digest_for(record.project, known[0])


def _current(spark: SparkSession, places: Places, batches: tuple[int, ...]) -> DataFrame:
    return tables.read(spark, places.results).where(F.col("batch").isin(list(batches)))


def _rows(
    spark: SparkSession, places: Places, platform: Platform, catalogue: Catalogue, lists: Objections,
    now: dt.datetime,
) -> dict[str, int]:  # fmt: skip
    """Take the barred rows out of results and quarantine, and the files that held them."""
    results = _current(spark, places, ledger.batches(spark, places.ledger))
    current = resume(places, results.count())
    _vacuum(spark, places)
    domains = catalogue.domains()
    if lists.permissions:
        seen = permissions.presence(results, places.unlisted)
        left = barred.left_out(lists, seen, domains)
        permissions.note(spark, results, left, lists.permissions, places.unlisted, platform.tables)
    keys = barred.keys(lists, results, domains).persist()
    try:
        hit = barred.hit(F.col("domein"), F.col(barred.SCOPES))
        erased = results.join(F.broadcast(keys), "pgn").where(hit).count()
        if erased:
            journal = places.erasures / f"{now:%Y%m%dT%H%M%S%f}.json"
            begun = {"when": str(now), "before": current, "rows": erased, "done": False}
            register.write(journal, begun)
            _remove(spark, places, places.results, keys, F.col("t.domein"))
            register.write(journal, {**begun, "done": True})
        refused = _quarantined(spark, places, catalogue, keys)
    finally:
        keys.unpersist()
    return {"results": erased, "quarantine": refused}


def _quarantined(spark: SparkSession, places: Places, catalogue: Catalogue, keys: DataFrame) -> int:
    """Refused rows of barred pupils; of a line that is no row, whatever stands anywhere in it counts."""
    rows = tables.read(spark, places.quarantine)
    domain = barred.domain_of(F.col("row.toetscode"), catalogue)
    hit = barred.hit(domain, F.col(barred.SCOPES))
    found = rows.join(F.broadcast(keys), "pgn").where(hit).count()
    if found:
        inside = barred.domain_of(F.col("t.row.toetscode"), catalogue)
        _remove(spark, places, places.quarantine, keys, inside)
    return found + remove_broken(spark, places, keys)


def remove_broken(spark: SparkSession, places: Places, keys: DataFrame) -> int:
    """Take refused lines that are no rows out of quarantine where one of these numbers stands in them."""
    rows = tables.read(spark, places.quarantine)
    listed = F.broadcast(keys.select(F.col("pgn").alias("_number")))
    whole = _broken(rows).join(listed, "_number", "left_semi").select(*rows.columns).distinct()
    gone = whole.count()
    if gone:
        _mark(places, places.quarantine)
        tables.remove_rows(spark, places.quarantine, whole)
        _vacuum(spark, places)
    return gone


def _broken(rows: DataFrame) -> DataFrame:
    """Lines that are no rows, or have no number, once per value that may be one: `_number` beside them."""
    broken = rows.where(F.array_contains("codes", F.lit(BROKEN)) | F.col("pgn").isNull())
    cells = F.array(*(identifiers.normal(F.col(f"row.{name}")) for name in CANONICAL))
    return broken.select("*", F.explode(F.array_distinct(cells)).alias("_number"))


def _refused_numbers(spark: SparkSession, places: Places) -> DataFrame:
    return tables.read(spark, places.quarantine).select("pgn").where(F.col("pgn").isNotNull())


def _remove(spark: SparkSession, places: Places, table: Path, keys: DataFrame, domain: Column) -> None:
    _mark(places, table)
    where = barred.hit(domain, F.col(f"s.{barred.SCOPES}"))
    tables.remove_matching(spark, table, keys, "pgn", where)
    _vacuum(spark, places)


def _mark(places: Places, table: Path) -> None:
    """Write down that a table has files to lose, before they are: a killed run's next one finds it."""
    register.write(places.exact / "vacuum.json", {"table": table.name})


def _vacuum(spark: SparkSession, places: Places) -> None:
    mark = places.exact / "vacuum.json"
    if not mark.exists():
        return
    table = {t.name: t for t in (places.results, places.quarantine)}[register.load(mark)["table"]]
    if tables.vacuum(spark, table).left_behind:
        raise DestructionIncomplete(
            expected(
                "no file with erased rows", example="after a vacuum", found="files left behind",
                where=f"restricted/{table.name}", do="Look at its permissions, then run objections again",
            )
        )  # fmt: skip
    mark.unlink()


def _stages(places: Places, lists: Objections, now: dt.datetime) -> Iterator[Path]:
    """Remove the stages of projects from which others are barred now, and what no record tells of."""
    kept: set[Path] = set()
    for folder in sorted(places.exact.glob("*/")):
        for record in register.releases(places, folder.name):
            stage = places.stage(record.project, record.release)
            if record.state in UNFINISHED and _other(record, lists):
                reason = "pupils objected after it was made"
                register.save(places, record.moved(Release.REFUSED, reason=reason, refused=str(now)))
                memory.forget(places, record)
            elif record.state in UNFINISHED:
                kept.add(stage)
    for stage in sorted(places.staging("").glob("*/*/")):
        if stage not in kept:
            shutil.rmtree(stage)
            yield stage


def _numbers(pupils: DataFrame) -> frozenset[str]:
    found: Any = pupils.select("pgn").distinct().toArrow()
    return frozenset(found["pgn"].to_pylist())
