"""Searches of parts of a cohort.

partitions     Partitions of a cohort too large for one search, and the search of one of them.
populations    Pupils with and without a sensitive value, searched separately and merged.
"""

from __future__ import annotations

from cohort.sdc.partitioned.partitions import (
    CLASS_COLUMN,
    KEY_COLUMN,
    OTHER_SCHOOLS_COLUMN,
    SCHOOL_COLUMN,
    CohortSplit,
    build_partition_histogram,
    level_column,
    search_partition,
    word_column,
    word_columns,
)
from cohort.sdc.partitioned.populations import (
    WITH_VALUE,
    WITHOUT_VALUE,
    classes_of_all_records,
    merge_population_recodings,
    search_populations_separately,
)

__all__ = [
    "CLASS_COLUMN",
    "KEY_COLUMN",
    "OTHER_SCHOOLS_COLUMN",
    "SCHOOL_COLUMN",
    "WITHOUT_VALUE",
    "WITH_VALUE",
    "CohortSplit",
    "build_partition_histogram",
    "classes_of_all_records",
    "level_column",
    "merge_population_recodings",
    "search_partition",
    "search_populations_separately",
    "word_column",
    "word_columns",
]
