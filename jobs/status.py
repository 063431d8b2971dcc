"""Say what there is, what is due and what ends when."""

import sys

import _entry as entry

from cohort.release import status


def work(job: entry.Job) -> entry.Record:
    return status.report_status(job.zones, job.platform, job.config, job.keys, job.now)


if __name__ == "__main__":
    sys.exit(entry.run("status", work))
