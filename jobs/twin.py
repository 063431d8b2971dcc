"""Make the twin of a project: synthetic rows with the schema, labels and formats of its table."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.foundation import UsageRefused, describe_problem
from cohort.release_records import require_open_project
from cohort.table_exports import EXPORT_FORMATS, read_formats
from cohort.twin import LARGEST_TWIN, SMALLEST_TWIN, TwinRequest, find_twin_source, make_twin


def run_twin(job: JobRun) -> JobReport:
    arguments = job.arguments
    formats, rows = read_formats(arguments.format), _read_rows(arguments.rows)
    request = TwinRequest(formats, arguments.language, rows, arguments.from_agreement)
    project = job.load_project(arguments.project)
    require_open_project(job.environment.zones, project.name)
    find_twin_source(job.environment, project, from_agreement=request.from_agreement)
    with job.lock(project.name):
        require_open_project(job.environment.zones, project.name)
        return make_twin(job.environment, project, request, job.progress).model_dump(mode="json")


def _read_rows(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and SMALLEST_TWIN <= int(text) <= LARGEST_TWIN:
        return int(text)
    raise UsageRefused(
        describe_problem(
            f"a number of rows from {SMALLEST_TWIN} to {LARGEST_TWIN:,}",
            example="--rows 5000",
            found="another",
            where="--rows",
            do="Correct it, or leave it out: then the twin has the rows of the table, rounded",
        )
    )


if __name__ == "__main__":
    sys.exit(
        run_job(
            "twin",
            run_twin,
            (("--project",), {"required": True}),
            (("--rows",), {"metavar": "N", "help": "how many rows (default: those of the table, rounded)"}),
            (("--from-agreement",), {"action": "store_true", "help": "take nothing from the published table"}),
            (
                ("--format",),
                {
                    "default": ",".join(EXPORT_FORMATS),
                    "metavar": "FORMATS",
                    "help": f"of the files beside the table (default: {','.join(EXPORT_FORMATS)})",
                },
            ),
            (("--language",), {"choices": ("nl", "en"), "default": "nl", "help": "of labels (default: nl)"}),
        )
    )
