"""Global recoding against an exhaustive search that counts labels and pupils one by one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import floor, prod
from typing import Any, Literal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cohort.foundation.errors import NotAnonymous
from cohort.sdc.global_recoding.lattice_search import search_global_recoding
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.class_constraints import ClassConstraint
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity, KWithoutLargestSchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity


@dataclass(frozen=True)
class Pupil:
    leaves: tuple[int, ...]
    home: int
    further: frozenset[int]
    value: int


@dataclass(frozen=True)
class Case:
    hierarchies: tuple[Hierarchy, ...]
    pupils: tuple[Pupil, ...]
    k: int
    m: int
    largest: Fraction
    others: int
    limit: Fraction
    objective: Literal["mean", "geometric"]
    weights: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]

    @property
    def rules(self) -> list[ClassConstraint]:
        """Monotonic constraints and others."""
        return [
            KAnonymity(self.k),
            SchoolDiversity(self.m),
            SchoolDominance(self.largest),
            KWithoutLargestSchool(self.others),
        ]

    @property
    def vectors(self) -> list[tuple[int, ...]]:
        """Every level vector that the project allows."""
        return list(product(*(range(a, b + 1) for a, b in zip(self.low, self.high, strict=True))))

    def histogram(self, order: list[int] | None = None) -> Histogram:
        coding = Coding(self.hierarchies)
        pupils = [self.pupils[place] for place in order] if order else list(self.pupils)
        leaves = [np.array([p.leaves[c] for p in pupils]) for c in range(coding.columns)]
        moved = [(place, school) for place, p in enumerate(pupils) for school in sorted(p.further)]
        return Histogram.from_pupils(
            coding.encode(leaves),
            np.array([pupil.home for pupil in pupils], dtype=np.int32),
            others=(
                np.array([place for place, _ in moved], dtype=np.int64),
                np.array([school for _, school in moved], dtype=np.int32),
            ),
        )

    def request(self, objective: str) -> RecodingRequest:
        return RecodingRequest(
            Coding(self.hierarchies),
            self.rules,
            objective=objective,
            suppression_limit=self.limit,
            weights=self.weights,
            lowest=self.low,
            highest=self.high,
        )

    def search(self, order: list[int] | None = None, objective: str | None = None) -> Recoding | None:
        try:
            return search_global_recoding(self.histogram(order), self.request(objective or self.objective))
        except NotAnonymous:
            return None

    def classes(self, levels: tuple[int, ...]) -> dict[tuple[str, ...], list[Pupil]]:
        grouped = defaultdict(list)
        for pupil in self.pupils:
            places = zip(self.hierarchies, levels, pupil.leaves, strict=True)
            grouped[tuple(tree.labels[level][leaf] for tree, level, leaf in places)].append(pupil)
        return grouped

    def anonymous(self, members: list[Pupil]) -> bool:
        delivered = [sum(s == p.home or s in p.further for p in members) for s in range(6)]
        return (
            len(members) >= self.k
            and len({pupil.home for pupil in members}) >= self.m
            and Fraction(max(delivered), len(members)) <= self.largest
            and len(members) - max(delivered) >= self.others
        )

    def loss(self, levels: tuple[int, ...], kept: list[Pupil]) -> Fraction:
        """The mean loss, or the product of (1 + x)^weight that the geometric loss is the root of."""
        total = len(self.pupils)
        losses = []
        for column, (tree, level) in enumerate(zip(self.hierarchies, levels, strict=True)):
            row, leaves = tree.labels[level], len(tree.leaves)
            sizes = [row.count(row[pupil.leaves[column]]) for pupil in kept]
            extra = Fraction(sum(size - 1 for size in sizes), max(leaves - 1, 1))
            losses.append((extra + total - len(kept)) / total)
        weighed = list(zip(self.weights, losses, strict=True))
        if self.objective == "mean":
            return sum((weight * loss for weight, loss in weighed), Fraction(0)) / sum(self.weights)
        return prod(((1 + loss) ** weight for weight, loss in weighed), start=Fraction(1))

    def search_exhaustively(self) -> tuple[Fraction, int, tuple[int, ...], int] | None:
        """The least loss, number of classes, levels and number suppressed of the best vector."""
        candidates = []
        for levels in self.vectors:
            valid = [members for members in self.classes(levels).values() if self.anonymous(members)]
            kept = [pupil for members in valid for pupil in members]
            suppressed = len(self.pupils) - len(kept)
            if kept and suppressed <= floor(self.limit * len(self.pupils)):
                candidates.append((self.loss(levels, kept), len(valid), levels, suppressed))
        return min(candidates, default=None)


@st.composite
def hierarchies(draw: st.DrawFn, name: str) -> Hierarchy:
    """Leaves that are merged at random, level by level; a value is named by the leaves it stands for."""
    groups = [[leaf] for leaf in range(draw(st.integers(1, 5)))]
    levels = []
    for _ in range(draw(st.integers(1, 3))):
        label = {leaf: "+".join(map(str, group)) for group in groups for leaf in group}
        levels.append(tuple(label[leaf] for leaf in sorted(label)))
        parent = [draw(st.integers(0, 2)) for _ in groups]
        pooled = [
            [leaf for group, to in zip(groups, parent, strict=True) if to == target for leaf in group]
            for target in range(3)
        ]
        groups = [group for group in pooled if group]
    return Hierarchy(name, tuple(levels))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    trees = tuple(draw(hierarchies(f"kolom{c}")) for c in range(draw(st.integers(1, 3))))
    pupil = st.builds(
        lambda leaves, home, further, value: Pupil(leaves, home, further - {home}, value),
        st.tuples(*(st.integers(0, len(tree.leaves) - 1) for tree in trees)),
        st.integers(0, 5),
        st.frozensets(st.integers(0, 5), max_size=1),
        st.integers(0, 2),
    )
    between = [sorted(draw(st.tuples(*[st.integers(0, tree.height - 1)] * 2))) for tree in trees]
    anywhere = draw(st.booleans())
    return Case(
        hierarchies=trees,
        pupils=tuple(draw(st.lists(pupil, min_size=draw(st.sampled_from([1, 12, 24])), max_size=40))),
        k=draw(st.integers(1, 5)),
        m=draw(st.sampled_from([1, 1, 2, 3])),
        largest=draw(st.sampled_from([Fraction(1), Fraction(1), Fraction(2, 3), Fraction(1, 2)])),
        others=draw(st.sampled_from([0, 0, 1, 3])),
        limit=draw(st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(1, 2), Fraction(1)])),
        objective=draw(st.sampled_from(["mean", "geometric"])),
        weights=tuple(draw(st.sampled_from([(1,) * len(trees), tuple(range(1, len(trees) + 1))]))),
        low=(0,) * len(trees) if anywhere else tuple(first for first, _ in between),
        high=tuple(tree.height - 1 if anywhere else last for tree, (_, last) in zip(trees, between, strict=True)),
    )


def comparable(recoding: Recoding | None, columns: int) -> Any:
    if recoding is None:
        return None
    table = recoding.class_table([f"kolom{column}" for column in range(columns)])
    return recoding.level_vector, recoding.loss, recoding.suppressed, table.to_pydict()


@settings(deadline=None)
@given(cases())
def test_the_optimum_equals_that_of_an_exhaustive_search(case: Case) -> None:
    recoding, truth = case.search(), case.search_exhaustively()

    if truth is None:
        assert recoding is None
    else:
        assert recoding is not None
        loss, classes, levels, suppressed = truth
        assert (recoding.level_vector, recoding.classes, recoding.suppressed) == (levels, classes, suppressed)
        exact = float(loss) if case.objective == "mean" else float(loss) ** (1 / sum(case.weights)) - 1
        assert abs(getattr(recoding.loss, case.objective) - exact) < 1e-9
        assert abs(recoding.search_facts["objective"] - exact) < 1e-9
        assert recoding.search_facts["proven"]


@settings(deadline=None)
@given(cases())
def test_every_released_class_satisfies_every_constraint(case: Case) -> None:
    recoding = case.search()

    if recoding is not None:
        names = [f"kolom{column}" for column in range(len(case.hierarchies))]
        table = recoding.class_table(names)
        members = case.classes(recoding.level_vector or ())
        for row in table.to_pylist():
            members_of_class = members[tuple(row[name] for name in names)]
            assert len(members_of_class) == row["pupils"]
            assert case.anonymous(members_of_class)


@settings(deadline=None)
@given(cases())
def test_every_pupil_is_released_or_suppressed(case: Case) -> None:
    recoding = case.search()

    if recoding is not None:
        assert recoding.released_pupils + recoding.suppressed == len(case.pupils)
        assert recoding.released_pupils > 0
        assert recoding.suppressed <= case.limit * len(case.pupils)


@settings(deadline=None)
@given(cases(), st.data())
def test_the_order_of_the_pupils_does_not_matter(case: Case, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(case.pupils))))
    columns = len(case.hierarchies)

    assert comparable(case.search(order), columns) == comparable(case.search(), columns)
