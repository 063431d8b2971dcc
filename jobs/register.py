"""Make the public register from the records, and tell every school for what its results were used."""

import sys
from pathlib import Path

import _entry as entry

from cohort.storage import locks
from cohort.transparency import public_register, school_uses


def work(job: entry.Job) -> entry.Record:
    out = Path(job.asked.out).resolve() if job.asked.out is not None else job.zones.public_register
    public_register.check(job.zones, out)
    with job.lock(locks.REGISTER_LOCK):
        public_register.mend(out)
        files = public_register.made(job.zones.public_records)
        public_register.put(out, files)
        job.progress(f"{len(files)} files")
        told = school_uses.write(job.zones)
    return {"out": str(out), "index": str(out / "index.html"), "files": len(files), "schools": told}


if __name__ == "__main__":
    sys.exit(
        entry.run(
            "register",
            work,
            (("--out",), {"metavar": "DIR", "help": "where the site goes (default: register/ under the root)"}),
        )
    )
