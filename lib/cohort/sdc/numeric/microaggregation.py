"""A numeric measure released as the mean of its class, where no school can take its own pupils out of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.arrays import BoolArray, IntArray
from cohort.sdc.privacy_models.thresholds import whole_number_problems

Pairs = tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]

_ROOM = 1 << 62


@dataclass(frozen=True, eq=False)
class ClassMeans:
    """The means of a measure by class, and what they cost. Counts and sums are exact: they stay restricted.

    Takes: per class the mean, a whole number of the measure's unit (0 where none is given), and whether it is
    given; the classes without; the pupils with a value that is not shown for it. Of the pupils with a value
    and a mean: the sum of the values, the sum of the means, and the part of the values' variance that lay
    inside classes and is lost, to three decimals (0 where there was none).
    """

    means: IntArray
    has_mean: BoolArray
    classes_without: int
    pupils_without: int
    sum_before: int
    sum_after: int
    variance_lost: float


@dataclass(frozen=True)
class Microaggregation:
    """A class shows the rounded mean of its values instead of each: microaggregation (Defays and Nanopoulos,
    1993; Domingo-Ferrer and Torra, 2005), with the equivalence classes for groups.

        class  school  values    step 10, k_others 3, m 3
        p      A       40 50     mean 43.4 → 40; without A there are 3 pupils of 2 schools
        p      B       30 60
        p      C       37
        q      A       40 50     none: without A there are 2 pupils
        q      B       30 60

    The mean is given only where at least k_others pupils of m − 1 home schools are left, whichever school
    takes away the pupils it delivered for (the largest and any other); only pupils with a value count. What
    that school can work out is then a sum over those left. All pupils of the class show the mean, also those
    without a value: a gap would set them apart.

    Takes: the step in the measure's unit; k_others, at least 2 (one other pupil's value could be worked out);
    m, at least 2.
    Refuses: other numbers, all at once.
    """

    step: int
    k_others: int
    m: int

    def __post_init__(self) -> None:
        asked = [
            (1, self.step, "step that a mean is rounded to", "10"),
            (2, self.k_others, "number of pupils besides those of one school (k_others)", "5"),
            (2, self.m, "number of schools per mean (m)", "5"),
        ]
        where = "the microaggregation"
        problems = [
            problem
            for least, value, what, example in asked
            for problem in whole_number_problems(least, value, what, example=example, where=where)
        ]
        if problems:
            raise ConfigurationRefused(*problems)

    def compute_means(
        self,
        values: IntArray,
        class_of: npt.NDArray[np.integer],
        classes: int,
        homes: npt.NDArray[np.integer],
        *,
        known: BoolArray | None = None,
        others: Pairs | None = None,
    ) -> ClassMeans:
        """The means of the classes, the same in whatever order the pupils come.

        Takes: per pupil the value, a whole number of the measure's unit, its class (from 0; −1 where it is
        suppressed), its home school; how many classes there are; which values are no null (all); pairs of a
        pupil and a further school that delivered a value for it, each other than the home school.
        Refuses (as a defect): values so large that their sum is no int64.
        """
        shown = class_of >= 0 if known is None else (class_of >= 0) & known
        pupil = np.flatnonzero(shown)
        of, chosen = class_of[pupil].astype(np.int64), values[pupil].astype(np.int64)
        largest = max(abs(int(chosen.max(initial=0))), abs(int(chosen.min(initial=0)))) + self.step
        if largest * (2 * len(chosen) + 1) >= _ROOM:
            raise ValueError("the values of a measure are too large to be summed in whole numbers")
        pupils = np.bincount(of, minlength=classes).astype(np.int64)
        sums = np.zeros(classes, dtype=np.int64)
        np.add.at(sums, of, chosen)
        given = self._enough_elsewhere(pupils, of, homes[pupil], _moved(pupil, len(shown), others))
        means = np.zeros(classes, dtype=np.int64)
        means[given] = round_mean_to_step(sums[given], pupils[given], self.step)
        return ClassMeans(
            means=means,
            has_mean=given,
            classes_without=int(np.count_nonzero(~given)),
            pupils_without=int(pupils[~given].sum()),
            sum_before=int(sums[given].sum()),
            sum_after=int((means * pupils)[given].sum()),
            variance_lost=_variance_lost(chosen, of, sums, pupils, given),
        )

    def _enough_elsewhere(
        self, pupils: IntArray, of: IntArray, homes: npt.NDArray[np.integer], others: Pairs
    ) -> BoolArray:
        """The classes that keep enough pupils of enough home schools, whichever school takes its own away."""
        moved, further = others
        names, number = np.unique(np.concatenate((homes, further)), return_inverse=True)
        number, width = number.reshape(-1).astype(np.int64), max(len(names), 1)
        # A cell is a class and a school: class · width + school.
        home_of = of * width + number[: len(homes)]
        also_at = number[len(homes) :]
        delivered, members = np.unique(np.concatenate((home_of, of[moved] * width + also_at)), return_counts=True)
        most = _most(delivered // width, members, len(pupils))
        home, residents = np.unique(home_of, return_counts=True)
        schools = np.bincount(home // width, minlength=len(pupils))
        # A school takes its own home cell away, and each other one whose pupils it all delivered for too.
        pair, known_too = np.unique(np.searchsorted(home, home_of[moved]) * width + also_at, return_counts=True)
        emptied, by = np.divmod(pair, width)
        whole = known_too == residents[emptied]
        taken_too = home[emptied[whole]] // width * width + by[whole]
        taking, lost = np.unique(np.concatenate((home, taken_too)), return_counts=True)
        left = schools - _most(taking // width, lost, len(pupils))
        return (pupils - most >= self.k_others) & (left >= self.m - 1)


def round_mean_to_step(sums: IntArray, pupils: IntArray, step: int) -> IntArray:
    """The mean to the nearest multiple of the step, in whole numbers; from the middle between two to the even
    one, so that sums of means are not driven one way."""
    unit = pupils * step
    steps, rest = np.divmod(sums, unit)
    steps += (2 * rest > unit) | ((2 * rest == unit) & (steps % 2 == 1))
    return steps * step


def _most(of: IntArray, numbers: IntArray, classes: int) -> IntArray:
    """The largest of the numbers of each class; 0 where it has none."""
    largest = np.zeros(classes, dtype=np.int64)
    np.maximum.at(largest, of, numbers)
    return largest


def _moved(pupil: IntArray, pupils: int, others: Pairs | None) -> Pairs:
    """The pairs of those chosen, by their place among them."""
    if others is None:
        return np.empty(0, np.int64), np.empty(0, np.int32)
    place = np.full(pupils, -1, dtype=np.int64)
    place[pupil] = np.arange(len(pupil))
    kept = place[others[0]] >= 0
    return place[others[0][kept]], others[1][kept]


def _variance_lost(values: IntArray, of: IntArray, sums: IntArray, pupils: IntArray, given: BoolArray) -> float:
    """Σ (value − class mean)² / Σ (value − mean)² over the pupils whose class has a mean, not rounded."""
    shown = given[of]
    if not shown.any():
        return 0.0
    values, of = values[shown], of[shown]
    inside = _sum_of_squares(values - sums[of] / pupils[of])
    all_in_all = _sum_of_squares(values - sums[given].sum() / pupils[given].sum())
    return round(inside / all_in_all, 3) if all_in_all else 0.0


def _sum_of_squares(deviations: npt.NDArray[np.float64]) -> float:
    """Summed in order of size, so that the order of the pupils plays no part."""
    return float(np.sort(deviations**2).sum())
