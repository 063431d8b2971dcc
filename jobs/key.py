"""Make a project's key on purpose, or say whether there is one."""

import sys

import _entry as entry

from cohort import keys, register


def work(job: entry.Job) -> entry.Record:
    name = job.project(job.asked.project).name
    if job.asked.create:
        with job.lock(name):
            register.require_open(job.places, name)
            keys.create(job.keys, name)
    return {"project": name, "created": job.asked.create, "exists": keys.exists(job.keys, name)}


if __name__ == "__main__":
    sys.exit(
        entry.run(
            "key",
            work,
            (("--project",), {"required": True}),
            (("--create",), {"action": "store_true", "help": "make the key"}),
        )
    )
