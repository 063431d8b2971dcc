"""Make a project's key on purpose, or say whether there is one."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.keys import project_keys
from cohort.release_records import release_states


def manage_key(job: JobRun) -> JobReport:
    name = job.load_project(job.arguments.project).name
    if job.arguments.create:
        with job.lock(name):
            release_states.require_open_project(job.environment.zones, name)
            project_keys.create_key(job.environment.keys, name)
    return {
        "project": name,
        "created": job.arguments.create,
        "exists": project_keys.key_exists(job.environment.keys, name),
    }


if __name__ == "__main__":
    sys.exit(
        run_job(
            "key",
            manage_key,
            (("--project",), {"required": True}),
            (("--create",), {"action": "store_true", "help": "make the key"}),
        )
    )
