"""One release: made, staged, verified. Nobody reads it yet; `publish` is a step of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pyspark.sql import SparkSession

from cohort import delta
from cohort.agreements import project_hierarchies
from cohort.agreements.catalogue import Catalogue
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.differencing import nested_release, project_overlap, snapshot_renumbering
from cohort.erasure import objection_erasure
from cohort.foundation.errors import DeliveriesRefused, NotAnonymous, StateRefused, describe_problem
from cohort.foundation.progress import ProgressWriter, StageListener, Stopwatch
from cohort.ingestion import code_normalisation, number_change_application
from cohort.keys import project_keys
from cohort.keys.project_keys import ProjectKey
from cohort.legal_basis import eligibility, number_changes
from cohort.legal_basis.eligibility import Eligibility, ListVocabulary
from cohort.release import accounting, contributors, data_dictionary, pipeline, publication, readiness
from cohort.release_records import class_snapshot, public_record, record_store, release_record, release_states
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.results import current_results, ledger
from cohort.sdc.risk import reidentification_risk
from cohort.states.schemas import AcceptedResults
from cohort.storage.zone_paths import StorageZones
from cohort.verification.findings import Finding, PublishedPredecessor, VerificationResult, VerificationSubject
from cohort.verification.published_table_verification import verify_rights
from cohort.verification.stage_verification import verify_stage


@dataclass(frozen=True)
class ReleaseTask:
    """What a release is made from, beside the session: where, what was agreed, what is declared."""

    zones: StorageZones
    platform: Platform
    catalogue: Catalogue
    project: Project
    hierarchies: Path
    keys: Path
    now: dt.datetime
    by: str
    wave: bool = False
    """Whether pupils who never were in a release of the project may enter."""

    @property
    def today(self) -> dt.date:
        return self.now.date()

    @property
    def known(self) -> ListVocabulary:
        """What a line of a list may name."""
        return eligibility.load_list_vocabulary(self.zones, self.hierarchies.parent, self.catalogue)


def check_release_allowed(work: ReleaseTask) -> tuple[Eligibility, ProjectKey]:
    """Everything that can be refused before a session is started, in the order a reader would ask.

    Refuses: a project being destroyed or destroyed, before its start or past its end (exit code 15); a
    special-category result without its ground (10); hierarchies (10); lists of objections (12), of
    instructions and consents (17); the key (13).
    """
    project = work.project
    release_states.require_open_project(work.zones, project.name)
    if not project.covers(work.today):
        raise StateRefused(
            describe_problem(
                "a project in its time",
                example=f"a day from {project.starts} to {project.ends}",
                found=str(work.today),
                where=f"projects/{project.name}.toml",
                do="Past its end nothing is released any more: destroy the project"
                if work.today > project.ends
                else "Wait for its start",
            )
        )
    trees = readiness.load_fitting_hierarchies(project, work.hierarchies, work.catalogue)
    before = nested_release.load_previous_snapshot(work.zones, project, trees)
    if work.wave and before is None:
        raise nested_release.cohort_extension_refusal(project)
    number_change_application.require_newest_numbers(
        work.zones, number_changes.load_number_changes(work.zones.number_changes, work.today)
    )
    lists = eligibility.load_eligibility(work.zones, work.platform, project, work.today, work.known)
    return lists, project_keys.load_key(work.keys, project.name)


def release_one(
    spark: SparkSession, work: ReleaseTask, lists: Eligibility, key: ProjectKey, progress: ProgressWriter
) -> ReleaseRecord:
    """Make, stage and verify the project's next release; the caller holds the project's lock.

    Gives: its record, VERIFIED.
    Refuses: no results (11); results that have codes in another spelling than the canonical one (15); no
    recoding under the constraints, or findings of the verifier (14).
    """
    zones, project = work.zones, work.project
    code_normalisation.require_canonical_codes(spark, zones)
    publication.repair_publication(spark, zones, work.platform, project.name)
    number = _make_room(zones, project.name)
    snapshot_renumbering.renumber_snapshot(
        spark, zones, project, key, number_changes.load_number_changes(zones.number_changes, work.today)
    )
    clock = Stopwatch(progress)
    record = stage_release(spark, work, lists, key, number, clock)
    findings = verify_staged_release(spark, work, key, record, deep=False, report=clock.report_stage)
    clock.report_stage("verified", f"{len(findings.found)} findings")
    refuse_on_findings(zones, record, findings, work.now)
    if findings.found:
        raise NotAnonymous(
            *(f"{f.code}: {f.sentence}" for f in findings.found),
            f"Release {number} of {project.name} was refused and its stage removed. Correct the cause, then "
            "run release again.",
        )
    verified = record.moved(
        ReleaseState.VERIFIED,
        checksum=list(findings.checksum),
        measures=findings.measures,
        intruders=_intruders(findings.measures),
        checked=list(findings.checked),
        verified=str(work.now),
        seconds=clock.total_seconds,
        stages=clock.seconds,
    )
    record_store.save_release_record(zones, verified)
    return verified


def _intruders(measures: Mapping[str, int | float]) -> dict[str, dict[str, float]]:
    """What a stranger, who knows others of a class, a school and a board face, by the verifier's counts."""
    names = ("smallest_class", "smallest_others", "smallest_board_others")
    return reidentification_risk.intruder_chances_of_smallest_counts(*(int(measures[name]) for name in names))


def verify_staged_release(
    spark: SparkSession, work: ReleaseTask, key: ProjectKey, record: ReleaseRecord, *, deep: bool, report: StageListener
) -> VerificationResult:
    """Check a stage in full, against the lists as they are now and the release that is published."""
    return verify_stage(spark, _subject(work, key, record), deep=deep, report=report)


