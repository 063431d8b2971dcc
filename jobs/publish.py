"""Publish a verified release, approved by a named second person."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.access import settle_access
from cohort.keys import load_key
from cohort.release import check_publishable, publish_release, repair_publication
from cohort.release_records import find_release_record, make_public_record, require_open_project
from cohort.storage import INGESTION_LOCK


def run_publish(job: JobRun) -> JobReport:
    environment, approved_by = job.environment, job.arguments.approved_by
    zones, platform = environment.zones, environment.platform
    task = job.release_task(job.arguments.project)
    project = task.project
    find_release_record(zones, project.name, job.arguments.release)
    with job.lock(project.name), job.lock(INGESTION_LOCK, shared=True):
        # 1. Whether it may be published.
        require_open_project(zones, project.name)
        record = find_release_record(zones, project.name, job.arguments.release)
        check_publishable(environment, project, record, approved_by, task.list_vocabulary)
        if project.is_pseudonymous:
            load_key(environment.keys, project.name)  # a later objection could not be applied without it

        # 2. A publication that was interrupted is completed, and is then the result.
        spark = job.start_session()
        repair_publication(spark, environment, project)
        record = find_release_record(zones, project.name, job.arguments.release)
        if record.mended:
            settle_access(zones, platform, project, environment.now)
            return make_public_record(platform, record).document()

        # 3. Publication.
        record = publish_release(spark, environment, project, record, approved_by, job.progress)
    return make_public_record(platform, record).document()


if __name__ == "__main__":
    sys.exit(
        run_job(
            "publish",
            run_publish,
            (("--project",), {"required": True}),
            (("--release",), {"type": int, "required": True, "help": "the number that release printed"}),
            (("--approved-by",), {"required": True, "metavar": "WHO"}),
        )
    )
