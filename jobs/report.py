"""Make the pages and documents of a release's report again, from what was measured when the release was made."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.foundation import StateRefused, describe_problem
from cohort.release_records import ReleaseState, find_release_record, require_open_project
from cohort.report_figures import find_exact_report, renew_open_report, write_exact_report


def run_report(job: JobRun) -> JobReport:
    zones, name = job.environment.zones, job.load_project(job.arguments.project).name
    find_release_record(zones, name, job.arguments.release)
    with job.lock(name):
        require_open_project(zones, name)
        record = find_release_record(zones, name, job.arguments.release)
        report = find_exact_report(zones, record)
        if report is None:
            raise StateRefused(
                describe_problem(
                    "a release with a report",
                    example="one of this version",
                    found="one that was made without",
                    where=f"release {record.release} of {name}",
                    do=f"Make a new one with release --project {name}; its figures need the cohort",
                )
            )
        exact = write_exact_report(zones, report)
        is_published = record.state is ReleaseState.PUBLISHED
        rounded = renew_open_report(zones, job.environment.platform.shown, record) if is_published else ()
    places = {zones.exact_reports(name): exact, zones.open_reports(name): rounded}
    files = [
        f"{folder.relative_to(zones.root).as_posix()}/{file}" for folder, names in places.items() for file in names
    ]
    broken = [limit.model_dump(mode="json") for limit in report.risk.limits if not limit.kept]
    return {"project": name, "release": record.release, "state": record.state, "files": files, "broken_limits": broken}


if __name__ == "__main__":
    sys.exit(
        run_job(
            "report",
            run_report,
            (("--project",), {"required": True}),
            (("--release",), {"type": int, "help": "its number (default: the newest)"}),
        )
    )
