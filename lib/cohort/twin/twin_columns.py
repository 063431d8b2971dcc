"""The columns of a twin: every label that its hierarchy has, in an order, with its place on the scale of the column.

In: a project's declared columns and their hierarchies. Nothing here knows which labels a table shows.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cohort.agreements import DeclaredColumn, Project, find_code_list
from cohort.sdc import UNKNOWN_VALUE, Hierarchy, parse_band_label

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
EVERYTHING_VALUE = "*"


@dataclass(frozen=True)
class TwinColumn:
    """A column with the labels of its hierarchy; a label is known by its place among them, from 0.

    Args:
        name: its name.
        labels: its labels: values in the order of the scale, narrow before wide, then `*` and `onbekend`.
        positions: the place of each label on the scale: of a band its middle, of other values the mean place of the
            leaves that it stands for; not a number for `*` and `onbekend`.
        ordered: whether the order of its values means something.
    """

    name: str
    labels: tuple[str, ...]
    positions: FloatArray
    ordered: bool

    @functools.cached_property
    def label_codes(self) -> Mapping[str, int]:
        """The code of every label."""
        return {label: code for code, label in enumerate(self.labels)}

    def code_of(self, label: str) -> int | None:
        """The code of a label, None where the column does not have it."""
        return self.label_codes.get(label)


def make_twin_columns(project: Project, hierarchies: Mapping[str, Hierarchy]) -> tuple[TwinColumn, ...]:
    """Make the columns of a twin, in the order of the project's declaration."""
    return tuple(_make_column(column, hierarchies[column.name]) for column in project.columns)


def is_ordered(column: DeclaredColumn) -> bool:
    """Whether the order of a column's values means something; the codebook says the same."""
    codes = find_code_list(column)
    return column.bands is not None or column.numeric or (codes is not None and codes.ordered)


def _make_column(column: DeclaredColumn, hierarchy: Hierarchy) -> TwinColumn:
    places = _place_leaves(hierarchy)
    means = dict[str, tuple[float, int]]()
    for level in range(hierarchy.height):
        groups = hierarchy.groups(level)
        known = ~np.isnan(places)
        sizes = np.bincount(groups[known], minlength=int(groups.max()) + 1)
        sums = np.bincount(groups[known], places[known], minlength=len(sizes))
        for label, group in zip(hierarchy.labels[level], groups.tolist(), strict=True):
            if label not in means and sizes[group]:
                means[label] = (float(sums[group] / sizes[group]), int(sizes[group]))
    shown = sorted((label for label in means if label not in (EVERYTHING_VALUE, UNKNOWN_VALUE)), key=means.__getitem__)
    occurring = {label for level in hierarchy.labels for label in level}
    labels = (*shown, *(label for label in (EVERYTHING_VALUE, UNKNOWN_VALUE) if label in occurring))
    positions = np.array([means[label][0] if label in shown else np.nan for label in labels])
    return TwinColumn(column.name, labels, positions, is_ordered(column))


def _place_leaves(hierarchy: Hierarchy) -> FloatArray:
    """The place of each leaf on the scale: the middle of its band, or its number; not a number for `onbekend`."""
    leaves = hierarchy.leaves
    bounds = [parse_band_label(leaf) if leaf != UNKNOWN_VALUE else None for leaf in leaves]
    if any(one is None for one, leaf in zip(bounds, leaves, strict=True) if leaf != UNKNOWN_VALUE):
        numbers = np.arange(len(leaves), dtype=np.float64)
        return np.where(np.array(leaves) == UNKNOWN_VALUE, np.nan, numbers)
    widths = [b.upper - b.lower for b in bounds if b is not None and b.lower is not None and b.upper is not None]
    half = float(np.median(widths)) / 2 if widths else 0.5
    places = []
    for one in bounds:
        lower, upper = (None, None) if one is None else (one.lower, one.upper)
        if lower is not None and upper is not None:
            places.append((lower + upper) / 2)
        elif lower is not None:
            places.append(lower + half)  # an open end is taken for as wide as a band
        else:
            places.append(np.nan if upper is None else upper - half)
    return np.array(places)
