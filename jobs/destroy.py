"""List what the destruction of a project would remove; with `--confirm NAME` remove it, with proof."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.access import withdraw_access
from cohort.agreements import check_project_name
from cohort.destruction import destroy_project, plan_destruction
from cohort.foundation import RightsRefused, UsageRefused, describe_problem
from cohort.storage import INGESTION_LOCK


def run_destroy(job: JobRun) -> JobReport:
    environment, name = job.environment, job.arguments.project
    zones = environment.zones
    check_project_name(name)
    if job.arguments.confirm is None:
        inventory = plan_destruction(environment, name)
        job.progress(f"nothing was removed; to destroy the project add --confirm {name}")
        return {"project": name, "dry_run": True, **inventory.summarise().model_dump(mode="json")}
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
    with job.lock(name), job.lock(INGESTION_LOCK, shared=True):
        try:
            reason = "the project is being destroyed"
            withdraw_access(zones, environment.platform, name, reason, environment.now)
        except RightsRefused as refused:
            job.progress(str(refused))  # destruction goes on: it takes more away than access
        certificate = destroy_project(
            job.start_session(), environment, name, job.progress, remove_survivors=job.arguments.survivors == "remove"
        )
        return certificate.model_dump(mode="json")


if __name__ == "__main__":
    sys.exit(
        run_job(
            "destroy",
            run_destroy,
            (("--project",), {"required": True}),
            (("--confirm",), {"metavar": "NAME", "help": "the project's name again"}),
            (
                ("--survivors",),
                {"choices": ["remove"], "help": "also remove what the store keeps in snapshots and trash"},
            ),
        )
    )
