"""Ingest the new files that schools delivered."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.agreements import catalogue
from cohort.delivery_formats import format_declarations
from cohort.ingestion import pipeline
from cohort.legal_basis import eligibility, number_changes, objections
from cohort.storage import locks


def run_ingest(job: JobRun) -> JobReport:
    environment = job.environment
    zones, today = environment.zones, environment.today
    listed = catalogue.load_catalogue(environment.config)
    formats = format_declarations.load_delivery_formats(environment.config)
    number_changes.load_number_changes(zones.number_changes, today)  # refused before anything is touched
    with job.lock(locks.INGESTION_LOCK):
        changes = number_changes.load_number_changes(zones.number_changes, today)
        limits = environment.platform.objections
        lists = objections.load_objections(zones.objections, limits, today, listed.domains())
        consented = eligibility.consented_pupils_of_live_projects(
            zones, environment.platform, environment.config, today, listed, lists
        )
        context = pipeline.IngestionContext(
            zones, environment.platform, listed, formats, lists, changes, environment.now, consented
        )
        return pipeline.ingest_deliveries(job.start_session(), context, job.progress)


if __name__ == "__main__":
    sys.exit(run_job("ingest", run_ingest))
