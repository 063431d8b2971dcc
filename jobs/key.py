"""Create a project's key on purpose, or report whether there is one."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.keys import create_key, key_exists
from cohort.release_records import require_open_project


def run_key(job: JobRun) -> JobReport:
    environment, create = job.environment, job.arguments.create
    name = job.load_project(job.arguments.project).name
    if create:
        with job.lock(name):
            require_open_project(environment.zones, name)
            create_key(environment.keys, name)
    return {"project": name, "created": create, "exists": key_exists(environment.keys, name)}


if __name__ == "__main__":
    sys.exit(
        run_job(
            "key",
            run_key,
            (("--project",), {"required": True}),
            (("--create",), {"action": "store_true", "help": "make the key"}),
        )
    )
