"""The exact record of a release whose stage was just written.

`release_run` hands over what every step before it made; the record is written there. Nothing here reads or counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from cohort.agreements import Environment
from cohort.release import data_dictionary
from cohort.release.stage_pipeline import PipelineInput, PipelineResult
from cohort.release_records import (
    LinkedReleases,
    ProjectDifference,
    RecodingLoss,
    ReleaseCounts,
    ReleaseRecord,
    ReleaseState,
    SensitiveSuppressionCounts,
    make_public_agreement,
)


@dataclass(frozen=True, eq=False)
class ReleaseMeasurements:
    """What is counted and compared once a stage is written.

    Args:
        counts: every row and every pupil, once.
        schools: the schools of which a result is shown.
        differences: this release subtracted from those of other live projects on the same pupils.
    """

    counts: ReleaseCounts
    schools: list[str]
    differences: list[ProjectDifference]


def make_staged_record(
    environment: Environment,
    inputs: PipelineInput,
    number: int,
    batches: tuple[int, ...],
    pipeline_result: PipelineResult,
    measurements: ReleaseMeasurements,
) -> ReleaseRecord:
    """Return the exact record of a release whose stage is written, STAGED.

    Args:
        environment: the surroundings of the run.
        inputs: what the release is made from, beside the results.
        number: the number of the release.
        batches: the batches of results that count.
        pipeline_result: what the pipeline made of them.
        measurements: what was counted and compared once the stage was written.
    """
    project, eligible, previous = inputs.project, inputs.eligibility, inputs.previous
    recoding, domains = pipeline_result.recoding, sorted({result.domein for result in project.results})
    sensitive = (
        None if project.special_results or pipeline_result.value_counts is None else pipeline_result.value_counts
    )
    return ReleaseRecord(
        project=project.name,
        release=number,
        state=ReleaseState.STAGED,
        made=str(environment.now),
        made_by=environment.operator,
        release_class=project.release_class,
        batches=batches,
        objections=eligible.objections.applied_lists(),
        instructions=eligible.instructions.applied_lists(),
        instructed=tuple(eligible.instructed_schools.describe()),
        objections_digest=eligible.objections.digest(),
        instructions_digest=eligible.instructed_schools.digest,
        consents_digest=eligible.consented.digest,
        counts=measurements.counts,
        schools=tuple(measurements.schools),
        agreed=make_public_agreement(project),
        domains=tuple(domains),
        barred_digest=eligible.objections.digest_for_project(project.name, domains),
        recoding=recoding.search_facts,
        data_dictionary=data_dictionary.build_data_dictionary(recoding, project.column_names, pipeline_result.values),
        loss=RecodingLoss(mean=recoding.loss.mean, geometric=recoding.loss.geometric),
        sensitive=None if sensitive is None else SensitiveSuppressionCounts.model_validate(sensitive),
        classes=recoding.classes,
        **({} if pipeline_result.class_means is None else {"class_means": pipeline_result.class_means.figures}),
        thresholds=project.class_limits,
        expires=str(project.ends),
        nested_in=None if previous is None else previous.release,
        wave=inputs.wave,
        linked=None
        if pipeline_result.linked is None
        else LinkedReleases.model_validate(pipeline_result.linked.as_dict()),
        differences_with=tuple(measurements.differences),
    )
