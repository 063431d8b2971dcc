"""Build the public register from the open records, and tell every school for what its results were used."""

import sys
from pathlib import Path

from _entry import JobReport, JobRun, run_job

from cohort.storage import locks
from cohort.transparency import public_register, school_uses, site_folder


def run_register(job: JobRun) -> JobReport:
    zones, chosen = job.environment.zones, job.arguments.out
    out = zones.public_register if chosen is None else Path(chosen).resolve()
    site_folder.check_site_folder(zones, out)
    with job.lock(locks.REGISTER_LOCK):
        site_folder.restore_interrupted_site(out)
        files = public_register.render_register(zones.public_records)
        site_folder.replace_site(out, files)
        job.progress(f"{len(files)} files")
        schools = school_uses.write_school_uses(zones)
    return {"out": str(out), "index": str(out / "index.html"), "files": len(files), "schools": schools}


if __name__ == "__main__":
    sys.exit(
        run_job(
            "register",
            run_register,
            (("--out",), {"metavar": "DIR", "help": "where the site goes (default: register/ under the root)"}),
        )
    )
