"""Report what there is, what is due and what ends when."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.release import report_status


def run_status(job: JobRun) -> JobReport:
    return report_status(job.environment)


if __name__ == "__main__":
    sys.exit(run_job("status", run_status))
