"""Compare several settings of a project on the real cohort; nothing is staged, released or readable by others."""

import sys
from pathlib import Path

from _entry import JobReport, JobRun, run_job

from cohort.foundation import Stopwatch
from cohort.preview import compare_on_cohort, load_preview_settings, write_preview_documents
from cohort.release import check_release_allowed
from cohort.storage import INGESTION_LOCK


def run_preview(job: JobRun) -> JobReport:
    name, vary = job.arguments.project, job.arguments.vary
    task = job.release_task(name)
    environment = task.environment
    settings = load_preview_settings(
        None if vary is None else Path(vary),
        task.project,
        environment.platform,
        environment.hierarchies,
        task.catalogue,
    )
    check_release_allowed(task)  # before anything is touched, and again once nobody else can change it
    with job.lock(name), job.lock(INGESTION_LOCK, shared=True):
        eligible, key = check_release_allowed(task)
        clock = Stopwatch(job.progress)
        result = compare_on_cohort(job.start_session(), task, eligible, key, settings, clock)
        return {**result.as_dict(), **write_preview_documents(task, result)}


if __name__ == "__main__":
    sys.exit(
        run_job(
            "preview",
            run_preview,
            (("--project",), {"required": True}),
            (("--vary",), {"metavar": "FILE", "help": "settings to compare with the declared ones (.toml)"}),
        )
    )
