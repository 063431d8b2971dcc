"""From results to generalised records: pupil records, pseudonyms, leaf encoding, search, generalisation."""

from __future__ import annotations

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
from cohort.anonymisation.pupil_records import (
    HierarchyByColumn,
    is_usable_result,
    make_pupil_records,
    select_project_results,
)
from cohort.anonymisation.search_input import (
    SENSITIVE_LEAF,
    PupilCounts,
    count_pupils,
    encode_pupils,
    hash_pupil,
    select_eligible_pupils,
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
    "SENSITIVE_LEAF",
    "ClassSearchResult",
    "ClassSearchTask",
    "HierarchyByColumn",
    "PupilCounts",
    "SensitiveColumn",
    "add_boards",
    "assign_classes",
    "choose_blanked_classes",
    "count_pupils",
    "count_values",
    "count_values_by_class",
    "encode_pupils",
    "generalise_pupils",
    "hash_pupil",
    "hmac_sha256",
    "is_usable_result",
    "make_board_frame",
    "make_pupil_records",
    "pseudonymise_pupils",
    "read_column_weights",
    "renumber_classes",
    "require_pupil_classes",
    "search_classes",
    "select_eligible_pupils",
    "select_project_results",
    "tabulate_class_values",
]
