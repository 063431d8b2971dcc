"""Codes in the results of earlier runs rewritten to their canonical spelling, once per version of the code lists.

Ingestion writes canonical codes. Rows from before a code list knew a spelling (`0.3`, `ja`) are rewritten by the next
run of `ingest`, which leaves a mark with the digest of the code lists. `release` calls `require_canonical_codes`:
without that mark it searches the results and refuses any other spelling, because the verifier reads canonical codes.
"""

from __future__ import annotations

from pyspark.sql import SparkSession

from cohort.delta import list_current_paths, read_table, table_exists, update_rows
from cohort.foundation import CODE_LISTS, NO_VALUE, StateRefused, describe_problem, digest_code_lists
from cohort.results import vacuum_restricted_table
from cohort.storage import StoragePath, StorageZones, read_applied_digest, write_json_document

NOT_CANONICAL = " or ".join(one.respelled_sql(name) for name, one in CODE_LISTS.items() if one.alternative_spellings)
"""SQL: whether a stored row has a code in another spelling than the canonical one."""


def require_canonical_codes(spark: SparkSession, zones: StorageZones) -> None:
    """Check that every code of the results is in its canonical spelling.

    Raises:
        StateRefused: some are not (exit code 15).
    """
    if _are_applied(zones) or not table_exists(zones.results):
        return
    if not read_table(spark, zones.results).where(NOT_CANONICAL).isEmpty():
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
    """Rewrite every code of the results to its canonical spelling.

    Does nothing when these code lists were applied before. A run that is killed half-way does the same again.

    Returns:
        How many rows changed.

    Raises:
        DestructionIncomplete: a file with superseded rows stays (exit code 16).
    """
    if _are_applied(zones):
        return 0
    is_empty = not list_current_paths(zones.results)  # by the log: Spark takes half a second to count no rows
    rows = 0 if is_empty else read_table(spark, zones.results).where(NOT_CANONICAL).count()
    if rows:
        canonical = {name: _canonical_code(name) for name, one in CODE_LISTS.items() if one.alternative_spellings}
        update_rows(spark, zones.results, NOT_CANONICAL, canonical)
        vacuum_restricted_table(zones.results, "codes in another spelling")
    write_json_document(_mark_path(zones), {"digest": digest_code_lists(), "rows": rows})
    return rows


def _canonical_code(name: str) -> str:
    """SQL: a stored code in its canonical spelling; a value that no list knows stays as it is."""
    return f"nullif(coalesce({CODE_LISTS[name].canonical_sql(name)}, {name}), '{NO_VALUE}')"


def _are_applied(zones: StorageZones) -> bool:
    return read_applied_digest(_mark_path(zones)) == digest_code_lists()


def _mark_path(zones: StorageZones) -> StoragePath:
    return zones.exact_records / "code_lists.json"
