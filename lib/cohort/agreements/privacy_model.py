"""What was agreed with a project, as the rules that every class of its release must satisfy."""

from __future__ import annotations

from cohort.agreements.platform import Floors
from cohort.agreements.project import Project
from cohort.sdc.privacy_models.constraints import Constraint, LargestShare, Others, Pupils, Schools
from cohort.sdc.privacy_models.l_diversity import (
    DistinctValues,
    EntropyDiversity,
    LargestValueShare,
    ValueRule,
    WithoutAnyGroup,
)
from cohort.sdc.privacy_models.t_closeness import EqualCloseness, OrderedCloseness


def constraints(project: Project) -> list[Constraint]:
    """The project's thresholds: what a search makes classes under. Sensitive values play no part in them."""
    asked = project.thresholds
    return [Pupils(asked.k), Schools(asked.m), LargestShare(str(asked.max_share)), Others(asked.k_others)]


def value_rules(project: Project, floors: Floors) -> list[ValueRule]:
    """What the shown values of a sensitive column must satisfy in every class: the stricter of the project's
    limits and the platform's floors; none without such a column.
    """
    column = project.sensitive
    if column is None or column.constraint is None:
        return []
    asked = column.constraint
    rules: list[ValueRule] = [
        LargestValueShare(str(min(asked.largest_value, floors.largest_value))),
        DistinctValues(max(asked.distinct or 1, floors.distinct_values)),
        WithoutAnyGroup(floors.values_without_school, floors.pupils_without_school),
    ]
    if asked.entropy is not None:
        rules.append(EntropyDiversity(str(asked.entropy)))
    if asked.equal_closeness is not None:
        rules.append(EqualCloseness(str(asked.equal_closeness)))
    if asked.ordered_closeness is not None:
        rules.append(OrderedCloseness(str(asked.ordered_closeness)))
    return rules
