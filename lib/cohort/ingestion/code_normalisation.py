"""Results of earlier runs brought to the canonical spelling of every code, once per state of the code lists.

Intake writes canonical codes; what stands in the results from before a code list had one (`0.3`, `ja`) is
rewritten by the next run of ingest. A mark with the lists' digest says that it was; a release without that
mark looks for itself, and refuses where another spelling is left. So the verifier reads canonical codes, too.
"""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from cohort import delta
from cohort.foundation import code_lists
from cohort.foundation.code_lists import CODE_LISTS, NOTHING
from cohort.foundation.errors import StateRefused, expected
from cohort.release_records import release_record
from cohort.results import results_store
from cohort.storage.paths import Places

OTHERWISE = " or ".join(one.respelled(name) for name, one in CODE_LISTS.items() if one.others)
"""SQL for whether a stored row has a code in another spelling than its canonical one."""


def require_applied(spark: SparkSession, places: Places) -> None:
    """Refuse to go on with results of which some have another spelling (exit code 15)."""
    if _applied(places) or not delta.exists(places.results):
        return
    if not delta.read(spark, places.results).where(OTHERWISE).isEmpty():
        raise StateRefused(
            expected(
                "results in the canonical spelling of every code",
                example="after a run of ingest",
                found="other spellings",
                where="restricted/results",
                do="Run ingest, then this again",
            )
        )


def apply(spark: SparkSession, places: Places) -> int:
    """Write every code of the results in its canonical spelling.

    Returns: how many rows changed; nothing is looked at when these code lists were applied before. Killed
    half-way, it is simply done again.
    Raises: DeliveriesRefused for rows left behind in a file that is no longer of the table (exit code 16).
    """
    if _applied(places):
        return 0
    rows = delta.read(spark, places.results).where(OTHERWISE).count()
    if rows:
        canonical = {name: _canonical(name) for name, one in CODE_LISTS.items() if one.others}
        delta.rewrite(spark, places.results, OTHERWISE, canonical)
        results_store.vacuum(places.results, "codes in another spelling")
    release_record.write(_mark(places), {"digest": code_lists.digest(), "rows": rows})
    return rows


def _canonical(name: str) -> str:
    """SQL for a stored code in its canonical spelling; what no list knows stays as it is."""
    return f"nullif(coalesce({CODE_LISTS[name].sql(name)}, {name}), '{NOTHING}')"


def _applied(places: Places) -> bool:
    return release_record.applied(_mark(places)) == code_lists.digest()


def _mark(places: Places) -> Path:
    return places.exact / "code_lists.json"
