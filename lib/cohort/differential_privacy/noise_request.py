"""A request for figures with noise: whose privacy is protected, how much of it is spent, what a useful figure is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from cohort.foundation import ConfigurationRefused, describe_problem

WHERE = "the publication with method = 'noise'"
Mechanism = Literal["laplace", "geometric"]
EPSILON_PLACES = 6


@dataclass(frozen=True)
class PrivacyUnit:
    """Whose contribution the noise hides.

    Args:
        kind: one pupil in a school year, or one school with all of its pupils.
        contributions: of a pupil, the largest number of cells of one table that it counts in (1 where the cells
            divide the pupils); of a school, the largest number of its pupils that count, the rest being clipped.
    """

    kind: Literal["pupil", "school"]
    contributions: int

    def __post_init__(self) -> None:
        if self.kind not in ("pupil", "school") or self.contributions < 1:
            raise refuse_request(
                "a unit of privacy", "pupil, in 1 cell", "another", "Declare pupil or school, and 1 or more"
            )

    @property
    def pupil_loss(self) -> int:
        """How often the epsilon counts for one pupil.

        A pupil changes its school's contribution: the school as it was goes, another comes, which is twice epsilon.
        """
        return 1 if self.kind == "pupil" else 2


@dataclass(frozen=True)
class ScoreBounds:
    """The lowest and highest score of a scale, in hundredths of a point: declared, never taken from the data."""

    lowest: int
    highest: int

    def __post_init__(self) -> None:
        if not self.lowest < self.highest:
            raise refuse_request("a scale", "0 to 150 points", "one that ends where it begins", "Correct the bounds")

    @property
    def half_range(self) -> float:
        """Half of the scale, in points."""
        return (self.highest - self.lowest) / 200

    @property
    def middle(self) -> float:
        """The middle of the scale, in points."""
        return (self.highest + self.lowest) / 200


@dataclass(frozen=True)
class NoiseRequest:
    """One table and measure to draw with noise.

    Args:
        identifier: of publication, edition, table and measure; the same identifier is drawn once.
        cells: the names of the cells in the order of the arrays, also of those that turn out empty. Which cells there
            are is public, and never taken from the data.
        unit: whose privacy is protected.
        epsilon: how much of it is spent; of means, half on the counts and half on the sums.
        mechanism: the noise of the counts: "laplace", or "geometric" for whole numbers.
        school_years: the school years that the pupils are of; epsilon is spent in each.
        population: the leaves that the pupils have, per variable that restricts them; empty for all pupils.
        largest_error: a table is refused when the error of a cell is over this in one of 20 cells: in pupils for
            counts, in points for means.
        bounds: of the scores, for means.
        smallest_cell: for means: a mean of fewer pupils (by the noisy count) is not given, and the largest error is
            that of a cell of so many.
    """

    identifier: str
    cells: tuple[str, ...]
    unit: PrivacyUnit
    epsilon: Decimal
    mechanism: Mechanism
    school_years: tuple[str, ...]
    population: Mapping[str, frozenset[str]]
    largest_error: Decimal
    bounds: ScoreBounds | None = None
    smallest_cell: int | None = None

    def __post_init__(self) -> None:
        self._check_amounts()
        if not self.identifier or not self.cells or len(set(self.cells)) < len(self.cells):
            raise refuse_request(
                "a name, and cells of different names", "leerlingen/1/regio", "none, or twice", "Name them"
            )
        if not self.school_years or len(set(self.school_years)) < len(self.school_years):
            raise refuse_request("the school years, each once", "2024-2025", "none, or one twice", "Name them")
        if any(not leaves for leaves in self.population.values()):
            raise refuse_request(
                "leaves of each variable of the population", "7 and 8", "none", "Name them, or leave out the variable"
            )
        if (self.bounds is None) != (self.smallest_cell is None) or (
            self.smallest_cell is not None and self.smallest_cell < 1
        ):
            raise refuse_request(
                "for means, bounds and the smallest cell, 1 or more",
                "0 to 150 points, 50 pupils",
                "one of both",
                "Declare both",
            )

    def _check_amounts(self) -> None:
        exponent = self.epsilon.as_tuple().exponent if self.epsilon.is_finite() else 0
        if not self.epsilon.is_finite() or self.epsilon <= 0 or int(exponent) < -EPSILON_PLACES:
            raise refuse_request("an epsilon over 0, of at most 6 decimals", "0.1", "another", "Declare one")
        if not self.largest_error.is_finite() or self.largest_error <= 0:
            raise refuse_request("a largest error over 0", "10 pupils", "another", "Declare one")
        if self.mechanism not in ("laplace", "geometric"):
            raise refuse_request("a mechanism", "geometric", "another", "Declare laplace or geometric")

    @property
    def count_scale(self) -> float:
        """The scale of the noise of each count, in pupils."""
        return self.unit.contributions / float(self.epsilon if self.bounds is None else self.epsilon / 2)

    @property
    def sum_scale(self) -> float:
        """The scale of the noise of each sum of distances from the middle of the scale, in points."""
        if self.bounds is None:
            raise ValueError("a request for counts has no sums")
        return self.unit.contributions * self.bounds.half_range / float(self.epsilon / 2)

    def digest(self) -> str:
        """The SHA-256 of everything that the request asks: whoever asks something else under its name is refused."""
        asked = [
            [self.identifier, list(self.cells), self.unit.kind, self.unit.contributions, str(self.epsilon.normalize())],
            [self.mechanism, sorted(self.school_years), {k: sorted(v) for k, v in sorted(self.population.items())}],
            [self.bounds and (self.bounds.lowest, self.bounds.highest), self.smallest_cell],
        ]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8")).hexdigest()


def refuse_request(what: str, example: str, found: str, do: str) -> ConfigurationRefused:
    """Make the refusal of a request that cannot be drawn."""
    return ConfigurationRefused(describe_problem(what, example=example, found=found, where=WHERE, do=do))
