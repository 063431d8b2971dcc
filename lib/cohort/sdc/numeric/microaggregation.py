"""Microaggregation: a numeric measure released as the rounded mean of its equivalence class.

In go the values of the pupils and their classes; out comes a mean per class, only where no school could derive from it
the values of a few pupils of other schools.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cohort.sdc.model import BoolArray, IntArray, sum_by_group
from cohort.sdc.privacy_models import refuse_wrong_whole_numbers

PupilSchoolPairs = tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]

"""The position of a pupil and the number of a school, for each pair."""

_LARGEST_SUM = 1 << 62


@dataclass(frozen=True, eq=False)
class ClassMeans:
    """The means of a measure by class, and their cost in exact counts and sums, which stay restricted.

    Args:
        means: per class the mean, a whole number of the measure's unit; 0 where there is none.
        has_mean: which classes have a mean.
        classes_without: the number of classes without a mean.
        pupils_without: the pupils with a value in these classes.
        sum_before: the sum of the values of the other pupils.
        sum_after: the sum of the means that replace them.
        variance_lost: the share of the variance of these values that lay within classes, to three decimals; 0 where
            there was none.
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
    """Microaggregation with the equivalence classes as groups.

    Source: Defays and Nanopoulos (1993); Domingo-Ferrer and Torra (2005).

        class  school  values    step 10, k_others 3, m 3
        p      A       40 50     mean 43.4 → 40; without A there are 3 pupils of 2 schools
        p      B       30 60
        p      C       37
        q      A       40 50     no mean: without A there are 2 pupils
        q      B       30 60

    A class has a mean only where at least k_others pupils of m − 1 home schools remain when any one school takes out
    the pupils it delivered for; only pupils with a value count. From the mean that school can derive no more than the
    sum of the values that remain. All pupils of the class get the mean, also those without a value, since a missing
    value would set them apart.

    Args:
        step: the unit of rounding, in the measure's unit.
        k_others: at least 2, since the value of a single other pupil could be derived.
        m: at least 2.

    Raises:
        ConfigurationRefused: for other numbers, all at once.
    """

    step: int
    k_others: int
    m: int

    def __post_init__(self) -> None:
        refuse_wrong_whole_numbers(
            [
                (1, self.step, "step that a mean is rounded to", "10"),
                (2, self.k_others, "number of pupils besides those of one school (k_others)", "5"),
                (2, self.m, "number of schools per mean (m)", "5"),
            ],
            where="the microaggregation",
        )

    def compute_means(
        self,
        values: IntArray,
        class_of: npt.NDArray[np.integer],
        classes: int,
        homes: npt.NDArray[np.integer],
        *,
        has_value: BoolArray | None = None,
        others: PupilSchoolPairs | None = None,
    ) -> ClassMeans:
        """Compute the means of the classes; the order of the pupils plays no part.

        Args:
            values: per pupil the value, a whole number of the measure's unit.
            class_of: per pupil the class, from 0; −1 for a suppressed pupil.
            classes: how many classes there are.
            homes: per pupil the number of the home school.
            has_value: which values are not null; None for all.
            others: a pupil and a further school that delivered a value of it, for each pair.

        Raises:
            ValueError: the values are so large that their sum does not fit an int64 (a defect).
        """
        included = class_of >= 0 if has_value is None else (class_of >= 0) & has_value
        pupil = np.flatnonzero(included)
        pupil_class, pupil_value = class_of[pupil].astype(np.int64), values[pupil].astype(np.int64)
        self._refuse_overflow(pupil_value)
        pupils = np.bincount(pupil_class, minlength=classes).astype(np.int64)
        sums = np.zeros(classes, dtype=np.int64)
        np.add.at(sums, pupil_class, pupil_value)
        further = _select_pairs(pupil, len(included), others)
        has_mean = self._has_enough_without_any_school(pupils, pupil_class, homes[pupil], further)
        means = np.zeros(classes, dtype=np.int64)
        means[has_mean] = round_mean_to_step(sums[has_mean], pupils[has_mean], self.step)
        return ClassMeans(
            means=means,
            has_mean=has_mean,
            classes_without=int(np.count_nonzero(~has_mean)),
            pupils_without=int(pupils[~has_mean].sum()),
            sum_before=int(sums[has_mean].sum()),
            sum_after=int((means * pupils)[has_mean].sum()),
            variance_lost=_share_of_variance_lost(pupil_value, pupil_class, sums, pupils, has_mean),
        )

    def _refuse_overflow(self, values: IntArray) -> None:
        largest = max(abs(int(values.max(initial=0))), abs(int(values.min(initial=0)))) + self.step
        if largest * (2 * len(values) + 1) >= _LARGEST_SUM:
            raise ValueError("the values of a measure are too large to be summed in whole numbers")

    def _has_enough_without_any_school(
        self, pupils: IntArray, pupil_class: IntArray, homes: npt.NDArray[np.integer], further: PupilSchoolPairs
    ) -> BoolArray:
        """Which classes keep enough pupils of enough home schools, whichever school takes out its own pupils."""
        moved, further_school = further
        distinct, school = np.unique(np.concatenate((homes, further_school)), return_inverse=True)
        school, width = school.reshape(-1).astype(np.int64), max(len(distinct), 1)
        # A cell is a class and a school: class · width + school.
        home_cell = pupil_class * width + school[: len(homes)]
        further_school = school[len(homes) :]
        cells_of_pupils = np.concatenate((home_cell, pupil_class[moved] * width + further_school))
        delivered_cells, delivered = np.unique(cells_of_pupils, return_counts=True)
        most_delivered = _largest_by_class(delivered_cells // width, delivered, len(pupils))
        home_cells, residents = np.unique(home_cell, return_counts=True)
        schools = sum_by_group(home_cells // width, np.ones(len(home_cells)), len(pupils))
        # A school takes out its own home cell, and each other one whose pupils it all delivered for too.
        pairs = np.searchsorted(home_cells, home_cell[moved]) * width + further_school
        pair, shared = np.unique(pairs, return_counts=True)
        emptied_cell, emptying_school = np.divmod(pair, width)
        is_emptied = shared == residents[emptied_cell]
        also_emptied = home_cells[emptied_cell[is_emptied]] // width * width + emptying_school[is_emptied]
        emptying, emptied = np.unique(np.concatenate((home_cells, also_emptied)), return_counts=True)
        remaining_schools = schools - _largest_by_class(emptying // width, emptied, len(pupils))
        return (pupils - most_delivered >= self.k_others) & (remaining_schools >= self.m - 1)


def round_mean_to_step(sums: IntArray, pupils: IntArray, step: int) -> IntArray:
    """Round the mean to the nearest multiple of the step, in whole numbers; a tie goes to the even multiple.

    Rounding ties to even keeps sums of means unbiased.
    """
    unit = pupils * step
    steps, rest = np.divmod(sums, unit)
    steps += (2 * rest > unit) | ((2 * rest == unit) & (steps % 2 == 1))
    return steps * step


def _largest_by_class(class_of: IntArray, numbers: IntArray, classes: int) -> IntArray:
    """The largest of the numbers of each class; 0 where it has none."""
    largest = np.zeros(classes, dtype=np.int64)
    np.maximum.at(largest, class_of, numbers)
    return largest


def _select_pairs(selected: IntArray, pupils: int, pairs: PupilSchoolPairs | None) -> PupilSchoolPairs:
    """The pairs of the selected pupils, each pupil by its position among the selected ones."""
    if pairs is None:
        return np.empty(0, np.int64), np.empty(0, np.int32)
    position = np.full(pupils, -1, dtype=np.int64)
    position[selected] = np.arange(len(selected))
    kept = position[pairs[0]] >= 0
    return position[pairs[0][kept]], pairs[1][kept]


def _share_of_variance_lost(
    values: IntArray, class_of: IntArray, sums: IntArray, pupils: IntArray, has_mean: BoolArray
) -> float:
    """Σ (value − class mean)² / Σ (value − mean)² over the pupils whose class has a mean, before rounding."""
    included = has_mean[class_of]
    if not included.any():
        return 0.0
    values, class_of = values[included], class_of[included]
    within_classes = _sum_of_squares(values - sums[class_of] / pupils[class_of])
    total = _sum_of_squares(values - sums[has_mean].sum() / pupils[has_mean].sum())
    return round(within_classes / total, 3) if total else 0.0


def _sum_of_squares(deviations: npt.NDArray[np.float64]) -> float:
    """Summed in order of size, so that the order of the pupils plays no part."""
    return float(np.sort(deviations**2).sum())
