"""Take in the schools' files that are new."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.agreements import catalogue
from cohort.delivery_formats import format_declarations
from cohort.ingestion import pipeline
from cohort.legal_basis import eligibility, number_changes, objections
from cohort.storage import locks


def ingest(job: JobRun) -> JobReport:
    known, declared = (
        catalogue.load_catalogue(job.environment.config),
        format_declarations.load_delivery_formats(job.environment.config),
    )
    number_changes.load_number_changes(
        job.environment.zones.number_changes, job.environment.today
    )  # what is wrong is told before anything is touched
    with job.lock(locks.INGESTION_LOCK):
        changes = number_changes.load_number_changes(job.environment.zones.number_changes, job.environment.today)
        limits, today = job.environment.platform.objections, job.environment.today
        lists = objections.load_objections(job.environment.zones.objections, limits, today, known.domains())
        consented = eligibility.consented_pupils_of_live_projects(
            job.environment.zones, job.environment.platform, job.environment.config, today, known, lists
        )
        intake = pipeline.IngestionContext(
            job.environment.zones,
            job.environment.platform,
            known,
            declared,
            lists,
            changes,
            job.environment.now,
            consented,
        )
        return pipeline.ingest_deliveries(job.start_session(), intake, job.progress)


if __name__ == "__main__":
    sys.exit(run_job("ingest", ingest))
