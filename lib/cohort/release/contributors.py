"""The schools whose results a release shows, as the exact record names them.

`release_run` finds them from the stage; a withdrawal of rows moves schools that left. Only restricted records and
each school's own page of uses name schools.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from cohort.data_states import OTHER_SCHOOLS_CONTROL, SCHOOL_CONTROL
from cohort.delta import list_partition_files
from cohort.keys import ProjectKey
from cohort.release_records import ReleaseRecord
from cohort.results import read_ledger
from cohort.storage import StoragePath, StorageZones, parquet_source

SCHOOL_COLUMNS = (SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL)


def find_contributing_schools(
    zones: StorageZones, stage: StoragePath, key: ProjectKey, listed: Iterable[str]
) -> list[str]:
    """Return the schools of a staged release, in order: that of each pupil's latest value, and all others shown.

    A school that is no longer in the school list is recognised by its deliveries. A row that belongs to no known
    school is left to the verifier, which refuses it.

    Args:
        zones: the storage zones.
        stage: the folder of the staged table, with its control columns.
        key: the project's key, under which the control columns are hashed.
        listed: the school list.
    """
    digests = _distinct_schools(stage)
    school_by_digest = _school_by_digest(key, listed)
    if not digests <= school_by_digest.keys():
        entries = read_ledger(zones.ledger).entries
        school_by_digest |= _school_by_digest(key, {entry.brin for entry in entries if entry.brin is not None})
    return sorted(school_by_digest[digest] for digest in digests & school_by_digest.keys())


def _distinct_schools(stage: StoragePath) -> set[bytes]:
    """The schools of a staged table, as keyed hashes: two columns of one file at a time, without Spark."""
    digests: set[bytes] = set()
    for file in list_partition_files(stage, {}):
        rows: Any = pq.read_table(parquet_source(file), columns=list(SCHOOL_COLUMNS), read_dictionary=[SCHOOL_CONTROL])
        others = pc.list_flatten(rows[OTHER_SCHOOLS_CONTROL])
        digests.update(pc.unique(rows[SCHOOL_CONTROL]).to_pylist(), pc.unique(others).to_pylist())
    return digests


def record_without_schools(record: ReleaseRecord, withdrawn: Collection[str]) -> ReleaseRecord:
    """Return the record of a release from which the rows of some schools were taken out.

    The record keeps that these schools were in it, under `schools_left`.
    """
    schools = record.schools or ()
    schools_left = {*record.schools_left, *(school for school in schools if school in withdrawn)}
    if not schools_left:
        return record
    remaining = tuple(school for school in schools if school not in withdrawn)
    return record.noted(schools=remaining, schools_left=tuple(sorted(schools_left)))


def _school_by_digest(key: ProjectKey, brins: Iterable[str]) -> dict[bytes, str]:
    ordered = sorted(set(brins))
    return dict(zip(key.digest_texts(f"brin|{brin}" for brin in ordered), ordered, strict=True))
