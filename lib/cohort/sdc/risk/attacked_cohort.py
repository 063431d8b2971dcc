"""The cohort that an attack against a control half releases again, half by half.

The caller passes how some of the pupils are recoded, so that each half is released as the cohort itself was: global or
local, with the same constraints, on one population or on two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model import Coding, Histogram, Int32Array, IntArray, Recoding

MIN_PUPILS = 2
"""Each half has at least one pupil."""


@dataclass(frozen=True, eq=False)
class AttackedCohort:
    """Pupils with their exact values, and how some of them are recoded.

    Args:
        coding: the coding of the quasi-identifiers.
        codes: the code of each pupil, `[word, pupil]`. Halves and targets are drawn by position, so the pupils must be
            in an order that does not depend on the order of delivery, as `from_histogram` puts them.
        recode: searches a recoding of the pupils at these positions.

    Raises:
        ConfigurationRefused: fewer than two pupils.
    """

    coding: Coding
    codes: IntArray
    recode: Callable[[IntArray], Recoding]

    def __post_init__(self) -> None:
        if self.pupils < MIN_PUPILS:
            raise ConfigurationRefused(
                describe_problem(
                    f"at least {MIN_PUPILS} pupils, to be cut into a half that is released and its control",
                    example="a whole cohort",
                    found=str(self.pupils),
                    where="the cohort whose risk is measured",
                    do="Select more pupils",
                )
            )

    @classmethod
    def from_histogram(
        cls, histogram: Histogram, coding: Coding, search: Callable[[Histogram], Recoding]
    ) -> AttackedCohort:
        """A cohort in the order of its units.

        Args:
            histogram: the histogram that was searched.
            coding: the coding of the quasi-identifiers.
            search: the search of a histogram, for example `lambda half: search_local_recoding(half, request)`.
        """
        unit_of_pupil = np.repeat(np.arange(histogram.units), histogram.counts)
        return cls(
            coding,
            histogram.codes[:, unit_of_pupil],
            lambda pupils: search(_take_pupils(histogram, unit_of_pupil[pupils])),
        )

    @property
    def pupils(self) -> int:
        """The number of pupils."""
        return int(self.codes.shape[1])

    def leaves(self, pupils: IntArray) -> Int32Array:
        """The leaf number of every column of the pupils at these positions, `[column, pupil]`."""
        return self.coding.decode(self.codes[:, pupils])

    def draw_halves(self, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
        """Cut the cohort in two at random; each half in the order of the cohort."""
        order = rng.permutation(self.pupils)
        middle = self.pupils // 2
        return np.sort(order[:middle]), np.sort(order[middle:])


def _take_pupils(histogram: Histogram, unit_of_pupil: IntArray) -> Histogram:
    """The histogram of some pupils, given by the unit of each."""
    counts = np.bincount(unit_of_pupil, minlength=histogram.units).astype(np.int64)
    units = np.flatnonzero(counts)
    return replace(histogram.subset(units), counts=counts[units])
