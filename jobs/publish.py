"""Publish a verified release, approved by a named second person."""

import sys

import _entry as entry

from cohort import access, catalogue, disclosed, keys, locks, publish, register, rights


def work(job: entry.Job) -> entry.Record:
    agreed = job.project(job.asked.project)
    may_name = rights.known(job.places, job.config, catalogue.load(job.config))
    register.find(job.places, agreed.name, job.asked.release)
    with job.lock(agreed.name), job.lock(locks.INTAKE, shared=True):
        register.require_open(job.places, agreed.name)
        record = register.find(job.places, agreed.name, job.asked.release)
        approved = job.asked.approved_by
        publish.check(job.places, job.platform, agreed, record, job.now, approved, may_name)
        if agreed.pseudonymous:
            keys.load(job.keys, agreed.name)  # without it no late objection could be honoured
        spark = job.session()
        publish.mend(spark, job.places, job.platform, agreed.name)
        record = register.find(job.places, agreed.name, job.asked.release)
        if record.facts.get("mended"):
            access.settle(job.places, job.platform, agreed, job.now)
            return disclosed.shown(job.platform, record)
        record = publish.publish(
            spark, job.places, job.platform, agreed, record, job.now, approved, job.progress
        )
    return disclosed.shown(job.platform, record)


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
