"""Class size, discernibility and entropy against an exhaustive search that counts pupils one by one."""

from __future__ import annotations

from math import floor, log2

import pytest
from hypothesis import given
from tests.properties.test_global_recoding import Case, Pupil, cases


def value(case: Case, levels: tuple[int, ...], objective: str) -> tuple[float, int] | None:
    """The objective at a level vector and the number of classes; None where too many pupils are suppressed."""
    valid = [members for members in case.classes(levels).values() if case.anonymous(members)]
    kept = [pupil for members in valid for pupil in members]
    suppressed = list(case.pupils)
    for pupil in kept:
        suppressed.remove(pupil)
    total = len(case.pupils)
    if not kept or len(suppressed) > floor(case.limit * total):
        return None
    if objective == "class-size":
        return total / (len(valid) + bool(suppressed)), len(valid)
    if objective == "discernibility":
        return float(sum(len(members) ** 2 for members in valid) + len(suppressed) * total), len(valid)
    return entropy(case, levels, suppressed), len(valid)


def entropy(case: Case, levels: tuple[int, ...], suppressed: list[Pupil]) -> float:
    total = 0.0
    for column, (tree, level) in enumerate(zip(case.hierarchies, levels, strict=True)):
        row, bits = tree.labels[level], 0.0
        shown = [row[pupil.leaves[column]] for pupil in case.pupils]
        true = [pupil.leaves[column] for pupil in case.pupils]
        bits += sum(log2(shown.count(s) / true.count(t)) for s, t in zip(shown, true, strict=True))
        gone = [row[pupil.leaves[column]] for pupil in suppressed]
        bits += sum(-log2(gone.count(label) / len(gone)) for label in gone)
        total += bits * case.weights[column] * len(levels) / sum(case.weights)
    return total


@pytest.mark.parametrize("objective", ["class-size", "discernibility", "entropy"])
@given(case=cases())
def test_the_optimum_equals_that_of_an_exhaustive_search(objective: str, case: Case) -> None:
    values = {
        levels: value_and_classes for levels in case.vectors if (value_and_classes := value(case, levels, objective))
    }
    recoding = case.search(objective=objective)
    if recoding is None:
        assert not values
        return
    assert recoding.level_vector is not None
    best, classes, levels = min((*value_and_classes, levels) for levels, value_and_classes in values.items())
    assert recoding.search_facts["objective"] == pytest.approx(best)
    assert values[recoding.level_vector][0] == pytest.approx(best)
    assert recoding.search_facts["proven"]
    if objective != "entropy":  # whose bits are rounded, so that equal ones may not seem so
        assert (recoding.classes, recoding.level_vector) == (classes, levels)
