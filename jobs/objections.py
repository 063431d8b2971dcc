"""Apply the lists of objections to everything that is there, and say which live projects are due."""

import sys

from _entry import JobReport, JobRun, run_job
from pyspark.sql import SparkSession

from cohort.agreements import Project, load_catalogue
from cohort.erasure import accept_objections, apply_objections, leftover_exit_code, numbers_barred_from_project
from cohort.legal_basis import Objections, list_project_names, load_objections
from cohort.published_tables import (
    BarredPupils,
    RowWithdrawalReport,
    find_unreadable_projects,
    live_pseudonymous_releases,
    withdraw_ineligible_rows,
)
from cohort.results import lay_out_results
from cohort.storage import INGESTION_LOCK


def run_objections(job: JobRun) -> JobReport:
    environment, confirmed = job.environment, tuple(job.arguments.confirm or ())
    listed = load_catalogue(environment.config)
    projects = list_project_names(environment.zones, environment.config)

    def load() -> Objections:
        folder, limits = environment.zones.objections, environment.platform.objections
        return load_objections(folder, limits, environment.today, listed.domains(), confirmed, projects)

    # 1. Refuse lists with problems before anything is locked or changed.
    load().require_known_lists(confirmed)

    # 2. Withdraw rows from live tables, then erase everything else.
    with job.lock(INGESTION_LOCK):
        objections, spark = load(), job.start_session()
        lay_out_results(spark, environment.zones)
        withdrawals = withdraw_from_live_tables(job, spark, objections, listed.domains())
        report = apply_objections(spark, environment, listed, objections)

    # 3. Report.
    for sentence in report.left_behind:
        job.progress(sentence)
    codes = (leftover_exit_code(report.left_behind), *(one.exit_code for one in withdrawals))
    return {**report.document(), "left": [one.document() for one in withdrawals], "exit_code": max(codes)}


def withdraw_from_live_tables(
    job: JobRun, spark: SparkSession, objections: Objections, domains: frozenset[str]
) -> list[RowWithdrawalReport]:
    """Withdraw barred pupils from the live pseudonymous tables, before anything else; a table that fails is closed.

    Raises:
        ObjectionsRefused: what `accept_objections` refuses (exit code 12), before any row is withdrawn.
    """
    environment = job.environment
    if not (live_pseudonymous_releases(environment.zones) or find_unreadable_projects(environment.zones)):
        return []
    accept_objections(spark, environment, objections, domains)

    def find_barred(project: Project) -> BarredPupils:
        zones, name = environment.zones, project.name
        numbers = numbers_barred_from_project(spark, zones, objections, name, project.domains)
        return BarredPupils(numbers, {"barred_digest": objections.digest_for_project(name, project.domains)})

    return withdraw_ineligible_rows(spark, environment, find_barred, job.progress)


if __name__ == "__main__":
    told = "a list whose large effect, or change of polarity or schools, is right; may be repeated"
    options = {"action": "append", "metavar": "LIST", "help": told}
    sys.exit(run_job("objections", run_objections, (("--confirm",), options)))
