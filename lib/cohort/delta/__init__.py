"""Delta tables: read, written, changed row by row, vacuumed. No other package speaks Delta.

table_properties  the properties and protocol of every table, and its retention
read_tables       rows, commits, data files and properties of a table
write_tables      tables made, appended to and replaced
column_scan       which data files hold one of some values
file_rewriting    data files replaced by new ones with other rows
row_changes       rows deleted or updated in place, without their keys in the log
vacuum_files      data files removed that no version needs
"""

from __future__ import annotations

from cohort.delta.column_scan import ColumnScan, scan_column
from cohort.delta.copied_columns import PartitionFile, append_copied_columns
from cohort.delta.read_tables import (
    TABLE_ERRORS,
    TableCommit,
    can_read_table,
    checksum_rows,
    count_batch_rows,
    list_current_names,
    list_current_paths,
    list_partition_files,
    read_column_names,
    read_commits,
    read_parquet_files,
    read_partition_columns,
    read_partitions,
    read_protocol_and_properties,
    read_small_table,
    read_table,
    read_table_id,
    read_version,
    table_exists,
)
from cohort.delta.row_changes import (
    clear_columns,
    delete_equal_rows,
    delete_matching_rows,
    renumber_pupils,
    update_rows,
)
from cohort.delta.table_properties import (
    RELEASE_PROPERTY,
    SYNTHETIC_PROPERTY,
    TABLE_PROTOCOL,
    TableRetention,
    make_table_properties,
)
from cohort.delta.vacuum_files import (
    OPEN_FILES_ADVICE,
    VacuumResult,
    list_files_vacuum_leaves,
    list_foreign_files,
    purge_table,
    remove_folder,
    remove_unfinished_commits,
    vacuum_table,
    vacuum_table_or_refuse,
)
from cohort.delta.write_tables import (
    append_local_rows,
    append_rows,
    create_table,
    fence_table,
    partition_table_anew,
    replace_batch,
    replace_table,
    write_local_table,
    write_new_table,
)

__all__ = [
    "OPEN_FILES_ADVICE",
    "RELEASE_PROPERTY",
    "SYNTHETIC_PROPERTY",
    "TABLE_ERRORS",
    "TABLE_PROTOCOL",
    "ColumnScan",
    "PartitionFile",
    "TableCommit",
    "TableRetention",
    "VacuumResult",
    "append_copied_columns",
    "append_local_rows",
    "append_rows",
    "can_read_table",
    "checksum_rows",
    "clear_columns",
    "count_batch_rows",
    "create_table",
    "delete_equal_rows",
    "delete_matching_rows",
    "fence_table",
    "list_current_names",
    "list_current_paths",
    "list_files_vacuum_leaves",
    "list_foreign_files",
    "list_partition_files",
    "make_table_properties",
    "partition_table_anew",
    "purge_table",
    "read_column_names",
    "read_commits",
    "read_parquet_files",
    "read_partition_columns",
    "read_partitions",
    "read_protocol_and_properties",
    "read_small_table",
    "read_table",
    "read_table_id",
    "read_version",
    "remove_folder",
    "remove_unfinished_commits",
    "renumber_pupils",
    "replace_batch",
    "replace_table",
    "scan_column",
    "table_exists",
    "update_rows",
    "vacuum_table",
    "vacuum_table_or_refuse",
    "write_local_table",
    "write_new_table",
]
