"""The metrics of a recoding, by the names they have in the field: what the researcher loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.sdc.model.arrays import IntArray
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import Recoding


@dataclass(frozen=True)
class UtilityMetrics:
    """What a recoding costs. N is the number of records, sup of them suppressed, E a released class.

    - `mean_loss`, `geometric_loss`: of the columns' losses, all columns weighing the same, so that searches
      with different weights can be compared (the formulas stand in `loss`).
    - `average_class_size`: N / (classes + 1 if any record is suppressed): the suppressed ones count as one
      class (LeFevre, DeWitt and Ramakrishnan, 2006, without the division by k; as ARX counts it).
    - `discernibility`: Σ|E|² + sup · N (Bayardo and Agrawal, 2005).
    - `non_uniform_entropy`: the bits needed to restore the exact values (De Waal and Willenborg, 1999; as
      ARX counts it). Per column Σ over all records of log2(n(value shown) / n(exact value)), plus Σ over
      suppressed records of −log2(n_sup(value) / sup); n counts all records, n_sup suppressed ones.
      In a local recoding the value shown is the record's ancestor at the level of its own class, and n counts
      all records under it, whatever their own classes show. Suppressed records stand at the one level of the
      column where all classes have the same, as in a global recoding, and else at their exact values.
    - `granularity`: per column 1 − its loss; 1 is as exact as the data, 0 is nothing left (Iyengar, 2002; ARX
      shows it under this name).
    - `cells`: per column, by level, the part of all records that shows a value of that level. What lacks to
      1 are suppressed cells (`suppressed_share`), a level of their own.

    The figures are exact: fit for restricted records and for the analyst, not for everybody.
    """

    columns: tuple[str, ...]
    mean_loss: float
    geometric_loss: float
    average_class_size: float
    discernibility: int
    non_uniform_entropy: float
    granularity: tuple[float, ...]
    suppressed_share: float
    cells: tuple[tuple[float, ...], ...]
    smallest_class: int
    classes: int

    @classmethod
    def from_recoding(cls, histogram: Histogram, recoding: Recoding) -> UtilityMetrics:
        """Takes: the histogram that was searched, and what the search found. Nobody has metrics of 0."""
        trees = recoding.coding.hierarchies
        everybody, gone = histogram.pupils, recoding.suppressed
        equal = WeightedLoss.for_columns("mean", len(trees)).total_loss(recoding.column_losses)
        leaf_of = histogram.leaves(recoding.coding)
        tables = [_released(histogram, recoding, column, leaf_of[column]) for column in range(len(trees))]
        return cls(
            columns=tuple(tree.name for tree in trees),
            mean_loss=equal.mean,
            geometric_loss=equal.geometric,
            average_class_size=everybody / max(recoding.classes + (gone > 0), 1),
            discernibility=int(recoding.pupils @ recoding.pupils) + gone * everybody,
            non_uniform_entropy=_entropy(histogram, recoding, leaf_of, tables),
            granularity=tuple(1 - loss for loss in recoding.column_losses),
            suppressed_share=gone / max(everybody, 1),
            cells=tuple(tuple((at.sum(axis=1) / max(everybody, 1)).tolist()) for at in tables),
            smallest_class=int(recoding.pupils.min(initial=everybody)) if recoding.classes else 0,
            classes=recoding.classes,
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the figures by name, and a list of the columns with theirs."""
        return {
            "mean_loss": self.mean_loss,
            "geometric_loss": self.geometric_loss,
            "average_class_size": self.average_class_size,
            "discernibility": self.discernibility,
            "non_uniform_entropy": self.non_uniform_entropy,
            "suppressed_share": self.suppressed_share,
            "smallest_class": self.smallest_class,
            "classes": self.classes,
            "columns": [
                {
                    "column": name,
                    "granularity": granularity,
                    "cells": {
                        **{str(level): part for level, part in enumerate(parts)},
                        "suppressed": self.suppressed_share,
                    },
                }
                for name, granularity, parts in zip(self.columns, self.granularity, self.cells, strict=True)
            ],
        }


def _released(histogram: Histogram, recoding: Recoding, column: int, leaf: npt.NDArray[np.int32]) -> IntArray:
    """The released records of a column at each `[level, leaf]`, in whole numbers: no order plays a part."""
    tree = recoding.coding.hierarchies[column]
    kept = np.flatnonzero(recoding.class_of >= 0)
    level = recoding.levels[recoding.class_of[kept], column].astype(np.int64)
    shape = tree.height, len(tree.leaves)
    cell = level * shape[1] + leaf[kept]
    counted = np.bincount(cell, histogram.counts[kept], minlength=shape[0] * shape[1])
    return counted.reshape(shape).astype(np.int64)


def _entropy(histogram: Histogram, recoding: Recoding, leaf_of: npt.NDArray[np.int32], tables: list[IntArray]) -> float:
    trees = recoding.coding.hierarchies
    levels = recoding.level_vector or (0,) * len(trees)
    bits = 0.0
    for tree, leaf, released, level in zip(trees, leaf_of, tables, levels, strict=True):
        exact = np.bincount(leaf, histogram.counts, minlength=len(tree.leaves)).astype(np.int64)
        occurs = exact > 0
        shown = np.stack([_under(tree, at, exact) for at in range(tree.height)])
        lost = np.log2(shown[:, occurs] / exact[occurs])
        suppressed = exact - released.sum(axis=0)
        bits += float((released[:, occurs] * lost).sum() + suppressed[occurs] @ lost[level])
        alike, left = _under(tree, level, suppressed), suppressed > 0
        bits += float(suppressed[left] @ np.log2(suppressed.sum() / alike[left]))
    return bits


def _under(tree: Hierarchy, level: int, at_leaf: IntArray) -> IntArray:
    """For each leaf, the records whose value at the level is the same."""
    groups = tree.groups(level)
    return np.bincount(groups, at_leaf)[groups].astype(np.int64)
