"""One release made: from results to a staged table that the verifier has passed.

`release` and `bench` call it. Nobody can read a release yet: `publication` is a step of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from pyspark.sql import SparkSession

from cohort.data_states import AcceptedResults
from cohort.delta import remove_folder, write_new_table
from cohort.differencing import ComparedRelease, compare_with_live_projects, renumber_snapshot
from cohort.erasure import accept_objections
from cohort.foundation import NotAnonymous, ProgressWriter, Stopwatch
from cohort.ingestion import require_canonical_codes
from cohort.keys import ProjectKey
from cohort.legal_basis import Eligibility, load_number_changes
from cohort.release import accounting, contributors, publication, stage_pipeline, staged_record, staged_verification
from cohort.release.release_task import ReleaseTask, make_pipeline_input, require_batches
from cohort.release.stage_pipeline import PipelineInput, PipelineResult
from cohort.release.staged_record import ReleaseMeasurements
from cohort.release_records import (
    IntruderFigures,
    RecordedFinding,
    ReleaseRecord,
    ReleaseState,
    SnapshotContents,
    UsedRiskException,
    commit_note,
    comparability_digest,
    keep_only_snapshots,
    load_release_records,
    make_public_agreement,
    refuse_release,
    save_release_record,
    write_public_agreement,
    write_snapshot,
)
from cohort.release_report import HeldLimit
from cohort.report_figures import (
    ReleaseFigures,
    describe_broken,
    make_release_report,
    measure_release,
    write_exact_report,
)
from cohort.results import count_current_rows, read_current_results
from cohort.sdc import bound_intruder_chances
from cohort.storage import StorageZones
from cohort.verification import EarlyReading, ReleaseSources, read_pupil_schools_early


def release_one(
    spark: SparkSession, task: ReleaseTask, eligible: Eligibility, key: ProjectKey, progress: ProgressWriter
) -> ReleaseRecord:
    """Make, stage and verify the project's next release; the caller holds the project's lock.

    Args:
        spark: the session.
        task: the release to be made.
        eligible: whose results the project may use today, as `check_release_allowed` gave it.
        key: the project's key.
        progress: receives lines of progress.
    Returns:
        The exact record of the release, VERIFIED.
    Raises:
        DeliveriesRefused: there are no results (exit code 11).
        StateRefused: results with codes in another spelling than the canonical one (15).
        NotAnonymous: no recoding under the constraints, or findings of the verifier; the release is refused (14).
    """
    environment, project = task.environment, task.project
    zones = environment.zones

    # 1. What earlier runs left: a publication to complete, unpublished releases, a snapshot under older numbers.
    require_canonical_codes(spark, zones)
    publication.repair_publication(spark, environment, project)
    _discard_unpublished(zones, project.name)
    changes = load_number_changes(zones.number_changes, environment.today)
    renumber_snapshot(spark, zones, project, key, changes)

    # 2. The stage, and the verifier, which reads the results while the driver searches; a finding refuses the release.
    clock = Stopwatch(progress)
    sources = staged_verification.find_release_sources(task, key, require_batches(zones))
    with read_pupil_schools_early(spark, sources) as early:
        record, figures = stage_release(spark, task, eligible, sources, early, clock)
        verification = staged_verification.verify_staged_release(
            spark, task, key, record, early=early, report=clock.report_stage
        )
    clock.report_stage("verified", f"{len(verification.findings)} findings")
    staged_verification.refuse_on_findings(zones, record, verification, environment.now)
    if verification.findings:
        raise NotAnonymous(
            *(f"{finding.code}: {finding.sentence}" for finding in verification.findings),
            f"Release {record.release} of {project.name} was refused and its stage removed. Correct the cause, then "
            "run release again.",
        )

    # 3. The report; a limit on risk that is broken refuses the release too.
    intruders = _intruder_figures(verification.measures)
    record = record.noted(intruders=intruders, risk_exceptions=list_used_exceptions(figures.limits))
    write_exact_report(zones, make_release_report(record, figures))
    refuse_on_broken_limits(zones, record, figures, environment.now)

    # 4. The record.
    record = record.moved(
        ReleaseState.VERIFIED,
        checksum=verification.checksum,
        measures=verification.measures,
        checked=verification.checked,
        verified=str(environment.now),
        seconds=clock.total_seconds,
        stages=clock.seconds,
    )
    save_release_record(zones, record)
    return record


def _intruder_figures(measures: Mapping[str, int | float]) -> dict[str, IntruderFigures]:
    """Return what each kind of intruder faces, by the verifier's smallest counts.

    The kinds: a stranger, somebody who knows others of the class, a school and a school board.
    """
    names = ("smallest_class", "smallest_others", "smallest_board_others")
    chances = bound_intruder_chances(*(int(measures[name]) for name in names))
    return {kind: IntruderFigures.model_validate(chance) for kind, chance in chances.items()}


def refuse_on_broken_limits(
    zones: StorageZones, record: ReleaseRecord, figures: ReleaseFigures, now: dt.datetime
) -> None:
    """Refuse a release that breaks a limit on risk for which the project declares no exception.

    A release that only leaves pupils out of the published one is not refused: an objection does not wait for it.

    Raises:
        NotAnonymous: a broken limit; the record says which, the stage goes, the exact report stays (exit code 14).
    """
    broken = describe_broken(figures.limits)
    if not broken or record.only_leaves_pupils_out:
        return
    findings = [RecordedFinding(code=code, sentence=sentence, count=1) for code, sentence in broken]
    refuse_release(zones, record, findings=findings, refused=str(now))
    raise NotAnonymous(
        *(f"{code}: {sentence}" for code, sentence in broken),
        f"Release {record.release} of {record.project} was refused and its stage removed. Its report, with every limit "
        f"beside its figure, is restricted/release-reports/{record.project}/report-{record.release}.json.",
    )


def list_used_exceptions(limits: Sequence[HeldLimit]) -> tuple[UsedRiskException, ...]:
    """List the declared exceptions under which a release goes on although it breaks a limit."""
    return tuple(
        UsedRiskException(code=limit.code, column=limit.column, figure=limit.figure, **limit.exception.model_dump())
        for limit in limits
        if limit.exception is not None
    )


def _next_release_number(zones: StorageZones, project: str) -> int:
    return max((record.release for record in load_release_records(zones, project)), default=0) + 1


def _discard_unpublished(zones: StorageZones, project: str) -> None:
    """Refuse releases that an earlier run left unpublished, and remove every stage and every unpublished snapshot."""
    records = load_release_records(zones, project)
    for record in records:
        if record.state in (ReleaseState.STAGED, ReleaseState.VERIFIED):
            reason = "a later run made a new release before this one was published"
            save_release_record(zones, record.moved(ReleaseState.REFUSED, reason=reason))
    remove_folder(zones.staging(project), where=f"staging/{project}")
    published = [record.release for record in records if record.state is ReleaseState.PUBLISHED]
    keep_only_snapshots(zones, project, published)


def stage_release(
    spark: SparkSession,
    task: ReleaseTask,
    eligible: Eligibility,
    sources: ReleaseSources,
    early: EarlyReading,
    clock: Stopwatch,
) -> tuple[ReleaseRecord, ReleaseFigures]:
    """Run the pipeline, write the stage and the snapshot, count and measure, and write the exact record and agreement.

    Args:
        spark: the session.
        task: the release to be made.
        eligible: whose results the project may use today.
        sources: the project's key, and the batches of results.
        early: the verifier's reading of the results, which is started when the driver begins to search.
        clock: receives the stages and their durations.
    Returns:
        The exact record of the release, STAGED, and the figures of its report.
    Raises:
        NotAnonymous: no recoding under the constraints (exit code 14).
    """
    environment, project = task.environment, task.project
    zones, platform, batches, key = environment.zones, environment.platform, sources.batches, sources.key
    number = _next_release_number(zones, project.name)

    # 1. What the release is made from.
    accept_objections(spark, environment, eligible.objections, task.catalogue.domains())
    results = AcceptedResults(read_current_results(spark, zones, batches))
    inputs = make_pipeline_input(task, eligible, key)

    # 2. The rows, in the stage; the snapshot; the counts.
    pipeline_result = stage_pipeline.run_release_pipeline(results, inputs, clock.report_stage, early.start)
    stage = zones.staged_release(project.name, number)
    try:
        note = commit_note(project.name, number)
        write_new_table(pipeline_result.rows, stage, note, platform.tables)
        clock.report_stage("staged")
        if not project.is_pseudonymous:
            write_snapshot(zones, _snapshot_contents(inputs, pipeline_result, number))
        own = ComparedRelease(project, number, pipeline_result.recoding)
        measurements = ReleaseMeasurements(
            counts=accounting.close_release_counts(count_current_rows(zones, batches), pipeline_result),
            schools=contributors.find_contributing_schools(zones, stage, key, task.catalogue.schools),
            differences=compare_with_live_projects(own, environment),
        )
        clock.report_stage("counted")
        figures = measure_release(pipeline_result.measured, platform)
        clock.report_stage("measured", f"{sum(not one.kept for one in figures.limits)} limits broken")
    finally:
        pipeline_result.unpersist()

    # 3. The exact record, and what everybody may read of the agreement.
    record = staged_record.make_staged_record(environment, inputs, number, batches, pipeline_result, measurements)
    save_release_record(zones, record)
    write_public_agreement(zones, project.name, make_public_agreement(project))
    return record, figures


def _snapshot_contents(inputs: PipelineInput, pipeline_result: PipelineResult, number: int) -> SnapshotContents:
    return SnapshotContents(
        project=inputs.project,
        release=number,
        pupils=pipeline_result.members,
        recoding=pipeline_result.recoding,
        comparability_digest=comparability_digest(inputs.project, inputs.hierarchies),
        previous=inputs.previous,
        blanked=None if pipeline_result.blanking is None else pipeline_result.blanking.classes,
        means={} if pipeline_result.class_means is None else pipeline_result.class_means.means,
    )
