"""What stands beside a published table for its researchers: the codebook, and the folder of exported files.

In: the agreement, the record and the rows of a published release. Out: files in a folder beside the table, opened and
closed with it (`access`), removed when it changes, and destroyed with the project; and the folder of the twin, likewise
removed and destroyed.

    codebook_document    the codebook as a document
    label_counts         how many rows show each value
    value_codes          the numeric code of every value
    value_labels         what columns and values are called, in both languages
    codebook_making      the codebook of a release
    codebook_page        the codebook as a page
    ddi_document         the codebook as DDI-Codebook 2.5
    file_folder          the folder of these files
    twin_folder          the folder of the twin, which everybody may read
"""

from __future__ import annotations

from cohort.research_files.codebook_document import (
    MISSING_CODES,
    Codebook,
    CodebookCovariance,
    CodebookVariable,
    MissingKind,
    SyntheticSource,
)
from cohort.research_files.codebook_making import NamedRows, describe_rows, make_codebook
from cohort.research_files.file_folder import (
    open_private_file,
    prepare_folder,
    read_codebook,
    remove_research_files,
    renew_codebook,
)
from cohort.research_files.label_counts import count_labels, read_published_batches
from cohort.research_files.twin_folder import remove_twin, write_twin_codebook

__all__ = [
    "MISSING_CODES",
    "Codebook",
    "CodebookCovariance",
    "CodebookVariable",
    "MissingKind",
    "NamedRows",
    "SyntheticSource",
    "count_labels",
    "describe_rows",
    "make_codebook",
    "open_private_file",
    "prepare_folder",
    "read_codebook",
    "read_published_batches",
    "remove_research_files",
    "remove_twin",
    "renew_codebook",
    "write_twin_codebook",
]
