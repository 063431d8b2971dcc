"""Build the public register from the open records, and tell every school for what its results were used."""

import sys
from pathlib import Path

from _entry import JobReport, JobRun, run_job

from cohort.storage import REGISTER_LOCK
from cohort.transparency import (
    check_site_folder,
    render_register,
    replace_site,
    restore_interrupted_site,
    write_school_uses,
)


def run_register(job: JobRun) -> JobReport:
    zones, chosen = job.environment.zones, job.arguments.out
    out = zones.public_register if chosen is None else Path(chosen).resolve()
    check_site_folder(zones, out)
    with job.lock(REGISTER_LOCK):
        restore_interrupted_site(out)
        files = render_register(zones.public_records, zones.root / "publications")
        replace_site(out, files)
        job.progress(f"{len(files)} files")
        schools = write_school_uses(zones)
    return {"out": str(out), "index": str(out / "index.html"), "files": len(files), "schools": schools}


if __name__ == "__main__":
    sys.exit(
        run_job(
            "register",
            run_register,
            (("--out",), {"metavar": "DIR", "help": "where the site goes (default: register/ under the root)"}),
        )
    )
