"""Give the readers of every running project access, and take it from those of any other: to be run daily."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.published_tables import check_readers


def run_access(job: JobRun) -> JobReport:
    return check_readers(job.environment, job.progress).document()


if __name__ == "__main__":
    sys.exit(run_job("access", run_access))
