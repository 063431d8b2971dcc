"""Publish a verified release, approved by a named second person."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.access import table_access
from cohort.keys import project_keys
from cohort.release import publication, publication_checks
from cohort.release_records import public_record, record_store, release_states
from cohort.storage import locks


def run_publish(job: JobRun) -> JobReport:
    environment, approved_by = job.environment, job.arguments.approved_by
    zones, platform = environment.zones, environment.platform
    task = job.release_task(job.arguments.project)
    project = task.project
    record_store.find_release_record(zones, project.name, job.arguments.release)
    with job.lock(project.name), job.lock(locks.INGESTION_LOCK, shared=True):
        # 1. Whether it may be published.
        release_states.require_open_project(zones, project.name)
        record = record_store.find_release_record(zones, project.name, job.arguments.release)
        publication_checks.check_publishable(environment, project, record, approved_by, task.list_vocabulary)
        if project.is_pseudonymous:
            project_keys.load_key(environment.keys, project.name)  # a later objection could not be applied without it

        # 2. A publication that was interrupted is completed, and is then the result.
        spark = job.start_session()
        publication.repair_publication(spark, zones, platform, project.name)
        record = record_store.find_release_record(zones, project.name, job.arguments.release)
        if record.mended:
            table_access.settle_access(zones, platform, project, environment.now)
            return public_record.make_public_record(platform, record).document()

        # 3. Publication.
        record = publication.publish_release(spark, environment, project, record, approved_by, job.progress)
    return public_record.make_public_record(platform, record).document()


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
