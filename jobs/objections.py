"""Apply the lists of objections to everything that is there, and say which live projects are due."""

import sys

import _entry as entry

from cohort import catalogue, erasure, locks, objections


def work(job: entry.Job) -> entry.Record:
    known, confirmed = catalogue.load(job.config), tuple(job.asked.confirm or ())
    limits, today = job.platform.objections, job.now.date()
    lists = objections.load(job.places.objections, limits, today, known.domains(), confirmed)
    lists.require_known(confirmed)  # what is wrong is told before anything is touched
    with job.lock(locks.INTAKE):
        lists = objections.load(job.places.objections, limits, today, known.domains(), confirmed)
        spark = job.session()
        done = erasure.apply(spark, job.places, job.platform, known, lists, job.now)
        return {**done, "withdrawn": withdraw(job, lists)}


def withdraw(_job: entry.Job, _lists: objections.Objections) -> entry.Record:
    """Live pseudonymous projects lose the rows at once: here `withdrawal.apply` is called for each of them.

    `erasure.barred_from` gives the numbers of a project; there is no pseudonymous release yet.
    """
    return {}


if __name__ == "__main__":
    told = "a list whose large effect, or change of polarity or schools, is right; may be repeated"
    options = {"action": "append", "metavar": "LIST", "help": told}
    sys.exit(entry.run("objections", work, (("--confirm",), options)))
