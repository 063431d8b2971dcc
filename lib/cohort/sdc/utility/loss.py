"""What a recoding costs the researcher, counted as ARX counts it.

Per column x = (Σ over records of share − N/D) / (N − N/D), where share = leaves under the released
value / D, D = number of leaves, N = number of records; a suppressed record has share 1 (Prasser,
Kohlmayer and Kuhn, 2014, after Iyengar, 2002). With share = size/D this is
x = Σ (size − 1) / (N · (D − 1)): sums of whole numbers, so that equal recodings have equal losses to
the last digit, in whatever order their records are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
import numpy.typing as npt

from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.model.arrays import BoolArray, FloatArray, IntArray
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy

ObjectiveName = Literal["geometric", "mean", "class-size", "discernibility", "entropy"]
"""Every number that a global search can make small; the first two are made of the losses of this file."""

_TABLE = 1 << 13
"""Tables up to this size stay in the processor's cache."""


@dataclass(frozen=True)
class InformationLoss:
    """The loss of one release, between 0 (nothing generalised) and 1 (nothing left)."""

    mean: float
    geometric: float


def record_losses(hierarchy: Hierarchy) -> FloatArray:
    """The loss of one record at each `[level, leaf]`: (share − 1/D) / (1 − 1/D), and 0 where D = 1."""
    return _extra_leaves(hierarchy) / _most_extra(hierarchy)


def level_losses(hierarchy: Hierarchy, kept: npt.NDArray[np.int64], suppressed: int) -> FloatArray:
    """The loss x of one column at each of its levels.

    Takes: the number of records kept, per leaf, and the number of records suppressed.
    """
    return _level_losses(_extra_leaves(hierarchy), _most_extra(hierarchy), kept, suppressed)


def _level_losses(extra: IntArray, most: int, kept: IntArray, suppressed: int) -> FloatArray:
    records = int(kept.sum()) + suppressed
    lost: IntArray = extra @ kept
    return (lost + suppressed * most) / float(most * records)


@dataclass(frozen=True)
class WeightedLoss:
    """How the losses of the columns become the one number that a search makes small.

    Both kinds are monotone in a sum over the columns, the *score*: mean loss = Σ w·x, geometric
    loss = Π (1 + x)^w − 1 = exp(Σ w·log(1 + x)) − 1, with w the column's part of all weights.

    Takes: the kind, and a weight per column (a column of weight 0 costs nothing).
    Refuses: another kind, a negative or infinite weight, weights that are all 0.
    """

    kind: str
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        problems = []
        if self.kind not in ("geometric", "mean"):
            problems.append(
                describe_problem(
                    "a loss by name",
                    example="`geometric` or `mean`",
                    found="another name",
                    where="the recoding's loss",
                    do="Name one of the two",
                )
            )
        weights = np.array(self.weights, dtype=np.float64)
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
            problems.append(
                describe_problem(
                    "weights of 0 or more, not all 0",
                    example="1 for every column, 2 for one that matters twice as much",
                    found="others",
                    where="the recoding's weights",
                    do="Correct the weights",
                )
            )
        if problems:
            raise ConfigurationRefused(*problems)

    @classmethod
    def for_columns(cls, kind: str, columns: int, weights: Sequence[float] | None = None) -> WeightedLoss:
        """Refuses: another number of weights than of columns."""
        chosen = tuple(weights) if weights is not None else (1.0,) * columns
        if len(chosen) != columns:
            raise ConfigurationRefused(
                describe_problem(
                    f"{columns} weights, one per column",
                    example="1 for every column",
                    found=str(len(chosen)),
                    where="the recoding's weights",
                    do="Give every quasi-identifier a weight",
                )
            )
        return cls(kind, chosen)

    def scores(self, losses: Sequence[FloatArray]) -> list[FloatArray]:
        """What each column adds to the score, for each of the losses given."""
        parts = [weight / sum(self.weights) for weight in self.weights]
        return [part * (np.log1p(x) if self.kind == "geometric" else x) for part, x in zip(parts, losses, strict=True)]

    def total_loss(self, losses: Sequence[float]) -> InformationLoss:
        """Both losses of a release, from its loss per column."""
        parts = np.array(self.weights) / sum(self.weights)
        columns = np.array(losses, dtype=np.float64)
        mean = float(parts @ columns)
        return InformationLoss(mean, float(np.expm1(parts @ np.log1p(columns))))


class LeafCounts:
    """The pupils per leaf of every column, whoever is asked for.

    Takes: the coding, the distinct codes, and the number of pupils with each.
    Gives: `everybody`, per column the pupils with each leaf; `codes`, how many distinct ones there are.
    """

    def __init__(self, coding: Coding, codes: IntArray, pupils: FloatArray) -> None:
        self._pupils, self.codes = pupils, codes.shape[1]
        # Columns of few leaves are counted together, as one small table of all their combinations.
        self._tables: list[tuple[tuple[int, ...], IntArray]] = []
        for column, hierarchy in enumerate(coding.hierarchies):
            leaf, leaves = coding.column_leaves(codes, column), len(hierarchy.leaves)
            shape, place = self._tables[-1] if self._tables else ((), leaf)
            if shape and prod(shape) * leaves <= _TABLE:
                self._tables[-1] = (*shape, leaves), place * leaves + leaf
            else:
                self._tables.append(((leaves,), leaf))
        self.everybody = self._counted(np.arange(self.codes))

    def split_by_release(self, released: BoolArray) -> tuple[list[IntArray], list[IntArray], int]:
        """Gives: the pupils released and those suppressed, per leaf of each column; how many are suppressed.

        Takes: the distinct codes that are released.
        """
        least = 2 * np.count_nonzero(released) < len(released)
        counted = self._counted(np.flatnonzero(released if least else ~released))
        others = [at - some for at, some in zip(self.everybody, counted, strict=True)]
        kept, gone = (counted, others) if least else (others, counted)
        return kept, gone, int(gone[0].sum())

    def _counted(self, chosen: IntArray) -> list[IntArray]:
        """For each column the chosen pupils per leaf."""
        pupils = self._pupils[chosen]
        counts = []
        for shape, place in self._tables:
            table = np.bincount(place[chosen], pupils, minlength=prod(shape))
            for leaves in shape:
                table = table.reshape(leaves, -1)
                counts.append(table.sum(axis=1))
                table = table.sum(axis=0)
        return [count.astype(np.int64) for count in counts]


class ColumnLosses:
    """The loss of every column at every level, whoever is released."""

    def __init__(self, coding: Coding, marginals: LeafCounts) -> None:
        self._marginals = marginals
        self._extra = [(_extra_leaves(tree), _most_extra(tree)) for tree in coding.hierarchies]

    def losses(self, released: BoolArray) -> list[FloatArray]:
        """The loss x of each column, by level, when only these of the distinct codes are released."""
        kept, _, suppressed = self._marginals.split_by_release(released)
        columns = zip(self._extra, kept, strict=True)
        return [_level_losses(extra, most, left, suppressed) for (extra, most), left in columns]


def _extra_leaves(hierarchy: Hierarchy) -> npt.NDArray[np.int64]:
    """By how many leaves each released value is vaguer than the leaf itself, `[level, leaf]`."""
    return np.stack([hierarchy.group_sizes(level) - 1 for level in range(hierarchy.height)])


def _most_extra(hierarchy: Hierarchy) -> int:
    return max(len(hierarchy.leaves) - 1, 1)