def check_published_eligibility(
    spark: SparkSession, work: ReleaseTask, key: ProjectKey, record: ReleaseRecord
) -> list[Finding]:
    """Whether anybody is in a published pseudonymous table who may not be by the lists as they are now."""
    table = work.zones.published_table(record.project)
    return verify_rights(spark, replace(_subject(work, key, record), stage=table))


def _subject(work: ReleaseTask, key: ProjectKey, record: ReleaseRecord) -> VerificationSubject:
    read = None if work.project.is_pseudonymous else record_store.find_published_record(work.zones, record.project)
    folder = work.zones.release_snapshots(record.project)
    return VerificationSubject(
        project=work.project,
        platform=work.platform,
        key=key,
        stage=work.zones.staged_release(record.project, record.release),
        release_id=record.id,
        results=work.zones.results,
        batches=record.batches,
        objections=work.zones.objections,
        instructions=work.zones.instructions,
        consents=work.zones.consents,
        hierarchies=work.hierarchies,
        today=work.today,
        counts=record.counts.made(),
        memory=None if work.project.is_pseudonymous else folder / str(record.release),
        before=None
        if read is None
        else PublishedPredecessor(
            folder / str(read.release), work.zones.published_table(record.project), newcomers=record.wave
        ),
    )


def refuse_on_findings(
    zones: StorageZones, record: ReleaseRecord, findings: VerificationResult, now: dt.datetime
) -> None:
    """Any finding refuses a release: its record says which, its stage is removed."""
    if findings.found:
        found = [{"code": f.code, "sentence": f.sentence, "count": f.count} for f in findings.found]
        class_snapshot.refuse_release(zones, record, findings=found, refused=str(now))


def _make_room(zones: StorageZones, project: str) -> int:
    """Refuse what an earlier run left unfinished, remove every stage, and count on."""
    known = record_store.load_release_records(zones, project)
    for record in known:
        if record.state in (ReleaseState.STAGED, ReleaseState.VERIFIED):
            reason = "a later run made a new release before this one was published"
            record_store.save_release_record(zones, record.moved(ReleaseState.REFUSED, reason=reason))
    delta.remove_folder(zones.staging(project), where=f"staging/{project}")
    class_snapshot.keep_only_snapshots(zones, project, [r.release for r in known if r.state is ReleaseState.PUBLISHED])
    return max((record.release for record in known), default=0) + 1


def stage_release(
    spark: SparkSession, work: ReleaseTask, lists: Eligibility, key: ProjectKey, number: int, clock: Stopwatch
) -> ReleaseRecord:
    zones, project = work.zones, work.project
    batches = ledger.read_counted_batches(zones.ledger)
    if not batches:
        raise DeliveriesRefused(
            describe_problem(
                "results that were taken in",
                example="those of a run of ingest",
                found="none",
                where="restricted/results",
                do="Run ingest first",
            )
        )
    objection_erasure.accept_objections(spark, zones, work.platform, lists.objections, work.catalogue.domains())
    results = AcceptedResults(current_results.read_current_results(spark, zones, batches))
    trees = project_hierarchies.load_hierarchies(project, work.hierarchies)
    before = nested_release.load_previous_snapshot(zones, project, trees)
    way = pipeline.run_release_pipeline(
        results,
        project,
        lists,
        trees,
        key,
        work.catalogue.schools,
        work.platform.search.most_pupils_at_once,
        work.platform.floors,
        clock.report_stage,
        before,
        work.wave,
        boards=work.catalogue.boards_on(work.today),
    )
    domains = sorted({result.domein for result in project.results})
    stage = zones.staged_release(project.name, number)
    note = release_record.commit_note(project.name, number)
    try:
        delta.write_new_table(way.rows, stage, note, work.platform.tables)
        clock.report_stage("staged")
        if not project.is_pseudonymous:
            digest = class_snapshot.comparability_digest(project, trees)
            blanked = way.blanking.classes if way.blanking is not None else None
            class_snapshot.write_snapshot(way.members, zones, project, number, way.recoding, digest, before, blanked)
        counts = accounting.count_rows_and_pupils(results, project, lists, way)
        schools = contributors.find_contributing_schools(spark, zones, stage, key, work.catalogue.schools)
        here = project_overlap.ComparedRelease(project, way.recoding)
        beside = project_overlap.compare_with_live_projects(
            here, zones, work.platform, work.hierarchies.parent, work.today
        )
        clock.report_stage("counted")
    finally:
        way.let_go()
    record = ReleaseRecord(
        project.name,
        number,
        ReleaseState.STAGED,
        {
            "made": str(work.now),
            "made_by": work.by,
            "class": project.release_class,
            "batches": list(batches),
            **lists.facts(),
            "counts": counts,
            "schools": schools,
            "agreed": public_record.public_agreement(project),
            "domains": domains,
            "barred_digest": lists.objections.digest_for_project(project.name, domains),
            "recoding": way.recoding.search,
            "codebook": data_dictionary.build_data_dictionary(way.recoding, project.column_names, way.values),
            "loss": {"mean": way.recoding.loss.mean, "geometric": way.recoding.loss.geometric},
            "sensitive": None if project.special_results else way.value_counts,
            "classes": way.recoding.classes,
            "thresholds": project.class_limits,
            "expires": str(project.ends),
            "before": None if before is None else before.release,
            "wave": work.wave,
            "linked": None if way.linked is None else way.linked.as_dict(),
            "differences_with": beside,
        },
    )
    record_store.save_release_record(zones, record)
    public_record.write_public_agreement(zones, record)
    return record
