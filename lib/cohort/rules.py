"""What was agreed with a project, as the rules that every class of its release must satisfy."""

from __future__ import annotations

from cohort.project import Column, Project
from cohort.recoding.closeness import EqualCloseness, OrderedCloseness
from cohort.recoding.constraints import Constraint, LargestShare, Others, Pupils, Schools
from cohort.recoding.sensitive import DistinctValues, EntropyDiversity, LargestValueShare


def constraints(project: Project) -> list[Constraint]:
    """The project's thresholds, and the constraint of its sensitive column."""
    asked = project.thresholds
    return [
        Pupils(asked.k),
        Schools(asked.m),
        LargestShare(str(asked.max_share)),
        Others(asked.k_others),
        *_of_values(project.sensitive),
    ]


def _of_values(column: Column | None) -> list[Constraint]:
    if column is None or column.constraint is None:
        return []
    asked = column.constraint
    rules: list[Constraint] = [LargestValueShare(str(asked.largest_value))]
    if asked.distinct is not None:
        rules.append(DistinctValues(asked.distinct))
    if asked.entropy is not None:
        rules.append(EntropyDiversity(str(asked.entropy)))
    if asked.equal_closeness is not None:
        rules.append(EqualCloseness(str(asked.equal_closeness)))
    if asked.ordered_closeness is not None:
        rules.append(OrderedCloseness(str(asked.ordered_closeness)))
    return rules
