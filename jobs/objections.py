"""Apply the lists of objections to the restricted zone, and say which live projects are due."""

import sys

import _entry as entry

from cohort import erasure, locks, objections


def work(job: entry.Job) -> entry.Record:
    with job.lock(locks.INTAKE):
        lists = objections.load(job.places.objections, job.platform.objections, job.now.date())
        return erasure.apply(job.session(), job.places, job.platform, lists, job.now, job.asked.confirm)


if __name__ == "__main__":
    sys.exit(
        entry.run(
            "objections", work, (("--confirm",), {"metavar": "LIST", "help": "a list with a large effect"})
        )
    )
