"""From results to generalised records: pupil records, pseudonyms, leaf encoding, search, generalisation.

In: the results that a project may use. Out: its generalised records with control columns for the verifier. The order of
the stages is in `release.stage_pipeline`; nothing here writes a table.

    pupil_records                    one row per pupil, by the project's columns
    pseudonymisation                 keyed pseudonyms in place of numbers
    leaf_encoding                    values as leaf numbers of their hierarchy
    pupil_boards                     the school boards that know each pupil, as hashes
    search_input                     per pupil a code and hashes: all that a search gets
    equivalence_class_search_task    what one search is asked
    equivalence_class_search         the search, and the class of each pupil
    code_table_search                the same search of a table of codes on the driver, for previews and attacks
    partitioned_search               a cohort too large for one search, searched in the executors
    sensitive_columns                which classes show their sensitive values
    class_scores                     the exact scores of the classes, summed
    generalisation                   the released values of each pupil
"""

from __future__ import annotations

from cohort.anonymisation.class_scores import (
    ScoredClasses,
    ScoreRange,
    count_group_contributors,
    count_pupils_of_before,
    select_scored_pupils,
    sum_class_scores,
)
from cohort.anonymisation.code_table_search import search_code_populations, search_code_table
from cohort.anonymisation.equivalence_class_search import (
    ClassSearchResult,
    assign_classes,
    renumber_classes,
    require_pupil_classes,
    search_classes,
)
from cohort.anonymisation.equivalence_class_search_task import ClassSearchTask, read_column_weights
from cohort.anonymisation.generalisation import generalise_pupils
from cohort.anonymisation.pseudonymisation import hmac_sha256, pseudonymise_pupils
from cohort.anonymisation.pupil_boards import BOARD, BOARDS, add_boards, make_board_frame
from cohort.anonymisation.pupil_records import HierarchyByColumn, make_pupil_records, select_project_results
from cohort.anonymisation.search_input import (
    HOME_SCHOOL_HASH,
    OTHER_SCHOOL_HASHES,
    SENSITIVE_LEAF,
    PupilCounts,
    count_pupils,
    encode_pupils,
    hash_pupil,
    make_measured_input,
    make_valued_search_input,
    select_eligible_pupils,
    select_usable_pupils,
)
from cohort.anonymisation.sensitive_columns import (
    CLASS_NUMBER,
    HAS_VALUE,
    SensitiveColumn,
    choose_blanked_classes,
    count_values,
    count_values_by_class,
    tabulate_class_values,
)

__all__ = [
    "BOARD",
    "BOARDS",
    "CLASS_NUMBER",
    "HAS_VALUE",
    "HOME_SCHOOL_HASH",
    "OTHER_SCHOOL_HASHES",
    "SENSITIVE_LEAF",
    "ClassSearchResult",
    "ClassSearchTask",
    "HierarchyByColumn",
    "PupilCounts",
    "ScoreRange",
    "ScoredClasses",
    "SensitiveColumn",
    "add_boards",
    "assign_classes",
    "choose_blanked_classes",
    "count_group_contributors",
    "count_pupils",
    "count_pupils_of_before",
    "count_values",
    "count_values_by_class",
    "encode_pupils",
    "generalise_pupils",
    "hash_pupil",
    "hmac_sha256",
    "make_board_frame",
    "make_measured_input",
    "make_pupil_records",
    "make_valued_search_input",
    "pseudonymise_pupils",
    "read_column_weights",
    "renumber_classes",
    "require_pupil_classes",
    "search_classes",
    "search_code_populations",
    "search_code_table",
    "select_eligible_pupils",
    "select_project_results",
    "select_scored_pupils",
    "select_usable_pupils",
    "sum_class_scores",
    "tabulate_class_values",
]
