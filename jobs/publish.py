"""Publish a verified release, approved by a named second person."""

import sys

import _entry as entry

from cohort.access import table_access
from cohort.agreements import catalogue
from cohort.keys import project_keys
from cohort.legal_basis import eligibility
from cohort.release import publication
from cohort.release_records import public_record, release_record
from cohort.storage import locks


def work(job: entry.Job) -> entry.Record:
    agreed = job.project(job.asked.project)
    may_name = eligibility.load_list_vocabulary(job.places, job.config, catalogue.load_catalogue(job.config))
    release_record.find_release_record(job.places, agreed.name, job.asked.release)
    with job.lock(agreed.name), job.lock(locks.INGESTION_LOCK, shared=True):
        release_record.require_open_project(job.places, agreed.name)
        record = release_record.find_release_record(job.places, agreed.name, job.asked.release)
        approved = job.asked.approved_by
        publication.check_publishable(job.places, job.platform, agreed, record, job.now, approved, may_name)
        if agreed.pseudonymous:
            project_keys.load_key(job.keys, agreed.name)  # without it no late objection could be honoured
        spark = job.session()
        publication.repair_publication(spark, job.places, job.platform, agreed.name)
        record = release_record.find_release_record(job.places, agreed.name, job.asked.release)
        if record.facts.get("mended"):
            table_access.settle_access(job.places, job.platform, agreed, job.now)
            return public_record.make_public_record(job.platform, record)
        record = publication.publish_release(
            spark, job.places, job.platform, agreed, record, job.now, approved, job.progress
        )
    return public_record.make_public_record(job.platform, record)


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
