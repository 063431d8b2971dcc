"""The statistical disclosure control engine, on numpy and pyarrow, without Spark.

In goes the histogram of a cohort: pupils counted per quasi-identifiers and school. Out comes a recoding, a
generalisation of the quasi-identifiers in which every equivalence class satisfies the privacy models. The engine never
sees a pupil's number, and no search sees a sensitive value.

Subpackages; one imports only from those above it (a contract of import-linter in `pyproject.toml`):

    model              Hierarchies, coding, histogram, equivalence classes, information loss, recoding.
    privacy_models     k-anonymity, school diversity, dominance, l-diversity, t-closeness; suppression of sensitive
                       values after a search.
    utility            Objectives of a search, utility metrics, equity between subgroups.
    numeric            Bands, quantiles and microaggregation of numeric columns.
    global_recoding    One level per column: the best node of the lattice, proven by branch and bound.
    local_recoding     Levels per class: clusters of records, refined and trimmed.
    partitioned        Cohorts too large for one search, and populations searched apart.
    risk               Prosecutor, journalist and marketer risk; a motivated intruder.
    comparison         The figures of one setting, to compare several of one cohort.
    cli                `python -m cohort.sdc`: recoding of a plain file for an analyst, and its report.
"""

from __future__ import annotations

from cohort.sdc.comparison import ComparedColumn, SettingOutcome, measure_setting
from cohort.sdc.global_recoding import RecodingRequest, search_global_recoding
from cohort.sdc.local_recoding import search_local_recoding
from cohort.sdc.model import (
    NO_SCHOOL,
    SUPPRESSED_CLASS,
    UNKNOWN_VALUE,
    BoolArray,
    Coding,
    FloatArray,
    GeneralisedClasses,
    Hierarchy,
    Histogram,
    Int32Array,
    IntArray,
    Recoding,
    WeightedLoss,
)
from cohort.sdc.numeric import (
    MAX_QUANTILE_GROUPS,
    EdgeNotation,
    LabelBounds,
    NumericBands,
    QuantileBands,
    list_band_bounds,
    make_band_edges,
    parse_band_label,
)
from cohort.sdc.partitioned import (
    CLASS_COLUMN,
    KEY_COLUMN,
    OTHER_SCHOOLS_COLUMN,
    SCHOOL_COLUMN,
    WITH_VALUE,
    WITHOUT_VALUE,
    CohortSplit,
    build_partition_histogram,
    classes_of_all_records,
    level_column,
    merge_population_recodings,
    search_partition,
    search_populations_separately,
    word_column,
    word_columns,
)
from cohort.sdc.privacy_models import (
    ClassConstraint,
    ClassCounts,
    DistinctLDiversity,
    EntropyLDiversity,
    EqualDistanceTCloseness,
    KAnonymity,
    KWithoutLargestSchool,
    LDiversityWithoutAnySchool,
    OrderedDistanceTCloseness,
    SchoolDiversity,
    SchoolDominance,
    SchoolValueCounts,
    SensitiveSuppression,
    SensitiveValueConstraint,
    SensitiveValueCounts,
    ValueDominance,
    classes_satisfying_all,
    count_schools_by_class,
    decide_sensitive_suppression,
    no_recoding_refusal,
    parse_share,
    require_enough_values,
    strictest_value_share,
)
from cohort.sdc.risk import (
    AttackedCohort,
    BrokenLimit,
    DowncodingRisk,
    InferenceRisk,
    IntruderSearch,
    RateComparison,
    ReleaseRisk,
    RiskLimits,
    bound_intruder_chances,
    downcoding_attack,
    inference_attack,
    measure_intruder_chances,
    measure_release_risk,
    simulate_linked_releases,
)
from cohort.sdc.utility import EquityReport, Subgroups

__all__ = [
    "CLASS_COLUMN",
    "KEY_COLUMN",
    "MAX_QUANTILE_GROUPS",
    "NO_SCHOOL",
    "OTHER_SCHOOLS_COLUMN",
    "SCHOOL_COLUMN",
    "SUPPRESSED_CLASS",
    "UNKNOWN_VALUE",
    "WITHOUT_VALUE",
    "WITH_VALUE",
    "AttackedCohort",
    "BoolArray",
    "BrokenLimit",
    "ClassConstraint",
    "ClassCounts",
    "Coding",
    "CohortSplit",
    "ComparedColumn",
    "DistinctLDiversity",
    "DowncodingRisk",
    "EdgeNotation",
    "EntropyLDiversity",
    "EqualDistanceTCloseness",
    "EquityReport",
    "FloatArray",
    "GeneralisedClasses",
    "Hierarchy",
    "Histogram",
    "InferenceRisk",
    "Int32Array",
    "IntArray",
    "IntruderSearch",
    "KAnonymity",
    "KWithoutLargestSchool",
    "LDiversityWithoutAnySchool",
    "LabelBounds",
    "NumericBands",
    "OrderedDistanceTCloseness",
    "QuantileBands",
    "RateComparison",
    "Recoding",
    "RecodingRequest",
    "ReleaseRisk",
    "RiskLimits",
    "SchoolDiversity",
    "SchoolDominance",
    "SchoolValueCounts",
    "SensitiveSuppression",
    "SensitiveValueConstraint",
    "SensitiveValueCounts",
    "SettingOutcome",
    "Subgroups",
    "ValueDominance",
    "WeightedLoss",
    "bound_intruder_chances",
    "build_partition_histogram",
    "classes_of_all_records",
    "classes_satisfying_all",
    "count_schools_by_class",
    "decide_sensitive_suppression",
    "downcoding_attack",
    "inference_attack",
    "level_column",
    "list_band_bounds",
    "make_band_edges",
    "measure_intruder_chances",
    "measure_release_risk",
    "measure_setting",
    "merge_population_recodings",
    "no_recoding_refusal",
    "parse_band_label",
    "parse_share",
    "require_enough_values",
    "search_global_recoding",
    "search_local_recoding",
    "search_partition",
    "search_populations_separately",
    "simulate_linked_releases",
    "strictest_value_share",
    "word_column",
    "word_columns",
]
