"""The privacy model of a project: the rules that every equivalence class of its releases must satisfy.

Made from the thresholds that were agreed and the floors of the platform; the engine searches under them.
"""

from __future__ import annotations

from cohort.agreements.platform import PlatformFloors
from cohort.agreements.project import Project
from cohort.sdc import (
    ClassConstraint,
    DistinctLDiversity,
    EntropyLDiversity,
    EqualDistanceTCloseness,
    KAnonymity,
    KWithoutLargestSchool,
    LDiversityWithoutAnySchool,
    OrderedDistanceTCloseness,
    SchoolDiversity,
    SchoolDominance,
    SensitiveValueConstraint,
    ValueDominance,
)


def derive_class_constraints(project: Project) -> list[ClassConstraint]:
    """Derive the constraints of the search from the project's thresholds; sensitive values play no part in them."""
    thresholds = project.thresholds
    return [
        KAnonymity(thresholds.k),
        SchoolDiversity(thresholds.m),
        SchoolDominance(str(thresholds.max_share)),
        KWithoutLargestSchool(thresholds.k_others),
    ]


def derive_value_rules(project: Project, floors: PlatformFloors) -> list[SensitiveValueConstraint]:
    """Derive the rules on the shown values of the sensitive column of each class.

    Returns:
        For each rule the stricter of the project's limit and the platform's floor; no rules without a sensitive
        column.
    """
    column = project.sensitive_column
    if column is None or column.constraint is None:
        return []
    limits = column.constraint
    rules: list[SensitiveValueConstraint] = [
        ValueDominance(str(min(limits.largest_value, floors.largest_value))),
        DistinctLDiversity(max(limits.distinct or 1, floors.distinct_values)),
        LDiversityWithoutAnySchool(floors.values_without_school, floors.pupils_without_school),
    ]
    if limits.entropy is not None:
        rules.append(EntropyLDiversity(str(limits.entropy)))
    if limits.equal_closeness is not None:
        rules.append(EqualDistanceTCloseness(str(limits.equal_closeness)))
    if limits.ordered_closeness is not None:
        rules.append(OrderedDistanceTCloseness(str(limits.ordered_closeness)))
    return rules
