"""Class size, discernibility and entropy: the optimum is that of trying everything, counted one by one."""

from __future__ import annotations

from itertools import product
from math import floor, log2

import pytest
from hypothesis import given
from tests.properties.test_recoding import Case, Pupil, cases

from cohort.errors import NotAnonymous
from cohort.recoding.coding import Coding
from cohort.recoding.lattice import search


def value(case: Case, levels: tuple[int, ...], objective: str) -> float | None:
    """What an objective comes to at a level vector; nothing where too many must be suppressed."""
    fine = [members for members in case.classes(levels).values() if case.anonymous(members)]
    kept = [pupil for members in fine for pupil in members]
    suppressed = list(case.pupils)
    for pupil in kept:
        suppressed.remove(pupil)
    total = len(case.pupils)
    if not kept or len(suppressed) > floor(case.limit * total):
        return None
    if objective == "class-size":
        return total / (len(fine) + bool(suppressed))
    if objective == "discernibility":
        return float(sum(len(members) ** 2 for members in fine) + len(suppressed) * total)
    return entropy(case, levels, suppressed)


def entropy(case: Case, levels: tuple[int, ...], suppressed: list[Pupil]) -> float:
    bits = 0.0
    for column, (tree, level) in enumerate(zip(case.hierarchies, levels, strict=True)):
        row = tree.labels[level]
        shown = [row[pupil.leaves[column]] for pupil in case.pupils]
        true = [pupil.leaves[column] for pupil in case.pupils]
        bits += sum(log2(shown.count(s) / true.count(t)) for s, t in zip(shown, true, strict=True))
        gone = [row[pupil.leaves[column]] for pupil in suppressed]
        bits += sum(-log2(gone.count(label) / len(gone)) for label in gone)
    return bits


@pytest.mark.parametrize("objective", ["class-size", "discernibility", "entropy"])
@given(case=cases())
def test_the_optimum_is_that_of_trying_everything(objective: str, case: Case) -> None:
    every = product(*(range(tree.height) for tree in case.hierarchies))
    values = {levels: found for levels in every if (found := value(case, levels, objective)) is not None}
    try:
        recoding = search(
            case.histogram(), Coding(case.hierarchies), case.rules,
            objective=objective, suppression_limit=case.limit,
        )  # fmt: skip
    except NotAnonymous:
        assert not values
        return
    assert values
    best = min(values.values())
    assert recoding.search["objective"] == pytest.approx(best)
    assert recoding.level_vector is not None
    assert values[recoding.level_vector] == pytest.approx(best)
    assert recoding.search["proven"]
