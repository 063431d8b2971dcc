"""Check a release again: a stage in full, a published one as far as its own bytes allow."""

import sys
from dataclasses import replace

import _entry as entry

from cohort import keys, locks, register, release, tables, verify
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
            found = release.verify(spark, task, key, record, deep=job.asked.deep, progress=job.progress)
            release.decide(job.places, record, found, job.now)
        elif record.state is Release.PUBLISHED:
            found = published(job, task, record)
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


def published(job: entry.Job, task: release.Work, record: register.Record) -> verify.Findings:
    """A published table as far as its bytes go; a pseudonymous one against the lists of today, too."""
    name, agreed = task.project.name, task.project
    key = keys.load(job.keys, name) if agreed.pseudonymous else None
    spark, table = job.session(), job.places.table(name)
    released = record.facts["checksum"][0]  # rows that were withdrawn since are not among them
    found = verify.check_published(
        spark, agreed, job.platform, table, record.id, released, task.hierarchies,
        None if key is None else (key, task.today),
    )  # fmt: skip
    if list(tables.checksum(tables.read(spark, table))) != record.facts["checksum"]:
        raise NotAnonymous(f"The table of {name} has other rows than were published. Destroy it.")
    if key is None:
        return found
    barred = release.check_rights(spark, task, key, record)
    checked = (*found.checked, "OBJECTOR", "INSTRUCTION")
    return replace(found, found=(*found.found, *barred), checked=checked)


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
