"""New objections applied to everything that is there: a listed pupil's rows leave it at once.

Rows of results and quarantine (`removal`), stages of projects that they change, raw files that hold their
numbers. A killed run is simply run again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from cohort import delta
from cohort.agreements.catalogue import Catalogue
from cohort.agreements.platform import Platform
from cohort.erasure import (
    excluded_pupils,
    impact_limits,
    leftover_files,
    objection_receipts,
    raw_file_erasure,
    row_erasure,
)
from cohort.legal_basis import objection_filter, objections, opt_in_lists
from cohort.legal_basis.objection_registry import ObjectionRegistry
from cohort.legal_basis.objections import Objections
from cohort.release_records import class_snapshot, record_store
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.results import current_results, ledger
from cohort.storage.zone_paths import StorageZones

UNPUBLISHED_STATES = frozenset({ReleaseState.STAGED, ReleaseState.VERIFIED})


def accept_objections(
    spark: SparkSession, zones: StorageZones, platform: Platform, lists: Objections, domains: frozenset[str]
) -> tuple[frozenset[str], ObjectionRegistry]:
    """Hold lists to what is there, and write down what stands: whoever uses them asks for this first.

    Gives: the listed numbers that are there; what stands.
    Refuses: a list with a large effect that was not confirmed, one that allows and is older than its schools'
    deliveries (exit code 12): nothing is written down then.
    """
    met: frozenset[str] = frozenset()
    if delta.table_exists(zones.results):
        known = ledger.read_ledger(zones.ledger)
        rows = current_results.read_current_results(spark, zones, known.batches)
        opt_in_lists.require_current_opt_in_lists(lists.opt_in_lists, known.latest_delivery_dates())
        impact_limits.check_impact_limits(rows, lists, platform.objections, domains)
        met = impact_limits.find_listed_numbers(
            rows.select("pgn").union(delta.read_table(spark, zones.quarantine).select("pgn")), lists
        )
    return met, objections.record_objections(zones.restricted, lists, met)


def apply_objections(
    spark: SparkSession,
    zones: StorageZones,
    platform: Platform,
    catalogue: Catalogue,
    lists: Objections,
    now: dt.datetime,
) -> dict[str, Any]:
    """Erase what is there of pupils who object, and write receipts.

    Takes: lists already read; the caller holds the lock of intake.
    Gives: per list what it did, in counts, which live projects are due, and what a removal left behind.
    Refuses: what `accept` refuses (exit code 12): nothing is erased then, by no list.
    """
    domains = catalogue.domains()
    met, stands = accept_objections(spark, zones, platform, lists, domains)
    gone = {"results": 0, "quarantine": 0}
    if delta.table_exists(zones.results):
        gone = row_erasure.erase_excluded_rows(spark, zones, platform, catalogue, lists, now)
    gone["stages"] = sum(1 for _ in _stages(zones, lists, now))
    numbers = numbers_to_erase(spark, zones, lists, domains)
    limits = platform.intake.containers.container_limits()
    gone["files"] = raw_file_erasure.erase_raw_files(
        zones.deliveries, ledger.read_ledger(zones.ledger), numbers, limits
    )
    told = []
    for one, facts in zip(lists.lists, lists.facts(), strict=True):
        here = objection_receipts.find_matched_pupils(
            one, stands, met if not one.blocks else frozenset(), lists.number_changes
        )
        objection_receipts.write_objection_receipts(zones, one, here, lists.number_changes, now)
        told.append({**facts, **objection_receipts.count_list_outcome(one, here, lists.number_changes).counts()})
    left = leftover_files.find_leftover_files(zones)
    return {"lists": told, "erased": gone, "due": projects_due_for_release(zones, lists), "left_behind": left}


def projects_due_for_release(zones: StorageZones, lists: Objections) -> list[str]:
    """Projects whose newest published release was made while others were barred from it than now."""
    names = sorted(folder.name for folder in zones.exact_records.glob("*/"))
    return [name for name in names if is_release_due(zones, lists, name)]


def is_release_due(zones: StorageZones, lists: Objections, project: str) -> bool:
    """Whether others are barred from a project now than from its newest published release."""
    read = record_store.find_published_record(zones, project)
    return read is not None and _other(read, lists)


def numbers_barred_from_project(
    spark: SparkSession, zones: StorageZones, lists: Objections, project: str, domains: frozenset[str]
) -> frozenset[str]:
    """Numbers of everybody who may not be in a project: what a pseudonymous table must lose."""
    known = ledger.read_ledger(zones.ledger)
    everybody = objection_filter.find_barred_pupils(
        current_results.read_current_results(spark, zones, known.batches), lists, project, domains
    )
    return _numbers(everybody)


def numbers_to_erase(
    spark: SparkSession, zones: StorageZones, lists: Objections, domains: frozenset[str]
) -> frozenset[str]:
    """Numbers that no raw file may still hold: of whoever objects, or is left out by a list that allows."""
    if not lists.opt_in_lists or not delta.table_exists(zones.results):
        return excluded_pupils.listed_numbers(lists)
    known = ledger.read_ledger(zones.ledger)
    return excluded_pupils.listed_numbers(lists) | _numbers(
        excluded_pupils.pupils_without_opt_in(
            lists, current_results.read_current_results(spark, zones, known.batches), domains
        )
    )


def _other(record: ReleaseRecord, lists: Objections) -> bool:
    known = record.domains, record.barred_digest
    return known[0] is None or known[1] != lists.digest_for_project(record.project, known[0])


def _stages(zones: StorageZones, lists: Objections, now: dt.datetime) -> Iterator[Path]:
    """Remove the stages of projects from which others are barred now, and what no record tells of."""
    kept: set[Path] = set()
    for folder in sorted(zones.exact_records.glob("*/")):
        for record in record_store.load_release_records(zones, folder.name):
            stage = zones.staged_release(record.project, record.release)
            if record.state in UNPUBLISHED_STATES and _other(record, lists):
                reason = "pupils objected after it was made"
                record_store.save_release_record(
                    zones, record.moved(ReleaseState.REFUSED, reason=reason, refused=str(now))
                )
                class_snapshot.remove_snapshot(zones, record)
            elif record.state in UNPUBLISHED_STATES:
                kept.add(stage)
    for stage in sorted(zones.staging("").glob("*/*/")):
        if stage not in kept:
            delta.remove_folder(stage, where=f"staging/{stage.parent.name}")
            yield stage


def _numbers(pupils: DataFrame) -> frozenset[str]:
    found: Any = pupils.select("pgn").distinct().toArrow()
    return frozenset(found["pgn"].to_pylist())
