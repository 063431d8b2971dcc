"""Which schools' results a release shows: the exact record says so, for those schools alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.keys.project_keys import Key
from cohort.release_records.release_record import Record
from cohort.results import ledger
from cohort.states.schemas import OTHERS, SCHOOL
from cohort.storage.paths import Places


def schools(spark: SparkSession, places: Places, stage: Path, key: Key, listed: Iterable[str]) -> list[str]:
    """The schools of a staged release, in order: of each pupil's latest value and of every other one shown.

    Takes: the stage with its control columns, the project's key, the school list. A school that has left the
    list is known by its deliveries. What is of no school at all is left to the verifier, which refuses it.
    """
    rows = delta.read(spark, stage)
    others = rows.select(F.explode(OTHERS).alias(SCHOOL))
    found: Any = rows.select(SCHOOL).unionByName(others).distinct().toArrow()
    shown = set(found[SCHOOL].to_pylist())
    names = _named(key, listed)
    if not shown <= names.keys():
        lines = ledger.read(places.ledger).lines
        names |= _named(key, {line.brin for line in lines if line.brin is not None})
    return sorted(names[digest] for digest in shown & names.keys())


def without(record: Record, gone: Collection[str]) -> Record:
    """The record of a release whose rows of some schools were taken out: it keeps that they were in it."""
    known = record.facts.get("schools", [])
    left = {*record.facts.get("schools_left", []), *(school for school in known if school in gone)}
    kept = [school for school in known if school not in gone]
    return record.noted(schools=kept, schools_left=sorted(left)) if left else record


def _named(key: Key, brins: Iterable[str]) -> dict[bytes, str]:
    known = sorted(set(brins))
    return dict(zip(key.digests(f"brin|{brin}" for brin in known), known, strict=True))
