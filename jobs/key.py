"""Make a project's key on purpose, or say whether there is one."""

import sys

import _entry as entry

from cohort.keys import project_keys
from cohort.release_records import release_states


def work(job: entry.Job) -> entry.Record:
    name = job.project(job.asked.project).name
    if job.asked.create:
        with job.lock(name):
            release_states.require_open_project(job.zones, name)
            project_keys.create_key(job.keys, name)
    return {"project": name, "created": job.asked.create, "exists": project_keys.key_exists(job.keys, name)}


if __name__ == "__main__":
    sys.exit(
        entry.run(
            "key",
            work,
            (("--project",), {"required": True}),
            (("--create",), {"action": "store_true", "help": "make the key"}),
        )
    )
