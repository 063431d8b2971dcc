"""Information loss of a recoding, counted as ARX counts it.

A record that is released with a value standing for `size` of the D leaves of its column loses (size − 1) / (D − 1):
0 for an exact value, 1 for a value that stands for all leaves. A suppressed record loses 1. The loss of a column is
the mean over all N records, x = Σ (size − 1) / (N · (D − 1)) (Prasser, Kohlmayer and Kuhn, 2014, after Iyengar,
2002: x = (Σ share − N/D) / (N − N/D) with share = size/D). The numerators are sums of whole numbers, so equal
recodings have exactly equal losses, in whatever order their records are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model.arrays import FloatArray, IntArray
from cohort.sdc.model.hierarchy import Hierarchy


@dataclass(frozen=True)
class InformationLoss:
    """The loss over all columns, between 0 (nothing is generalised) and 1 (no information is left).

    Args:
        mean: the weighted mean of the losses of the columns.
        geometric: their weighted geometric mean, Π (1 + x)^w − 1.
    """

    mean: float
    geometric: float


@dataclass(frozen=True)
class WeightedLoss:
    """Combines the losses of the columns to one number, which a search minimises.

    Both kinds are monotone in a sum over the columns, the *score*: mean loss = Σ w·x, geometric loss = Π (1 + x)^w − 1
    = exp(Σ w·log(1 + x)) − 1, where w is the column's part of all weights.

    Args:
        kind: `mean` or `geometric`.
        weights: one per column; a column of weight 0 costs nothing.

    Raises:
        ConfigurationRefused: for another kind, a negative or infinite weight, weights that are all 0.
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
        """The weighted loss for a number of columns.

        Args:
            kind: `mean` or `geometric`.
            columns: how many columns there are.
            weights: one per column; None for equal weights.

        Raises:
            ConfigurationRefused: another number of weights than of columns.
        """
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

    @property
    def normalised_weights(self) -> list[float]:
        """Each column's part of all weights."""
        return [weight / sum(self.weights) for weight in self.weights]

    def scores(self, column_losses: Sequence[FloatArray]) -> list[FloatArray]:
        """What each column adds to the score, for each of its losses."""
        return [
            weight * (np.log1p(losses) if self.kind == "geometric" else losses)
            for weight, losses in zip(self.normalised_weights, column_losses, strict=True)
        ]

    def total_loss(self, column_losses: Sequence[float]) -> InformationLoss:
        """Both losses of a recoding, from the loss of each column."""
        parts = np.array(self.weights) / sum(self.weights)
        columns = np.array(column_losses, dtype=np.float64)
        mean = float(parts @ columns)
        return InformationLoss(mean, float(np.expm1(parts @ np.log1p(columns))))


def record_losses(hierarchy: Hierarchy) -> FloatArray:
    """The loss of one record at each `[level, leaf]`; 0 in a column with a single leaf."""
    return extra_leaves(hierarchy) / most_extra_leaves(hierarchy)


def extra_leaves(hierarchy: Hierarchy) -> IntArray:
    """How many leaves each generalised value stands for besides the record's own one, `[level, leaf]`."""
    return np.stack([hierarchy.group_sizes(level) - 1 for level in range(hierarchy.height)])


def most_extra_leaves(hierarchy: Hierarchy) -> int:
    """The extra leaves of a value that stands for all leaves, D − 1; 1 in a column with a single leaf."""
    return max(len(hierarchy.leaves) - 1, 1)
