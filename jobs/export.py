"""Export a published table to files for statistical programs, beside the table."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.release_records import require_open_project
from cohort.table_exports import export_table, read_formats, require_readable_release


def run_export(job: JobRun) -> JobReport:
    arguments = job.arguments
    formats = read_formats(arguments.format)
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
