"""Changes of pupil numbers applied to what was taken in before: a mapping may come after the results."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort import frames, identifiers, register, tables
from cohort.errors import StateRefused, expected
from cohort.filed.numbers import Changes
from cohort.places import Places


def require_applied(places: Places, changes: Changes) -> None:
    """Refuse to go on with results that not every change of a number was applied to (exit code 15)."""
    if changes.newest_of and _applied(places) != changes.digest():
        raise StateRefused(
            expected(
                "results under the newest numbers", example="after a run of ingest",
                found="changes of numbers that were not applied yet", where="nummerwijzigingen/",
                do="Run ingest, then this again",
            )
        )  # fmt: skip


def apply(spark: SparkSession, places: Places, changes: Changes) -> dict[str, int]:
    """Give every row of results and quarantine the newest number of its pupil.

    Takes: all lists of changes; nothing is done when these were applied before.
    Gives: how many rows changed. Killed half-way, it is simply done again.
    """
    if _applied(places) == changes.digest() or not changes.newest_of:
        return {"results": 0, "quarantine": 0}
    pairs = frames.local(
        spark, "_old string not null, pgn string not null", sorted(changes.newest_of.items())
    )
    newest = pairs.select("_old", "pgn", identifiers.kind(F.col("pgn")).alias("pgn_soort"))
    done = {}
    kept = {places.results: ("pgn", "pgn_soort"), places.quarantine: ("pgn",), places.unlisted: ("pgn",)}
    for table, columns in ((table, of) for table, of in kept.items() if tables.exists(spark, table)):
        old = F.broadcast(newest.select(F.col("_old").alias("pgn")))
        done[table.name] = tables.read(spark, table).join(old, "pgn", "left_semi").count()
        if done[table.name]:
            tables.renumber(spark, table, newest, {name: name for name in columns})
            tables.vacuum(spark, table)
    register.write(_mark(places), {"digest": changes.digest(), "rows": done})
    return done


def _applied(places: Places) -> str:
    mark = _mark(places)
    return str(register.load(mark)["digest"]) if mark.is_file() else ""


def _mark(places: Places) -> Path:
    return places.exact / "nummerwijzigingen.json"
