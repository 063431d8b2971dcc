"""Reports of runs whose driver is on a node of a cluster: what the job would have printed for the one who submitted it.

In: the zones of a root and what a job printed. Out: one private document per run under `restricted/reports`, named by
the number that `scripts/submit` gave the run; it fetches the document, prints it and ends with its exit code.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from cohort.foundation import UsageRefused, describe_problem
from cohort.storage.json_documents import DocumentPart, write_json_document
from cohort.storage.zone_paths import StorageZones

RUN_NUMBER = re.compile(r"[0-9a-f]{32}")
KEPT_DAYS = 30
"""So long a report is kept, for one whose connection broke before it was fetched."""


class RunReport(DocumentPart):
    """What one job printed whose driver ran on a node of a cluster."""

    model_config = ConfigDict(json_schema_extra={"$id": "run-report-1"})

    job: str
    run: Annotated[str, Field(pattern=f"^{RUN_NUMBER.pattern}$")]
    """The number that the run was given when it was submitted."""
    progress: tuple[str, ...]
    """Its lines on stderr."""
    record: dict[str, Any]
    """Its document on stdout."""
    exit_code: int
    at: str


def check_run_number(run: str) -> None:
    """Check the number of a run, which names a file.

    Raises:
        UsageRefused: it is not one (exit code 2).
    """
    if not RUN_NUMBER.fullmatch(run):
        raise UsageRefused(
            describe_problem(
                "the number of a run",
                example="32 hexadecimal digits",
                found="something else",
                where="--cluster-run",
                do="Leave it to scripts/submit",
            )
        )


def write_run_report(zones: StorageZones, report: RunReport, now: dt.datetime) -> None:
    """Write the report of a run, and remove those that are too old.

    Args:
        zones: the zones of the root.
        report: what the job printed.
        now: the present moment.

    Raises:
        OSError: the store refuses.
    """
    oldest = (now - dt.timedelta(days=KEPT_DAYS)).timestamp()
    write_json_document(zones.run_report(report.run), report.model_dump(mode="json"))
    for file in list(zones.run_reports.glob("*.json")):
        if file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)
