"""Cohorts and recodings of them, drawn for the tests of risk, utility and equity."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import Recoding

Levels = tuple[int, ...]
Record = tuple[str, ...] | None
"""The released labels of a pupil; None for a suppressed one."""


@dataclass(frozen=True)
class Pupil:
    leaves: tuple[int, ...]
    home: int = 0
    further: frozenset[int] = frozenset()
    label: str = "nl"

    @property
    def schools(self) -> frozenset[int]:
        return self.further | {self.home}


@dataclass(frozen=True)
class DrawnRecoding:
    """A cohort and one recoding of it.

    Each level vector in turn makes classes of the groups of k or more among the units that are left. The units in
    `always_suppressed` are in no class, so that a class can lack pupils who are compatible with it.
    """

    hierarchies: tuple[Hierarchy, ...]
    pupils: tuple[Pupil, ...]
    vectors: tuple[Levels, ...]
    k: int = 2
    always_suppressed: frozenset[int] = frozenset()
    single: bool = False

    @cached_property
    def coding(self) -> Coding:
        return Coding(self.hierarchies)

    @cached_property
    def histogram(self) -> Histogram:
        columns = [
            np.array([pupil.leaves[column] for pupil in self.pupils], dtype=np.int64)
            for column in range(len(self.hierarchies))
        ]
        homes = np.array([pupil.home for pupil in self.pupils], dtype=np.int32)
        moves = [(place, school) for place, pupil in enumerate(self.pupils) for school in pupil.further]
        others = np.array(moves, dtype=np.int64).reshape(len(moves), 2).T
        return Histogram.from_pupils(
            self.coding.encode(columns), homes, others=(others[0], others[1]), single=self.single
        )

    @cached_property
    def recoding(self) -> Recoding:
        histogram = self.histogram
        leaves = histogram.leaves(self.coding)
        class_of = np.full(histogram.units, -1, dtype=np.int64)
        levels: list[Levels] = []
        rest = [unit for unit in range(histogram.units) if unit not in self.always_suppressed]
        for vector in self.vectors:
            groups = defaultdict(list)
            for unit in rest:
                at = zip(self.hierarchies, vector, leaves[:, unit], strict=True)
                groups[tuple(tree.labels[level][leaf] for tree, level, leaf in at)].append(unit)
            for members in groups.values():
                if histogram.counts[members].sum() >= self.k:
                    class_of[members] = len(levels)
                    levels.append(vector)
            rest = [unit for unit in rest if class_of[unit] < 0]
        table = np.array(levels, dtype=np.int64).reshape(len(levels), len(self.hierarchies))
        goal = WeightedLoss.for_columns("mean", len(self.hierarchies))
        return Recoding.from_units(histogram, self.coding, class_of, table, goal, {})

    @cached_property
    def class_of(self) -> list[int]:
        """Per pupil, in the order they were drawn, its class."""
        return [int(self.recoding.class_of[unit]) for unit in self.histogram.unit_of_pupil]

    @cached_property
    def records(self) -> list[Record]:
        """Per pupil, in the order they were drawn, its released record."""
        labels = list(zip(*(column.tolist() for column in self.recoding.labels), strict=True))
        return [labels[number] if number >= 0 else None for number in self.class_of]

    def is_compatible(self, record: Record, pupil: Pupil) -> bool:
        """Whether every released value is the pupil's exact value or an ancestor of it."""
        return record is not None and all(
            value in {row[leaf] for row in tree.labels}
            for value, tree, leaf in zip(record, self.hierarchies, pupil.leaves, strict=True)
        )


def random_hierarchy(draw: np.random.Generator, name: str, leaves: int, levels: int) -> Hierarchy:
    """Leaves that are merged at random, level by level; the label of a value names its leaves."""
    group = np.arange(leaves)
    rows = []
    for _ in range(levels):
        named = {g: "+".join(map(str, np.flatnonzero(group == g))) for g in group}
        rows.append(tuple(named[g] for g in group))
        group = draw.integers(0, max(leaves // 2, 1), leaves)[group]
    return Hierarchy(name, tuple(rows))


def random_cohort(seed: int, *, pupils: int = 60, columns: int = 3, leaves: int = 6) -> DrawnRecoding:
    """A cohort in which a third moved, with a recoding of one to four level vectors."""
    draw = np.random.default_rng(seed)
    trees = tuple(random_hierarchy(draw, f"kolom{c}", leaves, int(draw.integers(1, 5))) for c in range(columns))
    vectors = [tuple(int(draw.integers(0, tree.height)) for tree in trees) for _ in range(draw.integers(1, 5))]
    drawn_pupils = []
    for _ in range(pupils):
        further = frozenset(draw.integers(0, 6, 2).tolist() if draw.random() < 1 / 3 else [])
        home = int(draw.integers(0, 6))
        at = tuple(int(leaves * draw.random() ** 2) for _ in trees)
        drawn_pupils.append(Pupil(at, home, further - {home}, str(draw.choice(["nl", "fy", "tr"]))))
    always_suppressed = frozenset(draw.choice(pupils, pupils // 10, replace=False).tolist())
    return DrawnRecoding(
        trees, tuple(drawn_pupils), tuple(vectors), int(draw.integers(1, 5)), always_suppressed, bool(seed % 2)
    )


NIVEAU = Hierarchy("niveau", (("I", "II", "III", "IV"), ("I-II", "I-II", "III-IV", "III-IV"), ("*",) * 4))
GESLACHT = Hierarchy("geslacht", (("j", "m"), ("*", "*")))


def draw_recoding(table: str, *vectors: Levels, k: int = 2, single: bool = False) -> DrawnRecoding:
    """Draw pupils from a table with a line per kind: how many, niveau, geslacht, home school, further schools."""
    pupils = []
    for line in table.strip().splitlines():
        number, niveau, geslacht, home, *further = line.split()
        leaves = NIVEAU.leaves.index(niveau), GESLACHT.leaves.index(geslacht)
        schools = frozenset(ord(school) for school in further)
        pupils += [Pupil(leaves, ord(home), schools)] * int(number)
    return DrawnRecoding((NIVEAU, GESLACHT), tuple(pupils), vectors, k, single=single)
