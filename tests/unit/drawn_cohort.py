"""Small cohorts for the tests of local recoding: drawn by hand, or by seeded chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.local_recoding.search_space import LocalSearchSpace
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.class_constraints import ClassConstraint


def chain(name: str, leaves: int, merged: int = 2) -> Hierarchy:
    """Numbers that merge so many at a time, and at last all together."""
    group = list(range(leaves))
    labels = [tuple(map(str, group))]
    width = 1
    while len(set(group)) > merged:
        width *= merged
        group = [leaf // width for leaf in range(leaves)]
        labels.append(tuple(f"{g * width}-{min((g + 1) * width, leaves) - 1}" for g in group))
    if leaves > 1:
        labels.append(("*",) * leaves)
    return Hierarchy(name, tuple(_unlike(labels)))


def _unlike(labels: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """A lone leaf of a wider band keeps its own name."""
    return [
        tuple(label if label == "*" or len(set(label.split("-"))) > 1 else label.split("-")[0] for label in row)
        for row in labels
    ]


def random_cohort(
    pupils: int, sizes: Sequence[int], schools: int = 0, seed: int = 1, movers: int = 0
) -> tuple[Coding, Histogram]:
    """Correlated values, schools of unequal size, some pupils of two schools; every pupil is a unit."""
    chance = np.random.default_rng(seed)
    coding = Coding(tuple(chain(f"kolom{c}", size) for c, size in enumerate(sizes)))
    ability = chance.normal(size=pupils)
    leaves = []
    for size in sizes:
        seen = 0.7 * ability + 0.7 * chance.normal(size=pupils)
        leaves.append(np.digitize(seen, np.quantile(seen, np.linspace(0, 1, size + 1)[1:-1])))
    if not schools:
        return coding, Histogram.from_pupils(coding.encode(leaves), single=True)
    home = np.minimum(chance.geometric(3 / schools, pupils), schools).astype(np.int32)
    moved = chance.choice(pupils, movers, replace=False)
    others = (moved, (home[moved] + 1).astype(np.int32))
    return coding, Histogram.from_pupils(coding.encode(leaves), home, others=others, single=True)


def space_of(coding: Coding, histogram: Histogram, *rules: ClassConstraint) -> LocalSearchSpace:
    """The search space with every level allowed."""
    return LocalSearchSpace.from_request(
        histogram, RecodingRequest(coding, rules, objective="mean", suppression_limit=1)
    )
