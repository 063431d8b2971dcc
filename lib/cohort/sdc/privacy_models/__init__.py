"""Privacy models: what an equivalence class must satisfy before it, or its sensitive values, may be released.

thresholds               Shares and whole numbers as exact thresholds, and the messages about wrong ones.
class_constraints        Pupils and schools counted per class; the interface of constraints on classes.
k_anonymity              KAnonymity, KWithoutLargestSchool.
school_diversity         SchoolDiversity: the number of distinct schools of a class.
sensitive_constraints    Sensitive values counted per class; the interface of constraints on them.
dominance                SchoolDominance, ValueDominance: the largest share of one school or value.
l_diversity              DistinctLDiversity, EntropyLDiversity, LDiversityWithoutAnySchool.
t_closeness              EqualDistanceTCloseness, OrderedDistanceTCloseness.
sensitive_suppression    Which classes release no sensitive value, decided after the search.
feasibility              What a search refuses before it starts, or when it ends without a recoding.
"""

from __future__ import annotations

from cohort.sdc.privacy_models.class_constraints import (
    ClassConstraint,
    ClassCounts,
    classes_satisfying_all,
    classes_satisfying_constraints,
    count_classes,
    count_schools_by_class,
    minimum_class_size,
)
from cohort.sdc.privacy_models.dominance import SchoolDominance, ValueDominance
from cohort.sdc.privacy_models.feasibility import no_recoding_refusal, refuse_infeasible_search, resolve_level_bounds
from cohort.sdc.privacy_models.k_anonymity import KAnonymity, KWithoutLargestSchool
from cohort.sdc.privacy_models.l_diversity import DistinctLDiversity, EntropyLDiversity, LDiversityWithoutAnySchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity
from cohort.sdc.privacy_models.sensitive_constraints import (
    SchoolValueCounts,
    SensitiveValueConstraint,
    SensitiveValueCounts,
)
from cohort.sdc.privacy_models.sensitive_suppression import (
    SensitiveSuppression,
    decide_sensitive_suppression,
    require_enough_values,
    strictest_value_share,
)
from cohort.sdc.privacy_models.t_closeness import EqualDistanceTCloseness, OrderedDistanceTCloseness
from cohort.sdc.privacy_models.thresholds import parse_share, refuse_wrong_whole_numbers, whole_number_problems

__all__ = [
    "ClassConstraint",
    "ClassCounts",
    "DistinctLDiversity",
    "EntropyLDiversity",
    "EqualDistanceTCloseness",
    "KAnonymity",
    "KWithoutLargestSchool",
    "LDiversityWithoutAnySchool",
    "OrderedDistanceTCloseness",
    "SchoolDiversity",
    "SchoolDominance",
    "SchoolValueCounts",
    "SensitiveSuppression",
    "SensitiveValueConstraint",
    "SensitiveValueCounts",
    "ValueDominance",
    "classes_satisfying_all",
    "classes_satisfying_constraints",
    "count_classes",
    "count_schools_by_class",
    "decide_sensitive_suppression",
    "minimum_class_size",
    "no_recoding_refusal",
    "parse_share",
    "refuse_infeasible_search",
    "refuse_wrong_whole_numbers",
    "require_enough_values",
    "resolve_level_bounds",
    "strictest_value_share",
    "whole_number_problems",
]
