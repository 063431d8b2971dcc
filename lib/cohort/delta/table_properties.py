"""The properties and the protocol that every Delta table of the platform has.

Every table is written with them from its first commit on, so that no log ever held what they keep out: no file
statistics, no deletion vectors, no change feed, protocol (1, 2).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cohort.foundation import Declaration

TABLE_PROTOCOL = (1, 2)
"""Delta's reader and writer version of every table: those that Spark, delta-rs, polars and DuckDB all read."""
RELEASE_PROPERTY = "cohort.release"
"""The property of a published table that names its release."""
SYNTHETIC_PROPERTY = "cohort.synthetic"
"""The property of the table of a twin, `true`: no row of it is a pupil."""


class TableRetention(Declaration):
    """How long Delta keeps the removed files and the log entries of a table (`[tables]` of `platform.toml`)."""

    deleted_files_hours: Annotated[int, Field(ge=0)]
    log_hours: Annotated[int, Field(ge=0)]


def make_table_properties(retention: TableRetention) -> dict[str, str]:
    """Make the properties that every table declares in its first commit."""
    return {
        "delta.dataSkippingNumIndexedCols": "0",
        "delta.enableDeletionVectors": "false",
        "delta.columnMapping.mode": "none",
        "delta.checkpointPolicy": "classic",
        "delta.enableTypeWidening": "false",
        "delta.enableChangeDataFeed": "false",
        "delta.deletedFileRetentionDuration": f"interval {retention.deleted_files_hours} hours",
        "delta.logRetentionDuration": f"interval {retention.log_hours} hours",
    }
