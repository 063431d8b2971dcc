"""The closing sums of a release: every row and every pupil counted once.

Rows: used, set aside, objected, without instruction, not selected. Pupils: released, suppressed, objected, without
instruction, withdrawn. `release_run` puts the counts into the exact record; the verifier recounts them.
"""

from __future__ import annotations

from cohort.release.stage_pipeline import PipelineResult
from cohort.release_records import ReleaseCounts


def close_release_counts(rows_current: int, pipeline_result: PipelineResult) -> ReleaseCounts:
    """Put together the counts of every row and every pupil; sums that do not close are a defect.

    Args:
        rows_current: the rows of all batches that count.
        pipeline_result: what the pipeline made of them.

    Raises:
        AssertionError: the sums of pupils do not close, or there are more selected rows than rows.
    """
    counts, recoding = pipeline_result.counts, pipeline_result.recoding
    released, suppressed = recoding.released_pupils, recoding.suppressed
    records = counts.searched + counts.objected + counts.without_instruction
    left_out = counts.objected + counts.without_instruction + pipeline_result.withdrawn
    rows_not_selected = rows_current - counts.rows - counts.rows_objected - counts.rows_without_instruction
    if records != released + suppressed + left_out or rows_not_selected < 0:
        raise AssertionError("the sums of pupils and rows do not close")
    return ReleaseCounts(
        rows_current=rows_current,
        rows_used=counts.rows_used,
        rows_not_selected=rows_not_selected,
        rows_objected=counts.rows_objected,
        rows_without_instruction=counts.rows_without_instruction,
        rows_set_aside=counts.rows - counts.rows_used,
        pupils_records=records,
        pupils_released=released,
        pupils_suppressed=suppressed,
        pupils_objected=counts.objected,
        pupils_without_instruction=counts.without_instruction,
        pupils_set_aside=counts.set_aside,
        pupils_withdrawn=pipeline_result.withdrawn,
    )
