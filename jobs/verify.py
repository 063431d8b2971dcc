"""Verify a release again: a staged one in full, a published one as far as its own bytes allow."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.foundation import NotAnonymous, StateRefused, describe_problem
from cohort.keys import load_key
from cohort.published_tables import reverify_published_table
from cohort.release import refuse_on_findings, verify_staged_release
from cohort.release_records import ReleaseState, find_release_record, require_open_project
from cohort.storage import INGESTION_LOCK


def run_verify(job: JobRun) -> JobReport:
    task = job.release_task(job.arguments.project)
    name, environment = task.project.name, job.environment
    find_release_record(environment.zones, name, job.arguments.release)
    with job.lock(name), job.lock(INGESTION_LOCK, shared=True):
        require_open_project(environment.zones, name)
        record = find_release_record(environment.zones, name, job.arguments.release)
        if record.state in (ReleaseState.STAGED, ReleaseState.VERIFIED):
            key = load_key(environment.keys, name)
            spark = job.start_session()
            result = verify_staged_release(spark, task, key, record, deep=job.arguments.deep, report=job.report_stage)
            refuse_on_findings(environment.zones, record, result, environment.now)
        elif record.state is ReleaseState.PUBLISHED:
            optional_key = load_key(environment.keys, name) if task.project.is_pseudonymous else None
            result = reverify_published_table(job.start_session(), task, optional_key, record)
        else:
            raise StateRefused(
                describe_problem(
                    "a release that is staged, verified or published",
                    example="the newest one",
                    found=f"one that is {record.state}",
                    where=f"release {record.release} of {name}",
                    do="See status",
                )
            )
    if result.findings:
        raise NotAnonymous(*(f"{f.code}: {f.sentence}" for f in result.findings))
    return {
        "project": name,
        "release": record.release,
        "deep": job.arguments.deep,
        "findings": [],
        "checked": list(result.checked),
        "not_repeated": list(result.not_repeated),
    }


if __name__ == "__main__":
    sys.exit(
        run_job(
            "verify",
            run_verify,
            (("--project",), {"required": True}),
            (("--release",), {"type": int, "help": "its number (default: the newest)"}),
            (("--deep",), {"action": "store_true", "help": "also rebuild every pupil's record"}),
        )
    )
