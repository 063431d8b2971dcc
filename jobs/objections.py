"""Apply the lists of objections to everything that is there, and say which live projects are due."""

import sys

from _entry import JobReport, JobRun, run_job
from pyspark.sql import SparkSession

from cohort.agreements import catalogue
from cohort.agreements.project import Project
from cohort.erasure import excluded_numbers, leftover_files, objection_erasure
from cohort.legal_basis import list_vocabulary, objections
from cohort.live_tables import eligibility_withdrawal
from cohort.storage import locks


def apply_objections(job: JobRun) -> JobReport:
    known, confirmed = catalogue.load_catalogue(job.environment.config), tuple(job.arguments.confirm or ())
    limits, today = job.environment.platform.objections, job.environment.today
    names = list_vocabulary.list_project_names(job.environment.zones, job.environment.config)
    lists = objections.load_objections(
        job.environment.zones.objections, limits, today, known.domains(), confirmed, names
    )
    lists.require_known_lists(confirmed)  # what is wrong is told before anything is touched
    with job.lock(locks.INGESTION_LOCK):
        lists = objections.load_objections(
            job.environment.zones.objections, limits, today, known.domains(), confirmed, names
        )
        spark = job.start_session()
        left = leave(job, spark, lists, known.domains())
        done = objection_erasure.apply_objections(spark, job.environment, known, lists).document()
    for sentence in done["left_behind"]:
        job.progress(sentence)
    codes = (leftover_files.leftover_exit_code(done["left_behind"]), *(one["exit_code"] for one in left))
    return {**done, "left": left, "exit_code": max(codes)}


def leave(job: JobRun, spark: SparkSession, lists: objections.Objections, domains: frozenset[str]) -> list[JobReport]:
    """Whoever is barred leaves the live pseudonymous tables first of all; one that refuses is read by nobody.

    Refuses: lists that `erasure.accept` refuses (exit code 12), before anybody leaves.
    """
    if not eligibility_withdrawal.live_pseudonymous_releases(job.environment.zones):
        return []
    objection_erasure.accept_objections(spark, job.environment, lists, domains)

    def barred(agreed: Project) -> eligibility_withdrawal.BarredPupils:
        numbers = excluded_numbers.numbers_barred_from_project(
            spark, job.environment.zones, lists, agreed.name, agreed.domains
        )
        return eligibility_withdrawal.BarredPupils(
            numbers, {"barred_digest": lists.digest_for_project(agreed.name, agreed.domains)}
        )

    return eligibility_withdrawal.withdraw_ineligible_rows(
        spark,
        job.environment.zones,
        job.environment.platform,
        job.environment.config,
        job.environment.keys,
        barred,
        job.environment.now,
        job.progress,
    )


if __name__ == "__main__":
    told = "a list whose large effect, or change of polarity or schools, is right; may be repeated"
    options = {"action": "append", "metavar": "LIST", "help": told}
    sys.exit(run_job("objections", apply_objections, (("--confirm",), options)))
