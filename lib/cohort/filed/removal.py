"""Rows of whoever is barred taken out of results and quarantine, and the files that held them.

What is erased is counted in a record that is written before and after, so that a killed run closes its sums
when it is run again: accepted = current + replaced + withdrawn + erased. Which table has files to lose is
written down before it loses them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import identifiers, register, tables
from cohort.catalogue import Catalogue
from cohort.filed import barred, permissions
from cohort.intake import ledger
from cohort.intake.checks import BROKEN
from cohort.objections import Objections
from cohort.places import Places
from cohort.platform import Platform
from cohort.schema import ACCEPTED, CANONICAL


def erased_so_far(places: Places) -> int:
    """Rows of results that objections, retention and changes of numbers took away, over all runs."""
    return sum(int(facts["rows"]) for _, facts in _journals(places))


def resume(places: Places, batches: tuple[int, ...]) -> None:
    """Close the record of a run that was killed: its rows are erased, or none of them is.

    Takes: the batches that count. Their rows are counted only where there is such a record.
    """
    left = [(file, facts) for file, facts in _journals(places) if not facts["done"]]
    there = tables.rows_of_batches(places.results, batches) if left else 0
    for file, facts in left:
        if there == facts["before"]:
            file.unlink()
        else:
            register.write(file, {**facts, "done": True})


def current(spark: SparkSession, places: Places, batches: tuple[int, ...]) -> DataFrame:
    """The results that count: those of batches that the ledger vouches for."""
    return tables.of_batches(spark, places.results, ACCEPTED, batches)


def remove(
    spark: SparkSession, places: Places, platform: Platform, catalogue: Catalogue, lists: Objections,
    now: dt.datetime,
) -> dict[str, int]:  # fmt: skip
    """Take the barred rows out of results and quarantine, and the files that held them."""
    batches = ledger.batches(places.ledger)
    resume(places, batches)
    results = current(spark, places, batches)
    _vacuum(places)
    domains = catalogue.domains()
    if lists.permissions:
        left = barred.left_out(lists, results, domains)
        permissions.note(spark, results, left, lists.permissions, places.unlisted, platform.tables)
    keys = barred.keys(lists, results, domains).persist()
    try:
        hit = barred.hit(F.col("domein"), F.col(barred.SCOPES))
        erased = results.join(F.broadcast(keys), "pgn").where(hit).count()
        if erased:
            with _journal(places, now, "objections", tables.rows_of_batches(places.results, batches), erased):
                _remove(spark, places, places.results, keys, F.col("t.domein"))
        refused = _quarantined(spark, places, catalogue, keys)
    finally:
        keys.unpersist()
    return {"results": erased, "quarantine": refused}


def remove_batch(
    spark: SparkSession, places: Places, batches: tuple[int, ...], batch: int, now: dt.datetime
) -> None:
    """Take a whole batch out of the results, and the files that held it: its days are over.

    Takes: the batches that count, and one of them.
    """
    there, rows = (tables.rows_of_batches(places.results, asked) for asked in (batches, [batch]))
    with _journal(places, now, f"retention-{batch}", there, rows):
        _mark(places, places.results)
        tables.replace_batch(tables.read(spark, places.results).where("false"), places.results, batch)
        _vacuum(places)


def remove_given_again(
    spark: SparkSession, places: Places, batches: tuple[int, ...], rows: DataFrame, now: dt.datetime
) -> int:
    """Take rows out of the results whose result stands there twice, and the files that held them.

    Takes: the batches that count; the rows' identities, among results of these batches.
    Gives: how many went.
    """
    gone = rows.count()
    if gone:
        with _journal(places, now, "renumbering", tables.rows_of_batches(places.results, batches), gone):
            _mark(places, places.results)
            tables.remove_rows(spark, places.results, rows)
            _vacuum(places)
    return gone


def _journals(places: Places) -> list[tuple[Path, dict[str, Any]]]:
    return [(file, register.load(file)) for file in sorted(places.erasures.glob("*.json"))]


@contextmanager
def _journal(places: Places, now: dt.datetime, why: str, before: int, rows: int) -> Iterator[None]:
    """Write down what is about to be erased, and afterwards that it is."""
    journal = places.erasures / f"{now:%Y%m%dT%H%M%S%f}-{why}.json"
    begun = {"when": str(now), "why": why, "before": before, "rows": rows, "done": False}
    register.write(journal, begun)
    yield
    register.write(journal, {**begun, "done": True})


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
        _vacuum(places)
    return gone


def _broken(rows: DataFrame) -> DataFrame:
    """Lines that are no rows, or have no number, once per value that may be one: `_number` beside them."""
    broken = rows.where(F.array_contains("codes", F.lit(BROKEN)) | F.col("pgn").isNull())
    cells = F.array(*(F.expr(identifiers.normal(f"row.{name}")) for name in CANONICAL))
    return broken.select("*", F.explode(F.array_distinct(cells)).alias("_number"))


def _remove(spark: SparkSession, places: Places, table: Path, keys: DataFrame, domain: Column) -> None:
    _mark(places, table)
    where = barred.hit(domain, F.col(f"s.{barred.SCOPES}"))
    tables.remove_matching(spark, table, keys, "pgn", where)
    _vacuum(places)


def _mark(places: Places, table: Path) -> None:
    """Write down that a table has files to lose, before they are: a killed run's next one finds it."""
    register.write(places.exact / "vacuum.json", {"table": table.name})


def _vacuum(places: Places) -> None:
    mark = places.exact / "vacuum.json"
    if not mark.exists():
        return
    table = {t.name: t for t in (places.results, places.quarantine)}[register.load(mark)["table"]]
    tables.vacuum_whole(
        table, "no file with erased rows", found="files left behind",
        where=f"restricted/{table.name}", do="Look at its permissions, then run objections again",
    )  # fmt: skip
    mark.unlink()
