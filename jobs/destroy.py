"""List what the destruction of a project would remove; with --confirm NAME remove it, with proof."""

import getpass
import sys

import _entry as entry

from cohort.access import table_access
from cohort.agreements import project
from cohort.destruction import project_destruction
from cohort.foundation.errors import RightsRefused, UsageRefused, describe_problem
from cohort.storage import locks


def work(job: entry.Job) -> entry.Record:
    name = job.asked.project
    project.check_project_name(name)
    if job.asked.confirm is None:
        planned = project_destruction.plan_destruction(job.zones, job.keys, name)
        job.progress(f"nothing was removed; to destroy the project add --confirm {name}")
        return {"project": name, "dry_run": True, **planned.told()}
    if job.asked.confirm != name:
        raise UsageRefused(
            describe_problem(
                "the project's own name as confirmation",
                example=f"--confirm {name}",
                found="another name",
                where="--confirm",
                do="Nothing was removed; repeat the name exactly",
            )
        )
    with job.lock(name), job.lock(locks.INGESTION_LOCK, shared=True):
        try:
            table_access.withdraw_access(job.zones, job.platform, name, "the project is being destroyed", job.now)
        except RightsRefused as refused:  # removing it does more
            job.progress(str(refused))
        return project_destruction.destroy_project(
            job.session(),
            job.zones,
            job.keys,
            name,
            who_confirmed=getpass.getuser(),
            now=job.now,
            progress=job.progress,
        )


if __name__ == "__main__":
    sys.exit(
        entry.run(
            "destroy",
            work,
            (("--project",), {"required": True}),
            (("--confirm",), {"metavar": "NAME", "help": "the project's name again"}),
        )
    )
