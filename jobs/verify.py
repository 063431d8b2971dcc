"""Check a release again: a stage in full, a published one as far as its own bytes allow."""

import sys

import _entry as entry

from cohort.foundation.errors import NotAnonymous, StateRefused, describe_problem
from cohort.keys import project_keys
from cohort.live_tables import reverification
from cohort.release import release_job
from cohort.release_records import record_store, release_states
from cohort.release_records.release_states import ReleaseState
from cohort.storage import locks


def work(job: entry.Job) -> entry.Record:
    task = job.work(job.asked.project)
    name = task.project.name
    record_store.find_release_record(job.zones, name, job.asked.release)
    with job.lock(name), job.lock(locks.INGESTION_LOCK, shared=True):
        release_states.require_open_project(job.zones, name)
        record = record_store.find_release_record(job.zones, name, job.asked.release)
        if record.state in (ReleaseState.STAGED, ReleaseState.VERIFIED):
            key = project_keys.load_key(job.keys, name)
            spark = job.session()
            found = release_job.verify_staged_release(spark, task, key, record, deep=job.asked.deep, report=job.report)
            release_job.refuse_on_findings(job.zones, record, found, job.now)
        elif record.state is ReleaseState.PUBLISHED:
            key_of = project_keys.load_key(job.keys, name) if task.project.is_pseudonymous else None
            found = reverification.reverify_published_table(job.session(), task, key_of, record)
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
    if found.found:
        raise NotAnonymous(*(f"{f.code}: {f.sentence}" for f in found.found))
    return {
        "project": name,
        "release": record.release,
        "deep": job.asked.deep,
        "findings": [],
        "checked": list(found.checked),
        "not_repeated": list(found.not_repeated),
    }


if __name__ == "__main__":
    sys.exit(
        entry.run(
            "verify",
            work,
            (("--project",), {"required": True}),
            (("--release",), {"type": int, "help": "its number (default: the newest)"}),
            (("--deep",), {"action": "store_true", "help": "also rebuild every pupil's record"}),
        )
    )
