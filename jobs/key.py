"""Create a project's key on purpose, or report whether there is one."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.keys import project_keys
from cohort.release_records import release_states


def run_key(job: JobRun) -> JobReport:
    environment, create = job.environment, job.arguments.create
    name = job.load_project(job.arguments.project).name
    if create:
        with job.lock(name):
            release_states.require_open_project(environment.zones, name)
            project_keys.create_key(environment.keys, name)
    return {"project": name, "created": create, "exists": project_keys.key_exists(environment.keys, name)}


if __name__ == "__main__":
    sys.exit(
        run_job(
            "key",
            run_key,
            (("--project",), {"required": True}),
            (("--create",), {"action": "store_true", "help": "make the key"}),
        )
    )
