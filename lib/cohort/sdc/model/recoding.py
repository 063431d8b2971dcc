"""The result of a search: the released equivalence classes, their levels, and the class of every unit.

Global and local searches return a `Recoding`; the release generalises the records with it. A recoding never depends
on the order of the pupils, and the numbers of its classes say nothing that their released labels do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cohort.sdc.model.arrays import Int32Array, IntArray
from cohort.sdc.model.coding import Coding, LevelVector
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.information_loss import InformationLoss, WeightedLoss, record_losses

SUPPRESSED_CLASS = -1
"""The class of a unit that is not released."""

SearchFacts = dict[str, Any]
"""What a search reports about itself, as it stands in the release record: `kind` (global or local), `proven`, and
further keys by kind, such as `nodes`, `tried`, `bound`, `objective`, `way`."""


@dataclass(frozen=True, eq=False)
class GeneralisedClasses:
    """Equivalence classes with their generalised values.

    Args:
        coding: the coding of the columns.
        levels: the level of each value, `[class, column]`.
        leaves: any leaf that the value stands for, `[class, column]`.
        pupils: the number of pupils per class.
    """

    coding: Coding
    levels: npt.NDArray[np.integer]
    leaves: npt.NDArray[np.integer]
    pupils: IntArray

    def label_ranks(self) -> list[IntArray]:
        """Per column the rank of each class's label among all labels of the column; equal labels have equal ranks."""
        return [
            _label_ranks(hierarchy)[self.levels[:, column], self.leaves[:, column]]
            for column, hierarchy in enumerate(self.coding.hierarchies)
        ]


@dataclass(frozen=True, eq=False)
class Recoding:
    """Released equivalence classes, each with levels of its own (equal ones in a global recoding).

    The classes are ordered by their released labels, and no two have the same labels.

    Args:
        coding: the coding of the columns.
        levels: the level of each released value, `[class, column]`.
        leaves: any leaf that the released value stands for, `[class, column]`.
        pupils: the number of pupils per class.
        class_of: per unit of the histogram its class, or `SUPPRESSED_CLASS`; empty where the units are elsewhere.
        loss: the information loss over all columns.
        column_losses: the information loss of each column.
        suppressed: the number of suppressed pupils.
        search_facts: what the search reports about itself.
    """

    coding: Coding
    levels: npt.NDArray[np.int8]
    leaves: Int32Array
    pupils: IntArray
    class_of: Int32Array = field(repr=False)
    loss: InformationLoss
    column_losses: tuple[float, ...]
    suppressed: int
    search_facts: SearchFacts = field(default_factory=dict)

    @classmethod
    def from_units(
        cls,
        histogram: Histogram,
        coding: Coding,
        class_of: IntArray,
        levels: npt.NDArray[np.integer],
        weighted_loss: WeightedLoss,
        search_facts: SearchFacts,
    ) -> Recoding:
        """Make a recoding of the units of a histogram.

        Args:
            class_of: per unit a class from 0, or −1; numbers that no unit has are left out.
            levels: the levels at which all units of a class are equal, `[class, column]`.
            weighted_loss: the weights of the columns in the loss.

        Raises:
            ValueError: the units of a class differ at its levels (a defect).
        """
        leaf_of_unit = histogram.leaves(coding)
        kept = np.flatnonzero(class_of >= 0)
        first_unit = np.zeros(len(levels), dtype=np.int64)
        first_unit[class_of[kept[::-1]]] = kept[::-1]
        first_of_class = leaf_of_unit[:, first_unit[class_of[kept]]]
        _require_equal_units(coding, levels[class_of[kept]], leaf_of_unit[:, kept], first_of_class)
        used = np.flatnonzero(np.bincount(class_of[kept], minlength=len(levels)))
        pupils = np.bincount(class_of[kept], histogram.counts[kept], minlength=len(levels))[used].astype(np.int64)
        recoding, new_number = cls.from_classes(
            GeneralisedClasses(coding, levels[used], leaf_of_unit[:, first_unit[used]].T, pupils),
            histogram.pupils - int(pupils.sum()),
            weighted_loss,
            search_facts,
        )
        number = np.full(len(levels) + 1, SUPPRESSED_CLASS, dtype=np.int32)
        number[used] = new_number
        return replace(recoding, class_of=number[class_of])  # −1 looks up the last entry, SUPPRESSED_CLASS

    @classmethod
    def from_classes(
        cls, classes: GeneralisedClasses, suppressed: int, weighted_loss: WeightedLoss, search_facts: SearchFacts
    ) -> tuple[Recoding, Int32Array]:
        """Make a recoding from classes alone, where the units are elsewhere.

        It orders the classes by their labels, merges those with the same labels, and computes the loss.

        Args:
            suppressed: the number of suppressed pupils.
            weighted_loss: the weights of the columns in the loss.

        Returns:
            The recoding, without units; and for each class given, its number there.
        """
        ranks = classes.label_ranks()
        order = np.lexsort(ranks[::-1])
        is_first = np.zeros(len(order), dtype=np.bool_)
        is_first[:1] = True
        for rank in ranks:
            is_first[1:] |= rank[order[1:]] != rank[order[:-1]]
        number = np.empty(len(order), dtype=np.int32)
        number[order] = np.cumsum(is_first) - 1
        first = order[is_first]
        losses = _column_losses(classes, suppressed)
        recoding = cls(
            coding=classes.coding,
            levels=classes.levels[first].astype(np.int8),
            leaves=classes.leaves[first].astype(np.int32),
            pupils=np.bincount(number, classes.pupils, minlength=len(first)).astype(np.int64),
            class_of=np.empty(0, dtype=np.int32),
            loss=weighted_loss.total_loss(losses),
            column_losses=tuple(losses),
            suppressed=suppressed,
            search_facts=search_facts,
        )
        return recoding, number

    @classmethod
    def merge(
        cls, recodings: Sequence[Recoding], suppressed: int, weighted_loss: WeightedLoss, search_facts: SearchFacts
    ) -> tuple[Recoding, list[Int32Array]]:
        """Merge recodings of different pupils; classes with the same labels become one class.

        Args:
            recodings: at least one, all with the same coding.
            suppressed: the number of pupils suppressed in all.

        Returns:
            The recoding, without units; and for each recoding given, the numbers that its classes have there.
        """
        classes = GeneralisedClasses(
            recodings[0].coding,
            np.concatenate([recoding.levels for recoding in recodings]),
            np.concatenate([recoding.leaves for recoding in recodings]),
            np.concatenate([recoding.pupils for recoding in recodings]),
        )
        merged, number = cls.from_classes(classes, suppressed, weighted_loss, search_facts)
        ends = np.cumsum([recoding.classes for recoding in recodings])[:-1]
        return merged, np.split(number, ends)

    @property
    def released_pupils(self) -> int:
        """The number of pupils released."""
        return int(self.pupils.sum())

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.pupils)

    @property
    def level_vector(self) -> LevelVector | None:
        """The level of each column, where all classes have the same levels; else None."""
        if not self.classes or (self.levels != self.levels[0]).any():
            return None
        return tuple(int(level) for level in self.levels[0])

    @cached_property
    def labels(self) -> list[npt.NDArray[np.str_]]:
        """The released labels, per column an array by class."""
        labels = []
        for column, hierarchy in enumerate(self.coding.hierarchies):
            table = np.array(hierarchy.labels, dtype=np.str_)
            labels.append(table[self.levels[:, column], self.leaves[:, column]])
        return labels

    def class_table(self, names: Sequence[str]) -> pa.Table:
        """The classes as a table, to be joined to the records.

        Args:
            names: the released name of every column.

        Returns:
            `class_nr` (int32, in the order of the released labels), a string per column, `pupils` (int64).

        Raises:
            ValueError: a column name occurs twice (a defect).
        """
        columns: dict[str, pa.Array[Any]] = {"class_nr": pa.array(np.arange(self.classes), pa.int32())}
        for name, labels in zip(names, self.labels, strict=True):
            if name in columns or name == "pupils":
                raise ValueError(f"the column name {name} occurs twice in the class table")
            columns[name] = pa.array(labels.tolist(), pa.string())
        columns["pupils"] = pa.array(self.pupils, pa.int64())
        return pa.table(columns)


