"""Who pays for anonymity: which subgroups are suppressed or coarsened more than others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding

Labels = Sequence[str] | npt.NDArray[np.str_]

HIDDEN_COUNT_LIMIT = 7
COUNT_ROUNDING_STEP = 5
"""The counts that may be shown (OpenSAFELY's rules): small ones not at all, others to a step."""

SCHOOL_SIZE_BOUNDARIES = (10, 25, 50, 100, 200)
"""Where a class of school sizes begins, in pupils of the cohort."""


def round_count(exact: int) -> int | None:
    """A count fit to show: none when it is small (0 included), else rounded to the nearest step."""
    if exact <= HIDDEN_COUNT_LIMIT:
        return None
    return (exact + COUNT_ROUNDING_STEP // 2) // COUNT_ROUNDING_STEP * COUNT_ROUNDING_STEP


def round_share(part: int, whole: int) -> int | None:
    """A share fit to show, in whole per cents: the rounded part of the rounded whole.

    Gives: nothing where the part or the whole is too small to show, since a share of a small group gives its
    count away: 8 % of about 10 pupils is one pupil.
    """
    above, below = round_count(part), round_count(whole)
    if above is None or below is None:
        return None
    return (200 * above + below) // (2 * below)


@dataclass(frozen=True, eq=False)
class Subgroups:
    """Which pupils of a histogram are in which subgroup.

        unit  pupils  thuistaal          units groups counts
        0     3       nl, nl, anders     0     anders 1
        1     1       nl             →   0     nl     2
                                         1     nl     1

    Takes: the names of the subgroups; triples of a unit, a subgroup by place, and how many of the unit's
    pupils are in it.
    Refuses (as a defect): labels of another number than the units or pupils they are for.
    """

    names: tuple[str, ...]
    units: IntArray
    groups: IntArray
    counts: IntArray

    @classmethod
    def from_unit_labels(cls, histogram: Histogram, labels: Labels) -> Subgroups:
        """Takes: a label per unit, in the order of the units."""
        if len(labels) != histogram.units:
            raise ValueError("every unit needs a label")
        names, groups = np.unique(np.asarray(labels, dtype=np.str_), return_inverse=True)
        shown = tuple(names.tolist())
        return cls(shown, np.arange(histogram.units), groups.astype(np.int64), histogram.counts)

    @classmethod
    def from_pupil_labels(cls, histogram: Histogram, labels: Labels) -> Subgroups:
        """Takes: a label per pupil, in the order in which the pupils were counted."""
        if not len(labels) == len(histogram.unit_of_pupil) == histogram.pupils:
            raise ValueError("every pupil needs a label, and the histogram must know its pupils one by one")
        names, groups = np.unique(np.asarray(labels, dtype=np.str_), return_inverse=True)
        width = max(len(names), 1)
        cells, counts = np.unique(histogram.unit_of_pupil * width + groups, return_counts=True)
        return cls(tuple(names.tolist()), cells // width, cells % width, counts.astype(np.int64))

    @classmethod
    def by_school_size(cls, histogram: Histogram, begins: Sequence[int] = SCHOOL_SIZE_BOUNDARIES) -> Subgroups:
        """By the size of the home school, counted in pupils of this cohort, suppressed ones included.

        Takes: the sizes at which a next class of sizes begins, ascending.
        Refuses: sizes that do not ascend from 1 or more, data without schools.
        """
        if problems := _size_problems(histogram, begins):
            raise ConfigurationRefused(*problems)
        _, school = np.unique(histogram.schools, return_inverse=True)
        pupils = np.bincount(school, histogram.counts).astype(np.int64)
        of_school = np.searchsorted(np.array(begins, dtype=np.int64), pupils, side="right")
        middle = [f"{low} to {high - 1}" for low, high in pairwise(begins)]
        names = (f"under {begins[0]}", *middle, f"{begins[-1]} or more")
        return cls(names, np.arange(histogram.units), of_school[school].astype(np.int64), histogram.counts)


@dataclass(frozen=True)
class SubgroupUtility:
    """What a recoding does to one subgroup, exactly: restricted. `as_dict` is what may be shown.

    Takes: its pupils; those suppressed; per column, by level, those who show a value of that level; the mean
    loss over its records and all columns, a suppressed record counting 1 in each.
    """

    name: str
    pupils: int
    suppressed: int
    cells: tuple[tuple[int, ...], ...]
    mean_loss: float

    def as_dict(self, columns: Sequence[str]) -> dict[str, Any]:
        """Counts hidden when small, else rounded; shares and loss in whole per cents, hidden with them."""
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
    """What a recoding does to each subgroup, in the order of their names or sizes."""

    columns: tuple[str, ...]
    subgroups: tuple[SubgroupUtility, ...]

    @classmethod
    def from_recoding(cls, histogram: Histogram, recoding: Recoding, by: Subgroups) -> EquityReport:
        """Takes: the histogram that was searched, what the search found, and whom to compare."""
        trees = recoding.coding.hierarchies
        groups = len(by.names)
        pupils = _counted(by.groups, by.counts, groups)
        class_of = recoding.class_of[by.units]
        kept = np.flatnonzero(class_of >= 0)
        kept_group, kept_counts, kept_class = by.groups[kept], by.counts[kept], class_of[kept]
        suppressed = pupils - _counted(kept_group, kept_counts, groups)
        leaf_of = histogram.leaves(recoding.coding)
        cells, losses = [], np.zeros(groups)
        for column, tree in enumerate(trees):
            level = recoding.levels[kept_class, column].astype(np.int64)
            place = kept_group * tree.height + level
            cells.append(_counted(place, kept_counts, groups * tree.height).reshape(groups, tree.height))
            # Whole numbers of leaves, so that the sum does not depend on its order (see `loss`).
            sizes = np.stack([tree.group_sizes(at) for at in range(tree.height)])
            extra = sizes[level, leaf_of[column, by.units[kept]]] - 1
            lost = _counted(kept_group, kept_counts * extra, groups) / max(len(tree.leaves) - 1, 1)
            losses += (lost + suppressed) / np.maximum(pupils, 1)
        rows = tuple(
            SubgroupUtility(
                name=name,
                pupils=int(pupils[group]),
                suppressed=int(suppressed[group]),
                cells=tuple(tuple(at[group].tolist()) for at in cells),
                mean_loss=float(losses[group]) / len(trees),
            )
            for group, name in enumerate(by.names)
        )
        return cls(tuple(tree.name for tree in trees), rows)

    def as_dict(self) -> dict[str, Any]:
        """For JSON, and fit to show to everybody."""
        return {
            "note": f"null = {HIDDEN_COUNT_LIMIT} pupils or fewer; others rounded to {COUNT_ROUNDING_STEP}, "
            "and shares of rounded counts to whole per cents",
            "subgroups": [row.as_dict(self.columns) for row in self.subgroups],
        }


def _counted(place: IntArray, counts: IntArray, places: int) -> IntArray:
    return np.bincount(place, counts, minlength=places).astype(np.int64)


def _size_problems(histogram: Histogram, begins: Sequence[int]) -> list[str]:
    problems = []
    ascending = all(low < high for low, high in pairwise(begins))
    if not begins or begins[0] < 1 or not ascending:
        problems.append(
            describe_problem(
                "ascending sizes of schools, from 1",
                example=", ".join(map(str, SCHOOL_SIZE_BOUNDARIES)),
                found="others" if begins else "none",
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
