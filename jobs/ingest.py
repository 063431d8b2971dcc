"""Take in the schools' files that are new."""

import sys

import _entry as entry

from cohort import catalogue, ingest, locks, objections


def work(job: entry.Job) -> entry.Record:
    with job.lock(locks.INTAKE):
        lists = objections.load(job.places.objections, job.platform.objections, job.now.date())
        known = catalogue.load(job.config)
        intake = ingest.Intake(job.places, job.platform, known, lists, job.now)
        return ingest.ingest(job.session(), intake, job.progress)


if __name__ == "__main__":
    sys.exit(entry.run("ingest", work))
