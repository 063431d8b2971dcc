"""The outcome of a search: the classes that are released, and what each unit belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cohort.sdc.model.arrays import IntArray
from cohort.sdc.model.coding import Coding, LevelVector
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.information_loss import InformationLoss, WeightedLoss, record_losses

SUPPRESSED_CLASS = -1
"""The class of a unit that is not released."""


@dataclass(frozen=True, eq=False)
class Recoding:
    """Released classes, each at levels of its own (equal ones in a global recoding).

    Takes: the coding; per `[class, column]` the level and a leaf under the released value; the pupils per
    class; per unit of the histogram its class or −1; the loss, and that of each column; pupils suppressed;
    what is known of the search (`proven`, `tried`, `nodes` and the like). Classes stand in the order of their
    released labels and no two show the same, so that their numbers say nothing that the labels do not.
    """

    coding: Coding
    levels: npt.NDArray[np.int8]
    leaves: npt.NDArray[np.int32]
    pupils: IntArray
    class_of: npt.NDArray[np.int32] = field(repr=False)
    loss: InformationLoss
    column_losses: tuple[float, ...]
    suppressed: int
    search_facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_units(
        cls,
        histogram: Histogram,
        coding: Coding,
        class_of: IntArray,
        levels: npt.NDArray[np.integer],
        goal: WeightedLoss,
        search: dict[str, Any],
    ) -> Recoding:
        """Brings classes into their order, joins those that show the same, and counts their loss.

        Takes: per unit a class from 0 or −1; the levels `[class, column]` at which all units of a class are
        equal; the objective, for its weights.
        Refuses (as a defect): a class whose units differ at its levels.
        """
        leaf_of = histogram.leaves(coding)
        kept = np.flatnonzero(class_of >= 0)
        seed = np.zeros(len(levels), dtype=np.int64)
        seed[class_of[kept[::-1]]] = kept[::-1]
        chosen = np.flatnonzero(np.bincount(class_of[kept], minlength=len(levels)))
        for column, hierarchy in enumerate(coding.hierarchies):
            rank, level = _label_ranks(hierarchy), levels[class_of[kept], column]
            of_seed = rank[level, leaf_of[column, seed[class_of[kept]]]]
            if not np.array_equal(rank[level, leaf_of[column, kept]], of_seed):
                raise ValueError(f"a class holds units that differ in column {hierarchy.name}")
        pupils = np.bincount(class_of[kept], histogram.counts[kept], minlength=len(levels))[chosen]
        found, place = cls.from_classes(
            coding,
            levels[chosen],
            leaf_of[:, seed[chosen]].T,
            pupils.astype(np.int64),
            histogram.pupils - int(pupils.sum()),
            goal,
            search,
        )
        number = np.full(len(levels) + 1, SUPPRESSED_CLASS, dtype=np.int32)
        number[chosen] = place
        return replace(found, class_of=number[class_of])  # −1 looks up the last entry, which is −1

    @classmethod
    def from_classes(
        cls,
        coding: Coding,
        levels: npt.NDArray[np.integer],
        leaves: npt.NDArray[np.integer],
        pupils: IntArray,
        suppressed: int,
        goal: WeightedLoss,
        search: dict[str, Any],
    ) -> tuple[Recoding, npt.NDArray[np.int32]]:
        """The same from classes alone, where the units are elsewhere.

        Gives: the recoding, without units; for each class given the number it has there.
        """
        ranks = [
            _label_ranks(hierarchy)[levels[:, column], leaves[:, column]]
            for column, hierarchy in enumerate(coding.hierarchies)
        ]
        order = np.lexsort(ranks[::-1])
        begins = np.zeros(len(order), dtype=np.bool_)
        begins[:1] = True
        for rank in ranks:
            begins[1:] |= rank[order[1:]] != rank[order[:-1]]
        number = np.empty(len(order), dtype=np.int32)
        number[order] = np.cumsum(begins) - 1
        first = order[begins]
        losses = _column_losses(coding, levels, leaves, pupils, suppressed)
        found = cls(
            coding,
            levels[first].astype(np.int8),
            leaves[first].astype(np.int32),
            np.bincount(number, pupils, minlength=len(first)).astype(np.int64),
            np.empty(0, dtype=np.int32),
            goal.total_loss(losses),
            tuple(losses),
            suppressed,
            search,
        )
        return found, number

    @classmethod
    def merge(
        cls, recodings: Sequence[Recoding], suppressed: int, goal: WeightedLoss, search: dict[str, Any]
    ) -> tuple[Recoding, list[npt.NDArray[np.int32]]]:
        """Recodings of different pupils as one: classes of several that show the same are one class.

        Takes: recodings on one coding, at least one; how many pupils are suppressed in all.
        Gives: the recoding, without units; for each one given, the numbers that its classes have there.
        """
        found, number = cls.from_classes(
            recodings[0].coding,
            np.concatenate([one.levels for one in recodings]),
            np.concatenate([one.leaves for one in recodings]),
            np.concatenate([one.pupils for one in recodings]),
            suppressed,
            goal,
            search,
        )
        ends = np.cumsum([one.classes for one in recodings])[:-1]
        return found, np.split(number, ends)

    @property
    def released_pupils(self) -> int:
        """The number of pupils released."""
        return int(self.pupils.sum())

    @property
    def classes(self) -> int:
        return len(self.pupils)

    @property
    def level_vector(self) -> LevelVector | None:
        """The one level of each column, where all classes have the same."""
        if not self.classes or (self.levels != self.levels[0]).any():
            return None
        return tuple(int(level) for level in self.levels[0])

    @cached_property
    def labels(self) -> list[npt.NDArray[np.str_]]:
        """The released labels, per column an array by class."""
        found = []
        for column, hierarchy in enumerate(self.coding.hierarchies):
            table = np.array(hierarchy.labels, dtype=np.str_)
            found.append(table[self.levels[:, column], self.leaves[:, column]])
        return found

    def class_table(self, names: Sequence[str]) -> pa.Table:
        """The classes, to be joined to the pupils.

        Takes: the released name of every column.
        Gives: `class_nr` (int32, in the order of the released labels), a string per column, `pupils` (int64).
        """
        columns: dict[str, pa.Array[Any]] = {"class_nr": pa.array(np.arange(self.classes), pa.int32())}
        for name, shown in zip(names, self.labels, strict=True):
            if name in columns or name == "pupils":
                raise ValueError(f"the column name {name} occurs twice in the class table")
            columns[name] = pa.array(shown.tolist(), pa.string())
        columns["pupils"] = pa.array(self.pupils, pa.int64())
        return pa.table(columns)


def _label_ranks(hierarchy: Hierarchy) -> npt.NDArray[np.int64]:
    """For each `[level, leaf]` the rank of its label among all of the column; equal labels are equal."""
    table = np.array(hierarchy.labels, dtype=np.str_)
    return np.unique(table, return_inverse=True)[1].reshape(table.shape).astype(np.int64)


def _column_losses(
    coding: Coding, levels: npt.NDArray[np.integer], leaves: npt.NDArray[np.integer], pupils: IntArray, suppressed: int
) -> list[float]:
    """The loss x of each column: Σ over released records of theirs, 1 for each suppressed one, over all.

    All records of a class lose the same; they are summed as whole numbers per value, in whatever order.
    """
    total = int(pupils.sum()) + suppressed
    losses = []
    for column, hierarchy in enumerate(coding.hierarchies):
        table = record_losses(hierarchy)
        group = np.stack([hierarchy.groups(level) for level in range(hierarchy.height)])
        cell = levels[:, column].astype(np.int64) * table.shape[1] + group[levels[:, column], leaves[:, column]]
        at = np.bincount(cell, pupils, minlength=table.size).reshape(table.shape)
        paid = np.zeros(table.shape)
        for level in range(hierarchy.height):
            paid[level, group[level]] = table[level]
        losses.append((float((at * paid).sum()) + suppressed) / total if total else 0.0)
    return losses
