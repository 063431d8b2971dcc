"""Ingest the new files that schools delivered."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.agreements import load_catalogue
from cohort.delivery_formats import load_delivery_formats
from cohort.ingestion import IngestionContext, ingest_deliveries
from cohort.legal_basis import consented_pupils_of_live_projects, load_number_changes, load_objections
from cohort.storage import INGESTION_LOCK


def run_ingest(job: JobRun) -> JobReport:
    environment = job.environment
    zones, today = environment.zones, environment.today
    listed = load_catalogue(environment.config)
    formats = load_delivery_formats(environment.config)
    load_number_changes(zones.number_changes, today)  # refused before anything is touched
    with job.lock(INGESTION_LOCK):
        changes = load_number_changes(zones.number_changes, today)
        limits = environment.platform.objections
        lists = load_objections(zones.objections, limits, today, listed.domains())
        consented = consented_pupils_of_live_projects(
            zones, environment.platform, environment.config, today, listed, lists
        )
        context = IngestionContext(
            zones, environment.platform, listed, formats, lists, changes, environment.now, consented
        )
        return ingest_deliveries(job.start_session(), context, job.progress)


if __name__ == "__main__":
    sys.exit(run_job("ingest", run_ingest))
