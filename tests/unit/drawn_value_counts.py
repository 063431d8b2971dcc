"""Classes drawn as rows of pupils per sensitive value."""

from __future__ import annotations

import numpy as np

from cohort.sdc.privacy_models.sensitive_constraints import (
    SchoolValueCounts,
    SensitiveValueConstraint,
    SensitiveValueCounts,
    classes_satisfying_value_constraints,
)


def draw_value_counts(*rows: list[int], overall: list[int] | None = None) -> SensitiveValueCounts:
    """Classes by their pupils per sensitive value; the cohort is all of them unless it is given."""
    values = np.array(rows, dtype=np.int64)
    cohort = values.sum(axis=0) if overall is None else np.array(overall, dtype=np.int64)
    return SensitiveValueCounts(values, cohort)


def draw_value_counts_by_school(*drawn: dict[str, list[int]]) -> SensitiveValueCounts:
    """Classes by their schools, each with its pupils per sensitive value."""
    cells = [
        (place, ord(school), value, pupils)
        for place, schools in enumerate(drawn)
        for school, row in schools.items()
        for value, pupils in enumerate(row)
        if pupils
    ]
    values = np.array([np.sum(list(schools.values()), axis=0) for schools in drawn], dtype=np.int64)
    return SensitiveValueCounts(values, values.sum(axis=0), SchoolValueCounts(*np.array(cells, dtype=np.int64).T))


def names_of_satisfying(constraint: SensitiveValueConstraint, counts: SensitiveValueCounts) -> str:
    """The names, p, q, r, …, of the classes with pupils that satisfy a constraint."""
    satisfied = classes_satisfying_value_constraints([constraint], counts) & (counts.pupils > 0)
    return "".join(name for name, flag in zip("pqrstuvw", satisfied, strict=False) if flag)
