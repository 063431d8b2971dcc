"""What was agreed with a project, as the rules that every class of its release must satisfy."""

from __future__ import annotations

from cohort.agreements.platform import PlatformFloors
from cohort.agreements.project import Project
from cohort.sdc.privacy_models.class_constraints import ClassConstraint
from cohort.sdc.privacy_models.dominance import SchoolDominance, ValueDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity, KWithoutLargestSchool
from cohort.sdc.privacy_models.l_diversity import DistinctLDiversity, EntropyLDiversity, LDiversityWithoutAnySchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueConstraint
from cohort.sdc.privacy_models.t_closeness import EqualDistanceTCloseness, OrderedDistanceTCloseness


def derive_class_constraints(project: Project) -> list[ClassConstraint]:
    """The project's thresholds: what a search makes classes under. Sensitive values play no part in them."""
    asked = project.thresholds
    return [
        KAnonymity(asked.k),
        SchoolDiversity(asked.m),
        SchoolDominance(str(asked.max_share)),
        KWithoutLargestSchool(asked.k_others),
    ]


def derive_value_rules(project: Project, floors: PlatformFloors) -> list[SensitiveValueConstraint]:
    """What the shown values of a sensitive column must satisfy in every class: the stricter of the project's
    limits and the platform's floors; none without such a column.
    """
    column = project.sensitive_column
    if column is None or column.constraint is None:
        return []
    asked = column.constraint
    rules: list[SensitiveValueConstraint] = [
        ValueDominance(str(min(asked.largest_value, floors.largest_value))),
        DistinctLDiversity(max(asked.distinct or 1, floors.distinct_values)),
        LDiversityWithoutAnySchool(floors.values_without_school, floors.pupils_without_school),
    ]
    if asked.entropy is not None:
        rules.append(EntropyLDiversity(str(asked.entropy)))
    if asked.equal_closeness is not None:
        rules.append(EqualDistanceTCloseness(str(asked.equal_closeness)))
    if asked.ordered_closeness is not None:
        rules.append(OrderedDistanceTCloseness(str(asked.ordered_closeness)))
    return rules
