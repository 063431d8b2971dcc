"""Take in the schools' files that are new."""

import sys

import _entry as entry

from cohort import catalogue, ingest, locks, objections, rights
from cohort.filed import numbers
from cohort.intake import formats


def work(job: entry.Job) -> entry.Record:
    known, declared = catalogue.load(job.config), formats.load(job.config)
    numbers.load(job.places.numbers, job.now.date())  # what is wrong is told before anything is touched
    with job.lock(locks.INTAKE):
        changes = numbers.load(job.places.numbers, job.now.date())
        limits, today = job.platform.objections, job.now.date()
        lists = objections.load(job.places.objections, limits, today, known.domains())
        consented = rights.kept_at_intake(job.places, job.platform, job.config, today, known, lists)
        intake = ingest.Intake(job.places, job.platform, known, declared, lists, changes, job.now, consented)
        return ingest.ingest(job.session(), intake, job.progress)


if __name__ == "__main__":
    sys.exit(entry.run("ingest", work))
