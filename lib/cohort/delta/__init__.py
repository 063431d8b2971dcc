"""The only room that speaks Delta.

Its rooms, each knowing only those above it:

    looked_at   rows, commits, files, properties
    made        made, written, replaced; the properties that every table has
    changed     rows removed, renumbered, emptied, rewritten
    cleaned     files removed that are no longer needed
"""

from __future__ import annotations

from cohort.delta.read_tables import (
    TABLE_ERRORS,
    TableCommit,
    can_read_table,
    checksum_rows,
    count_batch_rows,
    list_batch_files,
    list_current_names,
    read_batches,
    read_commits,
    read_protocol_and_properties,
    read_small_table,
    read_table,
    read_table_id,
    table_exists,
)
from cohort.delta.row_changes import (
    clear_columns,
    delete_equal_rows,
    delete_matching_rows,
    renumber_pupils,
    update_rows,
)
from cohort.delta.vacuum_files import (
    OPEN_FILES_ADVICE,
    VacuumResult,
    list_files_vacuum_leaves,
    list_foreign_files,
    purge_table,
    remove_folder,
    vacuum_table,
    vacuum_table_or_refuse,
)
from cohort.delta.write_tables import (
    append_local_rows,
    append_rows,
    create_table,
    drop_column_metadata,
    make_table_properties,
    replace_batch,
    replace_table,
    write_new_table,
)

TABLE_PROTOCOL = (1, 2)
RELEASE_PROPERTY = "cohort.release"

__all__ = [
    "TABLE_ERRORS",
    "OPEN_FILES_ADVICE",
    "TABLE_PROTOCOL",
    "RELEASE_PROPERTY",
    "TableCommit",
    "VacuumResult",
    "append_rows",
    "append_local_rows",
    "checksum_rows",
    "create_table",
    "list_current_names",
    "read_protocol_and_properties",
    "clear_columns",
    "table_exists",
    "list_batch_files",
    "read_commits",
    "read_table_id",
    "list_files_vacuum_leaves",
    "list_foreign_files",
    "read_batches",
    "drop_column_metadata",
    "make_table_properties",
    "purge_table",
    "read_table",
    "can_read_table",
    "remove_folder",
    "delete_matching_rows",
    "delete_equal_rows",
    "renumber_pupils",
    "replace_table",
    "replace_batch",
    "update_rows",
    "count_batch_rows",
    "read_small_table",
    "vacuum_table",
    "vacuum_table_or_refuse",
    "write_new_table",
]
