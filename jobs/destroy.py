"""List what the destruction of a project would remove; with --confirm NAME remove it, with proof."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.access import table_access
from cohort.agreements import project
from cohort.destruction import project_destruction
from cohort.foundation.errors import RightsRefused, UsageRefused, describe_problem
from cohort.storage import locks


def destroy(job: JobRun) -> JobReport:
    name = job.arguments.project
    project.check_project_name(name)
    if job.arguments.confirm is None:
        planned = project_destruction.plan_destruction(job.environment.zones, job.environment.keys, name)
        job.progress(f"nothing was removed; to destroy the project add --confirm {name}")
        return {"project": name, "dry_run": True, **planned.told()}
    if job.arguments.confirm != name:
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
            table_access.withdraw_access(
                job.environment.zones,
                job.environment.platform,
                name,
                "the project is being destroyed",
                job.environment.now,
            )
        except RightsRefused as refused:  # removing it does more
            job.progress(str(refused))
        return project_destruction.destroy_project(
            job.start_session(),
            job.environment.zones,
            job.environment.keys,
            name,
            who_confirmed=job.environment.operator,
            now=job.environment.now,
            progress=job.progress,
        )


if __name__ == "__main__":
    sys.exit(
        run_job(
            "destroy",
            destroy,
            (("--project",), {"required": True}),
            (("--confirm",), {"metavar": "NAME", "help": "the project's name again"}),
        )
    )