def _label_ranks(hierarchy: Hierarchy) -> IntArray:
    """For each `[level, leaf]` the rank of its label among all labels of the column."""
    table = np.array(hierarchy.labels, dtype=np.str_)
    return np.unique(table, return_inverse=True)[1].reshape(table.shape).astype(np.int64)


def _require_equal_units(
    coding: Coding, levels: npt.NDArray[np.integer], leaves: Int32Array, leaves_of_first: Int32Array
) -> None:
    """Raise ValueError unless every unit has the same label as the first unit of its class, in every column.

    Args:
        levels: the levels of each unit's class, `[unit, column]`.
        leaves: the leaf numbers of each unit, `[column, unit]`.
        leaves_of_first: those of the first unit of its class, `[column, unit]`.
    """
    for column, hierarchy in enumerate(coding.hierarchies):
        rank, level = _label_ranks(hierarchy), levels[:, column]
        if not np.array_equal(rank[level, leaves[column]], rank[level, leaves_of_first[column]]):
            raise ValueError(f"a class contains units that differ in column {hierarchy.name}")


def _column_losses(classes: GeneralisedClasses, suppressed: int) -> list[float]:
    """The loss x of each column: the losses of the released records, plus 1 for each suppressed one, over all.

    Records with the same value lose the same; they are counted per value first, so that no order plays a part.
    """
    total = int(classes.pupils.sum()) + suppressed
    losses = []
    for column, hierarchy in enumerate(classes.coding.hierarchies):
        loss_of_leaf = record_losses(hierarchy)
        group = np.stack([hierarchy.groups(level) for level in range(hierarchy.height)])
        level, leaf = classes.levels[:, column], classes.leaves[:, column]
        cell = level.astype(np.int64) * loss_of_leaf.shape[1] + group[level, leaf]
        pupils = np.bincount(cell, classes.pupils, minlength=loss_of_leaf.size).reshape(loss_of_leaf.shape)
        loss_of_group = np.zeros(loss_of_leaf.shape)
        for at in range(hierarchy.height):
            loss_of_group[at, group[at]] = loss_of_leaf[at]
        losses.append((float((pupils * loss_of_group).sum()) + suppressed) / total if total else 0.0)
    return losses
