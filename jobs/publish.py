"""Publish a verified release, approved by a named second person."""

import sys

import _entry as entry

from cohort import catalogue, locks, publish, register


def work(job: entry.Job) -> entry.Record:
    agreed = job.project(job.asked.project)
    domains = catalogue.load(job.config).domains()
    register.find(job.places, agreed.name, job.asked.release)
    with job.lock(agreed.name), job.lock(locks.INTAKE, shared=True):
        register.require_open(job.places, agreed.name)
        record = register.find(job.places, agreed.name, job.asked.release)
        approved = job.asked.approved_by
        publish.check(job.places, job.platform, agreed, record, job.now, approved, domains)
        spark = job.session()
        publish.mend(spark, job.places, job.platform, agreed.name)
        record = register.find(job.places, agreed.name, job.asked.release)
        if record.facts.get("mended"):
            return publish.shown(job.platform, record)
        record = publish.publish(
            spark, job.places, job.platform, agreed, record, job.now, approved, job.progress
        )
    return publish.shown(job.platform, record)


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
