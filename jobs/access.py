"""Let the readers of every project in its time in, and show those of any other out: to be run daily."""

import sys

import _entry as entry

from cohort.live_tables import reader_check


def work(job: entry.Job) -> entry.Record:
    today = reader_check.ReaderCheck(job.zones, job.platform, job.config, job.keys, job.now)
    return reader_check.check_readers(today, job.progress)


if __name__ == "__main__":
    sys.exit(entry.run("access", work))
