"""Data utility of a recoding: the metrics of the literature, by their usual names.

In go the histogram that was searched and the recoding that the search returned; the command line reports the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cohort.sdc.model import Hierarchy, Histogram, Int32Array, IntArray, Recoding, WeightedLoss


@dataclass(frozen=True)
class UtilityMetrics:
    """The utility metrics of a recoding. N is the number of records, sup of them suppressed, E a released class.

    - `mean_loss`, `geometric_loss`: information loss with equal weights, so that searches with different weights can
      be compared (formulas in `model.information_loss`).
    - `average_class_size`: N / (classes + 1 if any record is suppressed): the suppressed ones count as one
      class (LeFevre, DeWitt and Ramakrishnan, 2006, without the division by k; as ARX counts it).
    - `discernibility`: Σ|E|² + sup · N (Bayardo and Agrawal, 2005).
    - `non_uniform_entropy`: the bits needed to restore the exact values (De Waal and Willenborg, 1999; as
      ARX counts it). Per column Σ over all records of log2(n(released value) / n(exact value)), plus Σ over
      suppressed records of −log2(n_sup(value) / sup); n counts all records, n_sup suppressed ones.
      In a local recoding the released value is the record's ancestor at the level of its own class, and n counts
      all records under it, whatever the levels of their own classes. Suppressed records are counted at the common
      level of the column where all classes have the same level, as in a global recoding, else at their exact values.
    - `granularity`: per column 1 − its loss; 1 is as exact as the data, 0 is no information (Iyengar, 2002; ARX
      shows it under this name).
    - `cells`: per column, by level, the share of all records with a released value of that level. They add up to
      1 − `suppressed_share`.

    The figures are exact, so they are for restricted records and for the analyst, never for publication.
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
        """Compute the metrics.

        Args:
            histogram: the histogram that was searched; with no pupils the metrics are 0.
            recoding: the result of the search.
        """
        hierarchies = recoding.coding.hierarchies
        records, suppressed = histogram.pupils, recoding.suppressed
        loss = WeightedLoss.for_columns("mean", len(hierarchies)).total_loss(recoding.column_losses)
        leaf_of_unit = histogram.leaves(recoding.coding)
        released = [
            _count_released(histogram, recoding, column, leaf_of_unit[column]) for column in range(len(hierarchies))
        ]
        return cls(
            columns=tuple(hierarchy.name for hierarchy in hierarchies),
            mean_loss=loss.mean,
            geometric_loss=loss.geometric,
            average_class_size=records / max(recoding.classes + (suppressed > 0), 1),
            discernibility=int(recoding.pupils @ recoding.pupils) + suppressed * records,
            non_uniform_entropy=_non_uniform_entropy(histogram, recoding, leaf_of_unit, released),
            granularity=tuple(1 - loss for loss in recoding.column_losses),
            suppressed_share=suppressed / max(records, 1),
            cells=tuple(tuple((at.sum(axis=1) / max(records, 1)).tolist()) for at in released),
            smallest_class=int(recoding.pupils.min(initial=records)) if recoding.classes else 0,
            classes=recoding.classes,
        )

    def as_dict(self) -> dict[str, Any]:
        """The metrics by name, and those of each column in a list, for JSON."""
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


def _count_released(histogram: Histogram, recoding: Recoding, column: int, leaf_of_unit: Int32Array) -> IntArray:
    """The released records of a column at each `[level, leaf]`."""
    hierarchy = recoding.coding.hierarchies[column]
    kept = np.flatnonzero(recoding.class_of >= 0)
    level = recoding.levels[recoding.class_of[kept], column].astype(np.int64)
    shape = hierarchy.height, len(hierarchy.leaves)
    cell = level * shape[1] + leaf_of_unit[kept]
    records = np.bincount(cell, histogram.counts[kept], minlength=shape[0] * shape[1])
    return records.reshape(shape).astype(np.int64)


def _non_uniform_entropy(
    histogram: Histogram, recoding: Recoding, leaf_of_unit: Int32Array, released: list[IntArray]
) -> float:
    hierarchies = recoding.coding.hierarchies
    levels = recoding.level_vector or (0,) * len(hierarchies)
    bits = 0.0
    for hierarchy, leaf, released_at, level in zip(hierarchies, leaf_of_unit, released, levels, strict=True):
        exact = np.bincount(leaf, histogram.counts, minlength=len(hierarchy.leaves)).astype(np.int64)
        occurs = exact > 0
        same_value = np.stack([_records_with_same_value(hierarchy, at, exact) for at in range(hierarchy.height)])
        lost = np.log2(same_value[:, occurs] / exact[occurs])
        suppressed = exact - released_at.sum(axis=0)
        bits += float((released_at[:, occurs] * lost).sum() + suppressed[occurs] @ lost[level])
        suppressed_with_same_value, has_suppressed = (
            _records_with_same_value(hierarchy, level, suppressed),
            suppressed > 0,
        )
        ratio = suppressed.sum() / suppressed_with_same_value[has_suppressed]
        bits += float(suppressed[has_suppressed] @ np.log2(ratio))
    return bits


def _records_with_same_value(hierarchy: Hierarchy, level: int, records: IntArray) -> IntArray:
    """For each leaf, the records whose value at the level is the same, from the records per leaf."""
    groups = hierarchy.groups(level)
    return np.bincount(groups, records)[groups].astype(np.int64)
