"""Export a published table to files for statistical programs, beside the table."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.foundation import UsageRefused, describe_problem
from cohort.release_records import require_open_project
from cohort.table_exports import EXPORT_FORMATS, export_table, require_readable_release


def run_export(job: JobRun) -> JobReport:
    arguments = job.arguments
    formats = tuple(dict.fromkeys(name for name in arguments.format.split(",") if name))
    unknown = [name for name in formats if name not in EXPORT_FORMATS]
    if unknown or not formats:
        raise UsageRefused(
            describe_problem(
                f"formats among {', '.join(EXPORT_FORMATS)}",
                example="--format sav,csv",
                found=", ".join(unknown) or "none",
                where="--format",
                do="Name one or more of these",
            )
        )
    project = job.load_project(arguments.project)
    require_readable_release(job.environment, project)
    with job.lock(project.name):
        require_open_project(job.environment.zones, project.name)
        return export_table(job.environment, project, formats, arguments.language, job.progress).document()


if __name__ == "__main__":
    sys.exit(
        run_job(
            "export",
            run_export,
            (("--project",), {"required": True}),
            (("--format",), {"required": True, "metavar": "FORMATS", "help": "some of sav,dta,parquet,csv"}),
            (("--language",), {"choices": ("nl", "en"), "default": "nl", "help": "of labels (default: nl)"}),
        )
    )
