"""Take in the schools' files that are new."""

import sys

import _entry as entry

from cohort.agreements import catalogue
from cohort.delivery_formats import format_declarations
from cohort.ingestion import pipeline
from cohort.legal_basis import eligibility, number_changes, objections
from cohort.storage import locks


def work(job: entry.Job) -> entry.Record:
    known, declared = catalogue.load_catalogue(job.config), format_declarations.load_delivery_formats(job.config)
    number_changes.load_number_changes(
        job.zones.number_changes, job.now.date()
    )  # what is wrong is told before anything is touched
    with job.lock(locks.INGESTION_LOCK):
        changes = number_changes.load_number_changes(job.zones.number_changes, job.now.date())
        limits, today = job.platform.objections, job.now.date()
        lists = objections.load_objections(job.zones.objections, limits, today, known.domains())
        consented = eligibility.consented_pupils_of_live_projects(
            job.zones, job.platform, job.config, today, known, lists
        )
        intake = pipeline.IngestionContext(job.zones, job.platform, known, declared, lists, changes, job.now, consented)
        return pipeline.ingest_deliveries(job.session(), intake, job.progress)


if __name__ == "__main__":
    sys.exit(entry.run("ingest", work))
