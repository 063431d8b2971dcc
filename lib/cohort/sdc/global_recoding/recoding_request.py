"""What one search for a recoding must satisfy and minimise, as one value.

Global, local and partitioned searches take a `RecodingRequest` beside the histogram of a cohort. It holds no pupil,
refuses nonsense when it is built, and travels as it is to Spark executors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from fractions import Fraction
from functools import cached_property

from cohort.sdc.model import Coding, LevelVector, WeightedLoss
from cohort.sdc.privacy_models import ClassConstraint, parse_share, resolve_level_bounds


@dataclass(frozen=True)
class RecodingRequest:
    """Constraints, objective and level bounds of one search.

    Args:
        coding: the coding of the quasi-identifiers.
        constraints: what every released class must satisfy.
        objective: the name of what the search minimises: `geometric` or `mean` (information loss), and in global
            recoding also `class-size`, `discernibility` or `entropy`.
        suppression_limit: the share of the pupils that may be suppressed, 0 to 1; 1 is no limit.
        weights: the weight of each column; 1 for each where it is None.
        lowest: the finest level allowed per column; the leaves where it is None.
        highest: the coarsest level allowed per column; the top where it is None.

    Raises:
        ConfigurationRefused: a limit outside 0 to 1; another number of weights or levels than of columns; weights
            that are negative or all 0; levels outside the hierarchies.
    """

    coding: Coding
    constraints: Sequence[ClassConstraint]
    _: KW_ONLY
    objective: str
    suppression_limit: Fraction | float | str
    weights: Sequence[float] | None = None
    lowest: LevelVector | None = None
    highest: LevelVector | None = None

    def __post_init__(self) -> None:
        # Each is computed once here, so that a request with nonsense in it cannot be built.
        _ = self.max_suppressed_share, self.level_bounds, self.weighted_loss("mean")

    @cached_property
    def max_suppressed_share(self) -> Fraction:
        """The suppression limit, exactly as it was written."""
        return parse_share(self.suppression_limit, "part of the pupils that may be suppressed")

    @cached_property
    def level_bounds(self) -> tuple[LevelVector, LevelVector]:
        """The lowest and the highest allowed level of every column."""
        return resolve_level_bounds(self.coding, self.lowest, self.highest)

    def weighted_loss(self, kind: str) -> WeightedLoss:
        """The information loss of this kind (`mean` or `geometric`) under the weights of the columns."""
        return WeightedLoss.for_columns(kind, self.coding.columns, self.weights)
