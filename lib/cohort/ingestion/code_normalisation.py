"""Results of earlier runs brought to the canonical spelling of every code, once per state of the code lists.

Intake writes canonical codes; what stands in the results from before a code list had one (`0.3`, `ja`) is
rewritten by the next run of ingest. A mark with the lists' digest says that it was; a release without that
mark looks for itself, and refuses where another spelling is left. So the verifier reads canonical codes, too.
"""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from cohort import delta
from cohort.foundation import code_lists, json_documents
from cohort.foundation.code_lists import CODE_LISTS, NO_VALUE
from cohort.foundation.errors import StateRefused, describe_problem
from cohort.results import results_store
from cohort.storage.zone_paths import StorageZones

NOT_CANONICAL = " or ".join(one.respelled_sql(name) for name, one in CODE_LISTS.items() if one.alternative_spellings)
"""SQL for whether a stored row has a code in another spelling than its canonical one."""


def require_canonical_codes(spark: SparkSession, zones: StorageZones) -> None:
    """Refuse to go on with results of which some have another spelling (exit code 15)."""
    if _applied(zones) or not delta.table_exists(zones.results):
        return
    if not delta.read_table(spark, zones.results).where(NOT_CANONICAL).isEmpty():
        raise StateRefused(
            describe_problem(
                "results in the canonical spelling of every code",
                example="after a run of ingest",
                found="other spellings",
                where="restricted/results",
                do="Run ingest, then this again",
            )
        )


def normalise_stored_codes(spark: SparkSession, zones: StorageZones) -> int:
    """Write every code of the results in its canonical spelling.

    Returns: how many rows changed; nothing is looked at when these code lists were applied before. Killed
    half-way, it is simply done again.
    Raises: DeliveriesRefused for rows left behind in a file that is no longer of the table (exit code 16).
    """
    if _applied(zones):
        return 0
    rows = delta.read_table(spark, zones.results).where(NOT_CANONICAL).count()
    if rows:
        canonical = {name: _canonical(name) for name, one in CODE_LISTS.items() if one.alternative_spellings}
        delta.update_rows(spark, zones.results, NOT_CANONICAL, canonical)
        results_store.vacuum_restricted_table(zones.results, "codes in another spelling")
    json_documents.write_json_document(_mark(zones), {"digest": code_lists.digest_code_lists(), "rows": rows})
    return rows


def _canonical(name: str) -> str:
    """SQL for a stored code in its canonical spelling; what no list knows stays as it is."""
    return f"nullif(coalesce({CODE_LISTS[name].canonical_sql(name)}, {name}), '{NO_VALUE}')"


def _applied(zones: StorageZones) -> bool:
    return json_documents.read_applied_digest(_mark(zones)) == code_lists.digest_code_lists()


def _mark(zones: StorageZones) -> Path:
    return zones.exact_records / "code_lists.json"
