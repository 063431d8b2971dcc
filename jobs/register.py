"""Make the public register from the records, and tell every school for what its results were used."""

import sys
from pathlib import Path

import _entry as entry

from cohort.storage import locks
from cohort.transparency import public_register, school_uses, site_folder


def work(job: entry.Job) -> entry.Record:
    out = Path(job.asked.out).resolve() if job.asked.out is not None else job.zones.public_register
    site_folder.check_site_folder(job.zones, out)
    with job.lock(locks.REGISTER_LOCK):
        site_folder.restore_interrupted_site(out)
        files = public_register.render_register(job.zones.public_records)
        site_folder.replace_site(out, files)
        job.progress(f"{len(files)} files")
        schools = school_uses.write_school_uses(job.zones)
    return {"out": str(out), "index": str(out / "index.html"), "files": len(files), "schools": schools}


if __name__ == "__main__":
    sys.exit(
        entry.run(
            "register",
            work,
            (("--out",), {"metavar": "DIR", "help": "where the site goes (default: register/ under the root)"}),
        )
    )
