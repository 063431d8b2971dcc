"""Which schools' results a release shows: the exact record says so, for those schools alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.keys.project_keys import ProjectKey
from cohort.release_records.release_record import ReleaseRecord
from cohort.results import ledger
from cohort.states.schemas import OTHER_SCHOOLS_CONTROL, SCHOOL_CONTROL
from cohort.storage.zone_paths import StorageZones


def find_contributing_schools(
    spark: SparkSession, zones: StorageZones, stage: Path, key: ProjectKey, listed: Iterable[str]
) -> list[str]:
    """The schools of a staged release, in order: of each pupil's latest value and of every other one shown.

    Takes: the stage with its control columns, the project's key, the school list. A school that has left the
    list is known by its deliveries. What is of no school at all is left to the verifier, which refuses it.
    """
    rows = delta.read_table(spark, stage)
    others = rows.select(F.explode(OTHER_SCHOOLS_CONTROL).alias(SCHOOL_CONTROL))
    found: Any = rows.select(SCHOOL_CONTROL).unionByName(others).distinct().toArrow()
    shown = set(found[SCHOOL_CONTROL].to_pylist())
    names = _named(key, listed)
    if not shown <= names.keys():
        lines = ledger.read_ledger(zones.ledger).entries
        names |= _named(key, {line.brin for line in lines if line.brin is not None})
    return sorted(names[digest] for digest in shown & names.keys())


def record_without_schools(record: ReleaseRecord, gone: Collection[str]) -> ReleaseRecord:
    """The record of a release whose rows of some schools were taken out: it keeps that they were in it."""
    known = record.schools or ()
    left = {*record.schools_left, *(school for school in known if school in gone)}
    kept = [school for school in known if school not in gone]
    return record.noted(schools=kept, schools_left=sorted(left)) if left else record


def _named(key: ProjectKey, brins: Iterable[str]) -> dict[bytes, str]:
    known = sorted(set(brins))
    return dict(zip(key.digest_texts(f"brin|{brin}" for brin in known), known, strict=True))
