"""The closing sums of a release: every row and every pupil counted once.

Rows: used, set aside, objected, without instruction, not selected. Pupils: released, suppressed, objected, without
instruction, withdrawn. `release_run` puts the counts into the exact record; the verifier recounts them.
"""

from __future__ import annotations

from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.anonymisation import select_project_results
from cohort.data_states import AcceptedResults
from cohort.legal_basis import (
    INSTRUCTED_COLUMN,
    Eligibility,
    keep_instructed_rows,
    mark_instructed_rows,
    remove_objectors,
)
from cohort.release.stage_pipeline import PipelineResult
from cohort.release_records import ReleaseCounts


def count_rows_and_pupils(
    results: AcceptedResults, project: Project, eligible: Eligibility, pipeline_result: PipelineResult
) -> ReleaseCounts:
    """Count every row and every pupil once; sums that do not close are a defect.

    A pupil without a selected row of an instructed school counts as without instruction, objection or not.

    Args:
        results: the accepted results of all batches that count.
        project: the project's declaration.
        eligible: whose results the project may use today.
        pipeline_result: what the pipeline made of the results.
    """
    # 1. Rows: not selected, without instruction, objected.
    selected = select_project_results(results, project)
    rows_current = results.count()
    rows_selected, rows_instructed = _count_rows(selected, eligible)
    rows_without_instruction = rows_selected - rows_instructed
    rows_objected = rows_instructed - pipeline_result.counts.rows

    # 2. Pupils: counted only where a row is missing.
    without_instruction = objected = 0
    if rows_without_instruction or rows_objected:
        pupils_selected, pupils_instructed = _count_pupils(selected, eligible)
        without_instruction = pupils_selected - pupils_instructed
        if rows_objected:
            instructed = keep_instructed_rows(selected, eligible.instructed_schools)
            admitted = remove_objectors(instructed, results, eligible.objections, project)
            objected = pupils_instructed - admitted.select("pgn").distinct().count()

    # 3. The sums close.
    released, suppressed = pipeline_result.recoding.released_pupils, pipeline_result.recoding.suppressed
    records = pipeline_result.counts.pupils - pipeline_result.counts.set_aside + objected + without_instruction
    if records != released + suppressed + objected + without_instruction + pipeline_result.withdrawn:
        raise AssertionError("the sums of pupils do not close")
    return ReleaseCounts(
        rows_current=rows_current,
        rows_used=pipeline_result.counts.rows_used,
        rows_not_selected=rows_current - rows_selected,
        rows_objected=rows_objected,
        rows_without_instruction=rows_without_instruction,
        rows_set_aside=pipeline_result.counts.rows - pipeline_result.counts.rows_used,
        pupils_records=records,
        pupils_released=released,
        pupils_suppressed=suppressed,
        pupils_objected=objected,
        pupils_without_instruction=without_instruction,
        pupils_set_aside=pipeline_result.counts.set_aside,
        pupils_withdrawn=pipeline_result.withdrawn,
    )


def _count_rows(selected: AcceptedResults, eligible: Eligibility) -> tuple[int, int]:
    """Count the selected rows, and those of instructed schools, in one pass."""
    marked = mark_instructed_rows(selected, eligible.instructed_schools)
    counts = marked.agg(F.count(F.lit(1)), F.count_if(INSTRUCTED_COLUMN)).first()
    return (0, 0) if counts is None else (counts[0], counts[1])


def _count_pupils(selected: AcceptedResults, eligible: Eligibility) -> tuple[int, int]:
    """Count the pupils with a selected row, and those of whom one is of an instructed school."""
    marked = mark_instructed_rows(selected, eligible.instructed_schools)
    by_pupil = marked.groupBy("pgn").agg(F.max(INSTRUCTED_COLUMN).alias("any"))
    counts = by_pupil.agg(F.count(F.lit(1)), F.count_if("any")).first()
    return (0, 0) if counts is None else (counts[0], counts[1])
