"""Every row and every pupil of a release, once: what was selected, used, set aside, objected, suppressed."""

from __future__ import annotations

from cohort import objections, records
from cohort.objections import Objections
from cohort.pipeline import Way
from cohort.project import Project
from cohort.schema import Accepted


def counts(results: Accepted, project: Project, lists: Objections, way: Way) -> dict[str, int]:
    """Every row and every pupil, once: the sums close or the release is a defect."""
    selected = records.select(results, project)
    rows_current, rows_selected = results.count(), selected.count()
    rows_objected = rows_selected - way.counts.rows
    objected = 0
    if rows_objected:
        kept = objections.remove_objectors(selected, results, lists, project).select("pgn").distinct().count()
        objected = selected.select("pgn").distinct().count() - kept
    released, suppressed = way.recoding.released, way.recoding.suppressed
    found = {
        "rows_current": rows_current, "rows_used": way.counts.rows_used,
        "rows_not_selected": rows_current - rows_selected, "rows_objected": rows_objected,
        "rows_set_aside": way.counts.rows - way.counts.rows_used,
        "pupils_records": way.counts.pupils - way.counts.set_aside + objected, "pupils_released": released,
        "pupils_suppressed": suppressed, "pupils_objected": objected,
        "pupils_set_aside": way.counts.set_aside,
    }  # fmt: skip
    if found["pupils_records"] != released + suppressed + objected:
        raise AssertionError("the sums of pupils do not close")
    return found
