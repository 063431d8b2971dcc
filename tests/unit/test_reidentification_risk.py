"""The risk of a recoding, against a count of who could be meant by each released record.

Drawn here for all tests of what a recoding costs and risks: cohorts, and recodings of them (`Drawn`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pytest

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.risk.reidentification_risk import (
    POPULATION_ASSUMPTION,
    AttackerRisk,
    ReidentificationRisk,
    count_compatible_pupils,
)

Levels = tuple[int, ...]
Record = tuple[str, ...] | None
"""What is released of a pupil; nothing of a suppressed one."""


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
class Drawn:
    """A cohort and one recoding of it: each level vector in turn takes the groups of k or more that it finds.

    `held` units are suppressed whatever they show, so that classes can miss some of those who fit.
    """

    hierarchies: tuple[Hierarchy, ...]
    pupils: tuple[Pupil, ...]
    vectors: tuple[Levels, ...]
    k: int = 2
    held: frozenset[int] = frozenset()
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
        rest = [unit for unit in range(histogram.units) if unit not in self.held]
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
        """Per pupil, as they came."""
        return [int(self.recoding.class_of[unit]) for unit in self.histogram.unit_of_pupil]

    @cached_property
    def records(self) -> list[Record]:
        """Per pupil, as they came."""
        labels = list(zip(*(column.tolist() for column in self.recoding.labels), strict=True))
        return [labels[number] if number >= 0 else None for number in self.class_of]

    def fits(self, record: Record, pupil: Pupil) -> bool:
        """Whether every value released is the pupil's own or an ancestor of it."""
        return record is not None and all(
            value in {row[leaf] for row in tree.labels}
            for value, tree, leaf in zip(record, self.hierarchies, pupil.leaves, strict=True)
        )


