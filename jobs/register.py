"""Make the public register from the records, and tell every school for what its results were used."""

import sys
from pathlib import Path

import _entry as entry

from cohort import locks, site, uses


def work(job: entry.Job) -> entry.Record:
    out = Path(job.asked.out).resolve() if job.asked.out is not None else job.places.register
    site.check(job.places, out)
    with job.lock(locks.REGISTER):
        site.mend(out)
        files = site.made(job.places.records)
        site.put(out, files)
        job.progress(f"{len(files)} files")
        told = uses.write(job.places)
    return {"out": str(out), "index": str(out / "index.html"), "files": len(files), "schools": told}


if __name__ == "__main__":
    sys.exit(
        entry.run(
            "register",
            work,
            (
                ("--out",),
                {"metavar": "DIR", "help": "where the site goes (default: register/ under the root)"},
            ),
        )
    )
