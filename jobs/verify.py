"""Check a release again: a stage in full, a published one as far as its own bytes allow."""

import sys

import _entry as entry

from cohort import keys, locks, register, release, reverification
from cohort.errors import NotAnonymous, StateRefused, expected
from cohort.register import Release


def work(job: entry.Job) -> entry.Record:
    task = job.work(job.asked.project)
    name = task.project.name
    register.find(job.places, name, job.asked.release)
    with job.lock(name), job.lock(locks.INTAKE, shared=True):
        register.require_open(job.places, name)
        record = register.find(job.places, name, job.asked.release)
        if record.state in (Release.STAGED, Release.VERIFIED):
            key = keys.load(job.keys, name)
            spark = job.session()
            found = release.verify(spark, task, key, record, deep=job.asked.deep, report=job.report)
            release.decide(job.places, record, found, job.now)
        elif record.state is Release.PUBLISHED:
            key_of = keys.load(job.keys, name) if task.project.pseudonymous else None
            found = reverification.verify_published(job.session(), task, key_of, record)
        else:
            raise StateRefused(
                expected(
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
        "project": name, "release": record.release, "deep": job.asked.deep, "findings": [],
        "checked": list(found.checked), "not_repeated": list(found.not_repeated),
    }  # fmt: skip


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