def random_hierarchy(draw: np.random.Generator, name: str, leaves: int, levels: int) -> Hierarchy:
    """Leaves that are merged at random, level by level; a value is named by the leaves it stands for."""
    group = np.arange(leaves)
    rows = []
    for _ in range(levels):
        named = {g: "+".join(map(str, np.flatnonzero(group == g))) for g in group}
        rows.append(tuple(named[g] for g in group))
        group = draw.integers(0, max(leaves // 2, 1), leaves)[group]
    return Hierarchy(name, tuple(rows))


def random_cohort(seed: int, *, pupils: int = 60, columns: int = 3, leaves: int = 6) -> Drawn:
    """A cohort in which a third moved, with a recoding of one to four level vectors."""
    draw = np.random.default_rng(seed)
    trees = tuple(random_hierarchy(draw, f"kolom{c}", leaves, int(draw.integers(1, 5))) for c in range(columns))
    vectors = [tuple(int(draw.integers(0, tree.height)) for tree in trees) for _ in range(draw.integers(1, 5))]
    drawn = []
    for _ in range(pupils):
        further = frozenset(draw.integers(0, 6, 2).tolist() if draw.random() < 1 / 3 else [])
        home = int(draw.integers(0, 6))
        at = tuple(int(leaves * draw.random() ** 2) for _ in trees)
        drawn.append(Pupil(at, home, further - {home}, str(draw.choice(["nl", "fy", "tr"]))))
    held = frozenset(draw.choice(pupils, pupils // 10, replace=False).tolist())
    return Drawn(trees, tuple(drawn), tuple(vectors), int(draw.integers(1, 5)), held, bool(seed % 2))


NIVEAU = Hierarchy("niveau", (("I", "II", "III", "IV"), ("I-II", "I-II", "III-IV", "III-IV"), ("*",) * 4))
GESLACHT = Hierarchy("geslacht", (("j", "m"), ("*", "*")))


def drawn(table: str, *vectors: Levels, k: int = 2, single: bool = False) -> Drawn:
    """Pupils as drawn, a line per kind: how many, niveau, geslacht, home school, further school."""
    pupils = []
    for line in table.strip().splitlines():
        number, niveau, geslacht, home, *further = line.split()
        leaves = NIVEAU.leaves.index(niveau), GESLACHT.leaves.index(geslacht)
        schools = frozenset(ord(school) for school in further)
        pupils += [Pupil(leaves, ord(home), schools)] * int(number)
    return Drawn((NIVEAU, GESLACHT), tuple(pupils), vectors, k, single=single)


def counted(case: Drawn, k: int) -> ReidentificationRisk:
    """The risk, counted record by record from the labels."""
    released = [record for record in case.records if record is not None]
    sizes = Counter(released)
    population = {record: sum(case.fits(record, pupil) for pupil in case.pupils) for record in sizes}
    number = max(len(released), 1)
    by_record = sum(1 / population[record] for record in released) / number
    by_pupil = len(sizes) / max(sum(population.values()), 1)
    return ReidentificationRisk(
        k,
        AttackerRisk(
            max((1 / size for size in sizes.values()), default=0),
            sum(1 / sizes[record] for record in released) / number,
            sum(1 / sizes[record] > 1 / k for record in released) / number,
        ),
        AttackerRisk(
            max((1 / crowd for crowd in population.values()), default=0),
            max(by_record, by_pupil),
            sum(1 / population[record] > 1 / k for record in released) / number,
        ),
        by_record,
        len(case.pupils),
    )


def figures(risk: ReidentificationRisk) -> list[float]:
    attacks = risk.prosecutor, risk.journalist
    told = [figure for attack in attacks for figure in (attack.highest, attack.mean, attack.at_risk)]
    return [risk.k, risk.marketer, risk.population_pupils, *told]


def found(case: Drawn, k: int = 3) -> ReidentificationRisk:
    return ReidentificationRisk.from_recoding(case.histogram, case.recoding, k)


def test_a_class_stands_for_pupils_of_other_classes_and_suppressed_ones_too() -> None:
    #   3 I j at (0, 0); 1 I m + 2 II m at (1, 1) show I-II *, which all six lie under; IV j is suppressed
    case = drawn("3 I j A\n1 I m A\n2 II m A\n1 IV j A", (0, 0), (1, 1), k=3)
    risk = found(case, k=4)

    assert count_compatible_pupils(case.histogram, case.recoding).tolist() == [3, 6]
    assert risk.prosecutor == AttackerRisk(1 / 3, 2 / 6, 1)
    assert risk.journalist == AttackerRisk(1 / 3, pytest.approx((3 / 3 + 3 / 6) / 6), 3 / 6)
    assert risk.marketer == risk.journalist.mean
    assert (risk.population_pupils, risk.population) == (7, POPULATION_ASSUMPTION)


def test_a_suppressed_pupil_counts_in_the_population_of_a_class_it_could_be_in() -> None:
    everybody = drawn("4 I j A", (0, 0), single=True)
    risk = found(replace(everybody, held=frozenset({0})), k=4)

    assert (risk.prosecutor.highest, risk.journalist.highest) == (1 / 3, 1 / 4)
    assert (risk.prosecutor.at_risk, risk.journalist.at_risk) == (1, 0)


def test_whole_classes_of_a_global_recoding_are_their_own_population() -> None:
    risk = found(drawn("4 I j A\n3 II j A\n1 III m A\n5 IV m A", (0, 0), k=3))

    assert risk.prosecutor == risk.journalist
    assert risk.marketer == pytest.approx(risk.prosecutor.mean)


@pytest.mark.parametrize("seed", range(16))
def test_the_risk_is_that_of_counting_who_could_be_meant(seed: int) -> None:
    case = random_cohort(seed)

    assert figures(found(case)) == pytest.approx(figures(counted(case, 3)))


def test_where_nothing_is_released_nobody_is_at_risk() -> None:
    risk = found(drawn("1 I j A\n1 IV m B", (0, 0)))

    assert (risk.prosecutor, risk.journalist, risk.marketer) == (AttackerRisk(0, 0, 0), AttackerRisk(0, 0, 0), 0)


def test_a_document_says_which_population_it_assumes() -> None:
    told = json.loads(json.dumps(found(random_cohort(2)).as_dict()))

    assert told["population"].startswith("the whole cohort that was looked at, suppressed pupils included")
    assert set(told["journalist"]) == {"highest", "mean", "at_risk"}


@pytest.mark.parametrize("k", [0, -3, 2.5, True])
def test_refuses_a_threshold_that_is_no_number_of_pupils(k: Any) -> None:
    with pytest.raises(ConfigurationRefused, match=r"to measure risk by .* of at least 1"):
        found(random_cohort(0), k)
