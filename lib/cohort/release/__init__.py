"""One release, from results to a published table.

`release_task` says what it is made from and what forbids it; `stage_pipeline` turns results into generalised records,
`class_mean_stage` adds the means of their classes;
`release_run` stages, counts and verifies; `publication` puts a verified release in place; `status` and `readiness` tell
what is due and what the next release would refuse.
"""

from __future__ import annotations

from cohort.release.contributors import record_without_schools
from cohort.release.publication import publish_release, repair_publication, replace_published_rows
from cohort.release.publication_checks import check_publishable
from cohort.release.release_run import release_one
from cohort.release.release_task import (
    ReleaseTask,
    check_release_allowed,
    load_fitting_hierarchies,
    make_pipeline_input,
    require_batches,
)
from cohort.release.stage_pipeline import PipelineInput, encode_cohort, find_sensitive_column
from cohort.release.staged_verification import check_published_eligibility, refuse_on_findings, verify_staged_release
from cohort.release.status import list_due_actions, report_status

__all__ = [
    "PipelineInput",
    "ReleaseTask",
    "check_publishable",
    "check_published_eligibility",
    "check_release_allowed",
    "encode_cohort",
    "find_sensitive_column",
    "list_due_actions",
    "load_fitting_hierarchies",
    "make_pipeline_input",
    "publish_release",
    "record_without_schools",
    "refuse_on_findings",
    "release_one",
    "repair_publication",
    "replace_published_rows",
    "report_status",
    "require_batches",
    "verify_staged_release",
]
