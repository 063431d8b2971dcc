"""Erasure of objectors from everything in the storage root, at once when a list names them.

In: the objections of today. Out: their rows gone from results and quarantine, outdated stages and raw files removed,
receipts written, and a report of counts. Called by the job `objections`; `accept_objections` also by every release. A
run that was killed is repaired by the next one.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import ConfigDict
from pyspark.sql import SparkSession

from cohort.agreements import Catalogue, Environment, ObjectionLimits
from cohort.delta import read_table, remove_folder, table_exists
from cohort.erasure import (
    acceptance_mark,
    excluded_numbers,
    impact_limits,
    leftover_files,
    listed_rows,
    objection_receipts,
    outdated_releases,
    raw_file_erasure,
    row_erasure,
)
from cohort.erasure.listed_rows import ListedRows
from cohort.legal_basis import (
    ObjectionRegistry,
    Objections,
    PupilNumbers,
    record_objections,
    require_current_opt_in_lists,
)
from cohort.release_records import AppliedObjectionList
from cohort.results import Ledger, discard_batch, read_current_results, read_ledger
from cohort.storage import DocumentPart, StorageZones


class ErasedCounts(DocumentPart):
    """What was erased: rows of results and quarantine, stages of releases, and raw files."""

    results: int
    quarantine: int
    stages: int
    files: int


class ErasureListReport(AppliedObjectionList):
    """One list with what became of it: pupils with results (`applied`) and pupils without any (`unmatched`)."""

    applied: int
    unmatched: int


class ErasureReport(DocumentPart):
    """What the job `objections` did; `due` names projects that need a new release, `left_behind` leftover files."""

    model_config = ConfigDict(json_schema_extra={"$id": "erasure-report-1"})

    lists: tuple[ErasureListReport, ...]
    erased: ErasedCounts
    due: tuple[str, ...]
    left_behind: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """The report by its names in JSON."""
        return self.model_dump(mode="json", by_alias=True)


def accept_objections(
    spark: SparkSession, environment: Environment, objections: Objections, domains: frozenset[str]
) -> None:
    """Check the impact of lists on the results, then record them; to be done before they are used.

    Nothing is looked for in the results when the same lists were accepted for the same results before.

    Args:
        spark: the session.
        environment: the surroundings of the run.
        objections: the objections of today.
        domains: the domains of the test catalogue.

    Raises:
        ObjectionsRefused: a list with a large impact that was not confirmed, or an opt-in list older than the
            deliveries of its schools (exit code 12); nothing is recorded then.
        StateRefused: results as an earlier version laid them out (15).
    """
    zones, limits = environment.zones, environment.platform.objections
    if acceptance_mark.is_accepted(zones, objections, limits) or not table_exists(zones.results):
        record_objections(zones.restricted, objections)
        return
    deliveries = read_ledger(zones.ledger)
    with listed_rows.find_listed_rows(spark, zones, deliveries.batches, objections) as listed:
        _accept(spark, environment, objections, domains, deliveries, listed)
    acceptance_mark.mark_as_accepted(zones, objections, limits)


def check_stored_results(
    spark: SparkSession,
    zones: StorageZones,
    ledger: Ledger,
    objections: Objections,
    limits: ObjectionLimits,
    domains: frozenset[str],
) -> None:
    """Check the impact of lists on the results of earlier runs, unless they were accepted for them before.

    Raises:
        ObjectionsRefused: a list with a large impact that was not confirmed (exit code 12).
    """
    if not (ledger.batches and objections.lists) or acceptance_mark.is_accepted(zones, objections, limits):
        return
    results = read_current_results(spark, zones, ledger.batches)
    with listed_rows.find_listed_rows(spark, zones, ledger.batches, objections) as listed:
        impact_limits.check_impact_limits(results, objections, limits, domains, listed=listed)


def apply_objections(
    spark: SparkSession, environment: Environment, catalogue: Catalogue, objections: Objections
) -> ErasureReport:
    """Erase everything of pupils who object or did not opt in, and write receipts.

    Args:
        spark: the session.
        environment: the surroundings of the run; the caller holds the lock of ingestion.
        catalogue: the catalogue of tests and schools.
        objections: the objections of today.

    Raises:
        ObjectionsRefused: what `accept_objections` refuses (exit code 12); nothing is erased then, by no list.
    """
    zones, domains = environment.zones, catalogue.domains()
    deliveries = read_ledger(zones.ledger)
    if table_exists(zones.results):
        with listed_rows.find_listed_rows(spark, zones, deliveries.batches, objections) as listed:
            # 1. Check the lists and record them.
            matched, registry = _accept(spark, environment, objections, domains, deliveries, listed)
            # 2. Remove what a killed run of ingestion left: it may hold rows of these pupils.
            remove_folder(zones.scratch, where="restricted/work")
            discard_batch(spark, zones, deliveries.next_batch)
            # 3. Erase rows.
            rows = row_erasure.erase_excluded_rows(spark, environment, catalogue, objections, listed)
        # Of what is left no list removes anything, confirmed or not.
        acceptance_mark.mark_as_accepted(
            zones, replace(objections, confirmed_lists=()), environment.platform.objections
        )
    else:
        matched, registry = frozenset[str](), record_objections(zones.restricted, objections)
        remove_folder(zones.scratch, where="restricted/work")
        rows = row_erasure.ErasedRows(0, 0)

    # 4. Erase stages and raw files.
    stages = outdated_releases.remove_outdated_stages(zones, objections, environment.now)
    numbers = excluded_numbers.numbers_to_erase(spark, zones, objections, domains)
    container_limits = environment.platform.intake.containers.container_limits()
    files = raw_file_erasure.erase_raw_files(zones.deliveries, deliveries, numbers, container_limits, spark=spark)

    # 5. Tell the schools, and report.
    return ErasureReport(
        lists=_write_receipts(environment, objections, registry, matched),
        erased=ErasedCounts(results=rows.results, quarantine=rows.quarantine, stages=stages, files=files),
        due=tuple(outdated_releases.projects_due_for_release(zones, objections)),
        left_behind=tuple(leftover_files.find_leftover_files(zones)),
    )


def _accept(
    spark: SparkSession,
    environment: Environment,
    objections: Objections,
    domains: frozenset[str],
    deliveries: Ledger,
    listed: ListedRows,
) -> tuple[PupilNumbers, ObjectionRegistry]:
    """Check the lists against the results and record them.

    Returns:
        The listed numbers that occur in results or quarantine, and the registry of objections.
    """
    zones = environment.zones
    results = read_current_results(spark, zones, deliveries.batches)
    require_current_opt_in_lists(objections.opt_in_lists, deliveries.latest_delivery_dates())
    limits = environment.platform.objections
    impact_limits.check_impact_limits(results, objections, limits, domains, listed=listed)
    quarantine = read_table(spark, zones.quarantine)
    present = listed.rows.select("pgn").union(quarantine.select("pgn"))
    matched = impact_limits.find_listed_numbers(present, objections)
    return matched, record_objections(zones.restricted, objections, matched)


def _write_receipts(
    environment: Environment, objections: Objections, registry: ObjectionRegistry, matched: frozenset[str]
) -> tuple[ErasureListReport, ...]:
    """Write the receipts of every list, and return what became of it as a whole."""
    changes, reports = objections.number_changes, []
    for one, applied in zip(objections.lists, objections.applied_lists(), strict=True):
        pupils = objection_receipts.find_matched_pupils(one, registry, frozenset() if one.blocks else matched, changes)
        objection_receipts.write_objection_receipts(environment.zones, one, pupils, changes, environment.now)
        outcome = objection_receipts.count_list_outcome(one, pupils, changes)
        reports.append(ErasureListReport.model_validate({**applied.model_dump(), **outcome.counts()}))
    return tuple(reports)
