"""The only room that speaks Delta.

Its rooms, each knowing only those above it:

    looked_at   rows, commits, files, properties
    made        made, written, replaced; the properties that every table has
    changed     rows removed, renumbered, emptied, rewritten
    cleaned     files removed that are no longer needed
"""

from __future__ import annotations

from cohort.delta.read import (
    DAMAGED,
    Commit,
    checksum,
    current_files,
    detail,
    exists,
    files_of_batches,
    history,
    identity,
    of_batches,
    read,
    readable,
    rows_of_batches,
    small,
)
from cohort.delta.row_changes import empty, remove_matching, remove_rows, renumber, rewrite
from cohort.delta.vacuum_files import (
    OPEN,
    Vacuumed,
    left_by_a_vacuum,
    not_of_the_table,
    purge,
    remove_folder,
    vacuum,
    vacuum_whole,
)
from cohort.delta.write import append, append_few, create, plain, properties, replace, replace_batch, write_new

PROTOCOL = (1, 2)
RELEASE = "cohort.release"

__all__ = [
    "DAMAGED",
    "OPEN",
    "PROTOCOL",
    "RELEASE",
    "Commit",
    "Vacuumed",
    "append",
    "append_few",
    "checksum",
    "create",
    "current_files",
    "detail",
    "empty",
    "exists",
    "files_of_batches",
    "history",
    "identity",
    "left_by_a_vacuum",
    "not_of_the_table",
    "of_batches",
    "plain",
    "properties",
    "purge",
    "read",
    "readable",
    "remove_folder",
    "remove_matching",
    "remove_rows",
    "renumber",
    "replace",
    "replace_batch",
    "rewrite",
    "rows_of_batches",
    "small",
    "vacuum",
    "vacuum_whole",
    "write_new",
]
