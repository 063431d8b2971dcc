"""Classes drawn as rows of pupils per sensitive value."""

from __future__ import annotations

import numpy as np

from cohort.recoding.constraints import ClassCounts, Constraint, all_hold


def classes(*rows: list[int], overall: list[int] | None = None) -> ClassCounts:
    """Classes by their pupils per sensitive value; the cohort is all of them unless it is given."""
    values = np.array(rows, dtype=np.int64)
    pupils = values.sum(axis=1)
    cohort = values.sum(axis=0) if overall is None else np.array(overall, dtype=np.int64)
    return ClassCounts(pupils, np.zeros_like(pupils), pupils, values, cohort)


def holding(rule: Constraint, counts: ClassCounts) -> str:
    """The names, p, q, r, …, of the classes that satisfy a rule."""
    held = all_hold([rule], counts)
    return "".join(name for name, holds in zip("pqrstuvw", held, strict=False) if holds)
