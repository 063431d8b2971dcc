"""Every row and every pupil of a release, once: what was selected, used, set aside, objected,
suppressed, withdrawn."""

from __future__ import annotations

from pyspark.sql import functions as F

from cohort.agreements.project import Project
from cohort.anonymisation import pupil_records
from cohort.legal_basis import instruction_filter, objections
from cohort.legal_basis.eligibility import Eligibility
from cohort.legal_basis.instruction_filter import INSTRUCTED_COLUMN
from cohort.release.pipeline import PipelineResult
from cohort.states.schemas import AcceptedResults


def count_rows_and_pupils(
    results: AcceptedResults, project: Project, rights: Eligibility, way: PipelineResult
) -> dict[str, int]:
    """Every row and every pupil, once: the sums close or the release is a defect.

    A pupil of whom no selected row is of an instructed school counts there, objection or not.
    """
    selected = pupil_records.select_project_results(results, project)
    rows_current, (rows_selected, rows_instructed) = results.count(), _rows(selected, rights)
    rows_without, rows_objected = rows_selected - rows_instructed, rows_instructed - way.counts.rows
    without = objected = 0
    if rows_without or rows_objected:
        instructed = instruction_filter.keep_instructed_rows(selected, rights.instructed_schools)
        admitted = objections.remove_objectors(instructed, results, rights.objections, project)
        known, left = _pupils(selected, rights)
        without = known - left
        objected = left - admitted.select("pgn").distinct().count() if rows_objected else 0
    released, suppressed = way.recoding.released, way.recoding.suppressed
    found = {
        "rows_current": rows_current,
        "rows_used": way.counts.rows_used,
        "rows_not_selected": rows_current - rows_selected,
        "rows_objected": rows_objected,
        "rows_without_instruction": rows_without,
        "rows_set_aside": way.counts.rows - way.counts.rows_used,
        "pupils_records": way.counts.pupils - way.counts.set_aside + objected + without,
        "pupils_released": released,
        "pupils_suppressed": suppressed,
        "pupils_objected": objected,
        "pupils_without_instruction": without,
        "pupils_set_aside": way.counts.set_aside,
        "pupils_withdrawn": way.withdrawn,
    }
    if found["pupils_records"] != released + suppressed + objected + without + way.withdrawn:
        raise AssertionError("the sums of pupils do not close")
    return found


def _rows(selected: AcceptedResults, rights: Eligibility) -> tuple[int, int]:
    """The selected rows, and those of instructed schools, in one pass."""
    marked = instruction_filter.mark_instructed_rows(selected, rights.instructed_schools)
    found = marked.agg(F.count(F.lit(1)), F.count_if(INSTRUCTED_COLUMN)).first()
    return (0, 0) if found is None else (found[0], found[1])


def _pupils(selected: AcceptedResults, rights: Eligibility) -> tuple[int, int]:
    """The pupils with a selected row, and those of whom one is of an instructed school."""
    per_pupil = (
        instruction_filter.mark_instructed_rows(selected, rights.instructed_schools)
        .groupBy("pgn")
        .agg(F.max(INSTRUCTED_COLUMN).alias("any"))
    )
    found = per_pupil.agg(F.count(F.lit(1)), F.count_if("any")).first()
    return (0, 0) if found is None else (found[0], found[1])
