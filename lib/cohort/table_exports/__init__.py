"""Files for statistical programs, exported from a published table: SPSS, Stata, Parquet and CSV.

In: the table and its codebook. Out: files beside the codebook, with its labels, codes and missing values. Nothing is
exported from a table that nobody may read. Called by the job `export`.

    coded_rows            the rows as numbers, by the codes of the codebook
    statistical_files     .sav and .dta
    plain_files           .parquet and .csv, with the schema of the latter
    table_export          the verb: what may be exported, written in scratch, put in place
"""

from __future__ import annotations

from cohort.table_exports.table_export import (
    EXPORT_FORMATS,
    ExportedFile,
    ExportReport,
    check_column_names,
    export_table,
    put_in_place,
    read_formats,
    require_published_table,
    require_readable_release,
    write_table_files,
)

__all__ = [
    "EXPORT_FORMATS",
    "ExportReport",
    "ExportedFile",
    "check_column_names",
    "export_table",
    "put_in_place",
    "read_formats",
    "require_published_table",
    "require_readable_release",
    "write_table_files",
]
