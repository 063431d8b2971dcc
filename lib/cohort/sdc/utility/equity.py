"""Equity of a recoding: which subgroups are suppressed or generalised more than others.

In go the histogram, the recoding and a division of the pupils into subgroups; out comes a report with rounded figures
that may be published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model import Histogram, IntArray, Recoding

Labels = Sequence[str] | npt.NDArray[np.str_]

HIDDEN_COUNT_LIMIT = 7
COUNT_ROUNDING_STEP = 5
"""Counts that may be published (the rules of OpenSAFELY): none up to 7, others rounded to a multiple of 5."""

SCHOOL_SIZE_BOUNDARIES = (10, 25, 50, 100, 200)
"""The lower ends of the classes of school sizes, in pupils of the cohort."""


def round_count(exact: int) -> int | None:
    """A count that may be published: None where it is small (0 included), else rounded to the nearest multiple."""
    if exact <= HIDDEN_COUNT_LIMIT:
        return None
    return (exact + COUNT_ROUNDING_STEP // 2) // COUNT_ROUNDING_STEP * COUNT_ROUNDING_STEP


def round_share(part: int, whole: int) -> int | None:
    """A share that may be published, in whole per cents: the rounded part of the rounded whole.

    Returns:
        None where the part or the whole is small, since the share would disclose the count: 8 % of about 10 pupils is
        one pupil.
    """
    above, below = round_count(part), round_count(whole)
    if above is None or below is None:
        return None
    return (200 * above + below) // (2 * below)


@dataclass(frozen=True, eq=False)
class Subgroups:
    """The subgroup of every pupil of a histogram, as counts per unit and subgroup.

        unit  pupils  thuistaal          units groups counts
        0     3       nl, nl, anders     0     anders 1
        1     1       nl             →   0     nl     2
                                         1     nl     1

    Args:
        names: the names of the subgroups.
        units: the unit of each entry.
        groups: its subgroup, by position in `names`.
        counts: how many pupils of the unit are in the subgroup.
    """

    names: tuple[str, ...]
    units: IntArray
    groups: IntArray
    counts: IntArray

    @classmethod
    def from_unit_labels(cls, histogram: Histogram, labels: Labels) -> Subgroups:
        """Subgroups by a label per unit, in the order of the units; raises ValueError for another number of labels."""
        if len(labels) != histogram.units:
            raise ValueError("every unit needs a label")
        names, groups = np.unique(np.asarray(labels, dtype=np.str_), return_inverse=True)
        return cls(tuple(names.tolist()), np.arange(histogram.units), groups.astype(np.int64), histogram.counts)

    @classmethod
    def from_pupil_labels(cls, histogram: Histogram, labels: Labels) -> Subgroups:
        """Subgroups by a label per pupil, in the order in which the pupils were counted.

        Raises:
            ValueError: there are not as many labels as pupils (a defect).
        """
        if not len(labels) == len(histogram.unit_of_pupil) == histogram.pupils:
            raise ValueError("every pupil needs a label, and the histogram must know its pupils one by one")
        names, groups = np.unique(np.asarray(labels, dtype=np.str_), return_inverse=True)
        width = max(len(names), 1)
        cells, counts = np.unique(histogram.unit_of_pupil * width + groups, return_counts=True)
        return cls(tuple(names.tolist()), cells // width, cells % width, counts.astype(np.int64))

    @classmethod
    def by_school_size(cls, histogram: Histogram, boundaries: Sequence[int] = SCHOOL_SIZE_BOUNDARIES) -> Subgroups:
        """Subgroups by the size of the home school, in pupils of this cohort, suppressed ones included.

        Args:
            boundaries: the sizes at which the next class of sizes begins, ascending.

        Raises:
            ConfigurationRefused: the sizes do not ascend from 1 or more, or the data has no schools.
        """
        if problems := _size_problems(histogram, boundaries):
            raise ConfigurationRefused(*problems)
        _, school = np.unique(histogram.schools, return_inverse=True)
        pupils = np.bincount(school, histogram.counts).astype(np.int64)
        of_school = np.searchsorted(np.array(boundaries, dtype=np.int64), pupils, side="right")
        middle = [f"{low} to {high - 1}" for low, high in pairwise(boundaries)]
        names = (f"under {boundaries[0]}", *middle, f"{boundaries[-1]} or more")
        return cls(names, np.arange(histogram.units), of_school[school].astype(np.int64), histogram.counts)


@dataclass(frozen=True)
class SubgroupUtility:
    """The utility that is left to one subgroup, in exact figures: restricted. `as_dict` is what may be published.

    Args:
        name: the name of the subgroup.
        pupils: the number of its pupils.
        suppressed: how many of them are suppressed.
        cells: per column, by level, the pupils with a released value of that level.
        mean_loss: the mean information loss over its records and all columns; a suppressed record loses 1 in each.
    """

    name: str
    pupils: int
    suppressed: int
    cells: tuple[tuple[int, ...], ...]
    mean_loss: float

    def as_dict(self, columns: Sequence[str]) -> dict[str, Any]:
        """The figures for JSON: counts rounded, shares and loss in whole per cents, all None for a small subgroup."""
        pupils = round_count(self.pupils)
        return {
            "subgroup": self.name,
            "pupils": pupils,
            "suppressed_percent": round_share(self.suppressed, self.pupils),
            "mean_loss_percent": None if pupils is None else int(100 * self.mean_loss + 0.5),
            "columns": [
                {
                    "column": column,
                    "cells_percent": {
                        **{str(level): round_share(at, self.pupils) for level, at in enumerate(cells)},
                        "suppressed": round_share(self.suppressed, self.pupils),
                    },
                }
                for column, cells in zip(columns, self.cells, strict=True)
            ],
        }


@dataclass(frozen=True)
class EquityReport:
    """The utility that a recoding leaves to each subgroup, in the order of their names or sizes."""

    columns: tuple[str, ...]
    subgroups: tuple[SubgroupUtility, ...]

    @classmethod
    def from_recoding(cls, histogram: Histogram, recoding: Recoding, subgroups: Subgroups) -> EquityReport:
        """Measure every subgroup.

        Args:
            histogram: the histogram that was searched.
            recoding: the result of the search.
            subgroups: the subgroups to compare.
        """
        hierarchies = recoding.coding.hierarchies
        groups = len(subgroups.names)
        pupils = _sum_counts(subgroups.groups, subgroups.counts, groups)
        class_of = recoding.class_of[subgroups.units]
        kept = np.flatnonzero(class_of >= 0)
        kept_group, kept_counts, kept_class = subgroups.groups[kept], subgroups.counts[kept], class_of[kept]
        suppressed = pupils - _sum_counts(kept_group, kept_counts, groups)
        leaf_of_unit = histogram.leaves(recoding.coding)
        cells, losses = [], np.zeros(groups)
        for column, hierarchy in enumerate(hierarchies):
            level = recoding.levels[kept_class, column].astype(np.int64)
            cell = kept_group * hierarchy.height + level
            cells.append(_sum_counts(cell, kept_counts, groups * hierarchy.height).reshape(groups, hierarchy.height))
            # Whole numbers of leaves, so that the sum does not depend on its order (see `model.information_loss`).
            sizes = np.stack([hierarchy.group_sizes(at) for at in range(hierarchy.height)])
            extra = sizes[level, leaf_of_unit[column, subgroups.units[kept]]] - 1
            lost = _sum_counts(kept_group, kept_counts * extra, groups) / max(len(hierarchy.leaves) - 1, 1)
            losses += (lost + suppressed) / np.maximum(pupils, 1)
        rows = tuple(
            SubgroupUtility(
                name=name,
                pupils=int(pupils[group]),
                suppressed=int(suppressed[group]),
                cells=tuple(tuple(at[group].tolist()) for at in cells),
                mean_loss=float(losses[group]) / len(hierarchies),
            )
            for group, name in enumerate(subgroups.names)
        )
        return cls(tuple(hierarchy.name for hierarchy in hierarchies), rows)

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON; it may be published."""
        return {
            "note": f"null = {HIDDEN_COUNT_LIMIT} pupils or fewer; others rounded to {COUNT_ROUNDING_STEP}, "
            "and shares of rounded counts to whole per cents",
            "subgroups": [row.as_dict(self.columns) for row in self.subgroups],
        }


def _sum_counts(cells: IntArray, counts: IntArray, number_of_cells: int) -> IntArray:
    return np.bincount(cells, counts, minlength=number_of_cells).astype(np.int64)


def _size_problems(histogram: Histogram, boundaries: Sequence[int]) -> list[str]:
    problems = []
    ascending = all(low < high for low, high in pairwise(boundaries))
    if not boundaries or boundaries[0] < 1 or not ascending:
        problems.append(
            describe_problem(
                "ascending sizes of schools, from 1",
                example=", ".join(map(str, SCHOOL_SIZE_BOUNDARIES)),
                found="others" if boundaries else "none",
                where="the classes of school sizes",
                do="Write the sizes in ascending order",
            )
        )
    if not histogram.has_schools:
        problems.append(
            describe_problem(
                "schools in the data to compare sizes of schools",
                example="a home school per pupil",
                found="none",
                where="the histogram",
                do="Deliver the schools, or compare other subgroups",
            )
        )
    return problems
