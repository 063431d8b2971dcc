"""Publish a verified release, approved by a named second person."""

import sys

import _entry as entry

from cohort.access import table_access
from cohort.agreements import catalogue
from cohort.keys import project_keys
from cohort.legal_basis import eligibility
from cohort.release import publication
from cohort.release_records import public_record, record_store, release_states
from cohort.storage import locks


def work(job: entry.Job) -> entry.Record:
    agreed = job.project(job.asked.project)
    may_name = eligibility.load_list_vocabulary(job.zones, job.config, catalogue.load_catalogue(job.config))
    record_store.find_release_record(job.zones, agreed.name, job.asked.release)
    with job.lock(agreed.name), job.lock(locks.INGESTION_LOCK, shared=True):
        release_states.require_open_project(job.zones, agreed.name)
        record = record_store.find_release_record(job.zones, agreed.name, job.asked.release)
        approved = job.asked.approved_by
        publication.check_publishable(job.zones, job.platform, agreed, record, job.now, approved, may_name)
        if agreed.is_pseudonymous:
            project_keys.load_key(job.keys, agreed.name)  # without it no late objection could be honoured
        spark = job.session()
        publication.repair_publication(spark, job.zones, job.platform, agreed.name)
        record = record_store.find_release_record(job.zones, agreed.name, job.asked.release)
        if record.mended:
            table_access.settle_access(job.zones, job.platform, agreed, job.now)
            return public_record.make_public_record(job.platform, record).document()
        record = publication.publish_release(
            spark, job.zones, job.platform, agreed, record, job.now, approved, job.progress
        )
    return public_record.make_public_record(job.platform, record).document()


if __name__ == "__main__":
    sys.exit(
        entry.run(
            "publish",
            work,
            (("--project",), {"required": True}),
            (("--release",), {"type": int, "required": True, "help": "the number that release printed"}),
            (("--approved-by",), {"required": True, "metavar": "WHO"}),
        )
    )
