"""New objections applied to the restricted zone: a listed pupil's rows leave it at once.

What is erased is counted in a record that is written before and after, so that a killed run closes its
sums when it is run again: accepted = current + erased.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import frames, ledger, objections, register, tables
from cohort.errors import DestructionIncomplete, ObjectionsRefused, expected
from cohort.objections import ObjectionList, Objections
from cohort.places import Places
from cohort.platform import Platform


def erased_so_far(places: Places) -> int:
    """Rows of results that objections took away, over all runs."""
    folder = places.erasures
    return sum(int(register.load(file)["rows"]) for file in folder.glob("*.json")) if folder.is_dir() else 0


def apply(
    spark: SparkSession,
    places: Places,
    platform: Platform,
    lists: Objections,
    now: dt.datetime,
    confirmed: str | None,
) -> dict[str, Any]:
    """Erase the rows of listed pupils from results and quarantine, and write receipts.

    Takes: lists already read; the name of a list whose large effect was confirmed, or None.
    Gives: per list what it did, in counts.
    Refuses: a list that would erase more than the platform's share of the results (exit code 12).
    """
    if not tables.exists(spark, places.results):
        return {"lists": lists.facts(), "erased": {"results": 0, "quarantine": 0}, "due": []}
    batches = ledger.batches(spark, places.ledger)
    results = tables.read(spark, places.results).where(F.col("batch").isin(list(batches)))
    current = resume(places, results.count())
    listed = {one.name: one for one in lists.lists if one.declared.polarity == "block"}
    rows, numbers = _matches(spark, results, listed)
    _refuse_large(rows, current, platform, confirmed)
    keys = objections.blocked_frame(spark, lists.blocked)
    erased = results.join(F.broadcast(keys), "pgn", "left_semi").count() if any(rows.values()) else 0
    journal = places.erasures / f"{now:%Y%m%dT%H%M%S%f}.json"
    if erased:
        register.write(journal, {"when": str(now), "before": current, "rows": erased, "done": False})
        _remove(spark, places.results, keys)
        register.write(journal, {"when": str(now), "before": current, "rows": erased, "done": True})
    quarantined = _erase_quarantined(spark, places, keys)
    for one in lists.lists:
        _receipts(places, one, now)
    told = [
        {**one.facts(), "rows_erased": rows.get(one.name, 0), "pupils_matched": numbers.get(one.name, 0),
         "unmatched": one.pupils - numbers.get(one.name, 0)}
        for one in lists.lists
    ]  # fmt: skip
    return {
        "lists": told,
        "erased": {"results": erased, "quarantine": quarantined},
        "due": due(places, lists),
    }


def due(places: Places, lists: Objections) -> list[str]:
    """Projects whose newest published release was made with other lists than these."""
    found = []
    for folder in sorted(places.exact.glob("*/")):
        published = [
            r for r in register.releases(places, folder.name) if r.state is register.Release.PUBLISHED
        ]
        if published and published[-1].facts["objections_digest"] != lists.digest():
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


def _matches(
    spark: SparkSession, results: DataFrame, listed: dict[str, ObjectionList]
) -> tuple[dict[str, int], dict[str, int]]:
    pairs = [(name, number) for name, one in listed.items() for number in sorted(one.in_force)]
    keys = frames.local(spark, "list string not null, pgn string not null", pairs)
    found = (
        results.join(F.broadcast(keys), "pgn", "inner")
        .groupBy("list")
        .agg(F.count(F.lit(1)).alias("rows"), F.count_distinct("pgn").alias("pupils"))
        .collect()
    )
    return {r["list"]: r["rows"] for r in found}, {r["list"]: r["pupils"] for r in found}


def _refuse_large(rows: dict[str, int], current: int, platform: Platform, confirmed: str | None) -> None:
    share = platform.objections.max_erased_share
    large = [name for name, n in rows.items() if n > share * current and name != confirmed]
    if large:
        raise ObjectionsRefused(
            *(
                expected(
                    f"a list that erases at most {share:%} of the results", example="a day's new objections",
                    found="one that would erase more", where=f"objections/{name}.toml",
                    do=f"Ask its keeper whether it is right, then confirm it with --confirm {name}",
                )
                for name in large
            )
        )  # fmt: skip


def _remove(spark: SparkSession, table: Path, keys: DataFrame) -> None:
    tables.remove_matching(spark, table, keys, "pgn")
    if tables.vacuum(spark, table).left_behind:
        raise DestructionIncomplete(
            expected(
                "no file with erased rows", example="after a vacuum", found="files left behind",
                where=f"restricted/{table.name}", do="Look at its permissions, then run objections again",
            )
        )  # fmt: skip


def _erase_quarantined(spark: SparkSession, places: Places, keys: DataFrame) -> int:
    rows = tables.read(spark, places.quarantine).join(F.broadcast(keys), "pgn", "left_semi").count()
    if rows:
        _remove(spark, places.quarantine, keys)
    return rows


def _receipts(places: Places, one: ObjectionList, now: dt.datetime) -> None:
    for school in sorted({*one.filed, *one.held} - {""}):
        register.write(
            places.feedback(school) / f"bezwaren-{one.name}.json",
            {
                "list": one.name, "date": str(one.declared.date), "applied": str(now),
                "objections_in_force": one.filed.get(school, 0), "invalid_numbers": one.held.get(school, 0),
                "held_back": school in one.held,
                "what_to_do": "Correct the invalid numbers: until then no result of this school is released."
                if school in one.held else "Nothing.",
            },
        )  # fmt: skip
