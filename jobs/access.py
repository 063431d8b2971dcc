"""Let the readers of every project in its time in, and show those of any other out: to be run daily."""

import sys

from _entry import JobReport, JobRun, run_job

from cohort.live_tables import reader_check


def check_readers(job: JobRun) -> JobReport:
    today = reader_check.ReaderCheck(
        job.environment.zones,
        job.environment.platform,
        job.environment.config,
        job.environment.keys,
        job.environment.now,
    )
    return reader_check.check_readers(today, job.progress)


if __name__ == "__main__":
    sys.exit(run_job("access", check_readers))
