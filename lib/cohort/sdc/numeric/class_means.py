"""Class means: the mean of the exact scores of an equivalence class, rounded, only where it gives nobody away.

In go sums per class; out comes a rounded mean per class, or none. No pupil is known here. Scores are whole numbers of
the unit of their column (a hundredth of a point, or a point); means and their step are hundredths of a point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cohort.sdc.model import BoolArray, IntArray
from cohort.sdc.numeric.microaggregation import round_mean_to_step

HUNDREDTHS = 100
"""The hundredths of a point."""
KEPT_SHARE = 10
"""Every score keeps this part of the scale, one tenth, or the whole of its label where that is narrower."""


@dataclass(frozen=True, eq=False)
class ClassScores:
    """The scores of one column, summed by class over the pupils with a score.

    Args:
        pupils: how many pupils of the class have a score.
        sums: the sum of their scores.
        lowest: the lowest score that the label of the class allows.
        highest: the highest one.
        has_bounds: whether there are a lowest and a highest one; without, the other two mean nothing.
        all_within: whether the scores of all pupils lie between the two.
        known_above: the most by which the pupils that one school board knows are together above `lowest`.
        known_below: the most by which they are together below `highest`.
    """

    pupils: IntArray
    sums: IntArray
    lowest: IntArray
    highest: IntArray
    has_bounds: BoolArray
    all_within: BoolArray
    known_above: IntArray
    known_below: IntArray


@dataclass(frozen=True)
class ClassMeanRule:
    """When a class shows the mean of its scores, and how it is rounded.

    A board takes the scores of its own pupils from the sum that follows from the mean. Of the q pupils who are left,
    each one has at least what remains if all others have the highest score of the label, and at most what remains if
    all others have the lowest. A class shows its mean only if every board leaves every such pupil as many possible
    scores as a tenth of the scale has, or as the label itself allows. What holds for a board holds for its schools.

        label 40 to 60, ten pupils, step 2 of a scale of 200: sum 490 to 510 for a mean of 50
        board knows 40 + 40 + 40 + 40 + 40   the other five: together 290 to 310, so above 50 each: no mean
        board knows 50 + 50                  the other eight: together 390 to 410, each from 40 to 60

    Source: the project's own rule; the attack is that of Sweeney and of Dinur and Nissim on sums, with bounded values.

    Args:
        step: what means are rounded to, in hundredths.
        unit: by what a score in points is multiplied: 1, or 100.
        scale: the width of the scale in points.
        k: the fewest pupils with a score.
    """

    step: int
    unit: int
    scale: int
    k: int

    def __post_init__(self) -> None:
        if min(self.step, self.scale, self.k) < 1 or self.unit not in (1, HUNDREDTHS):
            raise ValueError("a rule of class means has a step, a scale and k of at least 1, and a unit of 1 or 100")

    def round_means(self, scores: ClassScores) -> IntArray:
        """Return the rounded mean of each class in hundredths; 0 where no pupil has a score."""
        means = np.zeros(len(scores.pupils), dtype=np.int64)
        filled = scores.pupils > 0
        sums = scores.sums[filled] * (HUNDREDTHS // self.unit)
        means[filled] = round_mean_to_step(sums, scores.pupils[filled], self.step)
        return means

    def bound_sums(self, means: IntArray, pupils: IntArray) -> tuple[IntArray, IntArray]:
        """Return the lowest and the highest sum of scores that a rounded mean leaves possible.

        Ties are rounded to even multiples of the step, so an odd multiple excludes both ends.
        """
        denominator = 2 * HUNDREDTHS // self.unit
        low, high = (pupils * (2 * means + side * self.step) for side in (-1, 1))
        excluded = means // self.step % 2 == 1
        lowest = -(-low // denominator) + (excluded & (low % denominator == 0))
        highest = high // denominator - (excluded & (high % denominator == 0))
        return lowest, highest

    def count_kept(self, scores: ClassScores) -> IntArray:
        """Return how many scores remain possible, per class, for the pupil who keeps the fewest.

        The two ends are those of the boards that bound them best, which need not be one board: fewer than any board
        finds, never more.
        """
        lowest_sum, highest_sum = self.bound_sums(self.round_means(scores), scores.pupils)
        others = np.maximum(scores.pupils - 1, 0)
        low = np.maximum(scores.lowest, lowest_sum + scores.known_below - others * scores.highest)
        high = np.minimum(scores.highest, highest_sum - scores.known_above - others * scores.lowest)
        kept: IntArray = np.maximum(high - low + 1, 0)
        return kept

    def required(self, scores: ClassScores) -> IntArray:
        """Return how many scores must remain possible, per class."""
        tenth = -(-self.scale * self.unit // KEPT_SHARE)
        required: IntArray = np.minimum(scores.highest - scores.lowest + 1, tenth)
        return required

    def find_shown(self, scores: ClassScores) -> BoolArray:
        """Return which classes show their mean."""
        known = scores.has_bounds & scores.all_within & (scores.pupils >= self.k)
        shown: BoolArray = known & (self.count_kept(scores) >= self.required(scores))
        return shown


def find_comparable(
    means_before: IntArray, shown_before: BoolArray, means: IntArray, is_unchanged: BoolArray
) -> BoolArray:
    """Return which classes of a re-release may show their mean, beside that of the release before.

    Two means of one class with other pupils bound the scores of those who left or came. So a class shows a mean only
    with the very same pupils, and only the very same mean; one that showed none before shows none again.

    Args:
        means_before: the mean of each class in the release before, in hundredths.
        shown_before: whether it was shown.
        means: the mean of each class now.
        is_unchanged: whether the class has the very same pupils.
    """
    comparable: BoolArray = shown_before & is_unchanged & (means == means_before)
    return comparable
