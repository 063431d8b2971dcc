"""Apply the lists of objections to everything that is there, and say which live projects are due."""

import sys

import _entry as entry
from pyspark.sql import SparkSession

from cohort.agreements import catalogue
from cohort.agreements.project import Project
from cohort.erasure import leftover_files, objection_erasure
from cohort.legal_basis import eligibility, objections
from cohort.live_tables import eligibility_withdrawal
from cohort.storage import locks


def work(job: entry.Job) -> entry.Record:
    known, confirmed = catalogue.load(job.config), tuple(job.asked.confirm or ())
    limits, today = job.platform.objections, job.now.date()
    names = eligibility.names(job.places, job.config)
    lists = objections.load(job.places.objections, limits, today, known.domains(), confirmed, names)
    lists.require_known(confirmed)  # what is wrong is told before anything is touched
    with job.lock(locks.INTAKE):
        lists = objections.load(job.places.objections, limits, today, known.domains(), confirmed, names)
        spark = job.session()
        left = leave(job, spark, lists, known.domains())
        done = objection_erasure.apply(spark, job.places, job.platform, known, lists, job.now)
    for sentence in done["left_behind"]:
        job.progress(sentence)
    codes = (leftover_files.exit_code(done["left_behind"]), *(one["exit_code"] for one in left))
    return {**done, "left": left, "exit_code": max(codes)}


def leave(
    job: entry.Job, spark: SparkSession, lists: objections.Objections, domains: frozenset[str]
) -> list[entry.Record]:
    """Whoever is barred leaves the live pseudonymous tables first of all; one that refuses is read by nobody.

    Refuses: lists that `erasure.accept` refuses (exit code 12), before anybody leaves.
    """
    if not eligibility_withdrawal.live(job.places):
        return []
    objection_erasure.accept(spark, job.places, job.platform, lists, domains)

    def barred(agreed: Project) -> eligibility_withdrawal.Barred:
        numbers = objection_erasure.barred_from(spark, job.places, lists, agreed.name, agreed.domains)
        return eligibility_withdrawal.Barred(numbers, {"barred_digest": lists.digest_for(agreed.name, agreed.domains)})

    return eligibility_withdrawal.honour(
        spark, job.places, job.platform, job.config, job.keys, barred, job.now, job.progress
    )


if __name__ == "__main__":
    told = "a list whose large effect, or change of polarity or schools, is right; may be repeated"
    options = {"action": "append", "metavar": "LIST", "help": told}
    sys.exit(entry.run("objections", work, (("--confirm",), options)))
