"""Risk of re-identification of a recoding: prosecutor, journalist, marketer, and the chance of each kind of intruder.

In go the histogram that was searched and the recoding; out come exact figures for restricted records.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.arrays import BoolArray, IntArray
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.thresholds import whole_number_problems

POPULATION_ASSUMPTION = (
    "the whole cohort that was looked at, suppressed pupils included: a class stands for every pupil of it "
    "whose exact values lie under the released ones"
)


@dataclass(frozen=True)
class AttackerRisk:
    """The risk of the records under one attacker model; all 0 where nothing is released.

    Args:
        highest: the risk of the record at highest risk.
        mean: the mean over the records.
        at_risk: the share of the records at a higher risk than the threshold.
    """

    highest: float
    mean: float
    at_risk: float


@dataclass(frozen=True)
class ReidentificationRisk:
    """The risk of re-identification of a release under the three attacker models of the literature.

    Source: El Emam (2013), Guide to the De-Identification of Personal Health Information; counted as ARX counts it
    (Prasser and Kohlmayer, 2015).

    A released class j has f_j records, and F_j pupils of the population are compatible with it; n records
    are released in J classes; the threshold is 1/k.

    - prosecutor: knows that the target is in the release. Per record 1/f_j; mean J/n.
    - journalist: wants to recognise anybody, and knows the population only. Per record 1/F_j; mean the larger
      of J/ΣF_j (starting from a pupil) and Σ(f_j/F_j)/n (starting from a record).
    - marketer: wants to recognise as many as possible; the expected share of successes, Σ(f_j/F_j)/n.

    F_j depends on the assumed population, which is part of the result (`population`). In a global recoding that
    suppresses whole classes F_j = f_j; in a local one pupils of other classes can be compatible too.
    """

    k: int
    prosecutor: AttackerRisk
    journalist: AttackerRisk
    marketer: float
    population_pupils: int
    population: str = POPULATION_ASSUMPTION

    @classmethod
    def from_recoding(cls, histogram: Histogram, recoding: Recoding, k: int) -> ReidentificationRisk:
        """Measure the risk.

        Args:
            histogram: the histogram that was searched.
            recoding: the result of the search.
            k: a risk over 1/k is too high.

        Raises:
            ConfigurationRefused: k is no whole number of at least 1.
        """
        if problems := risk_threshold_problems(k):
            raise ConfigurationRefused(*problems)
        records, population = recoding.pupils, count_compatible_pupils(histogram, recoding)
        released = max(recoding.released_pupils, 1)
        expectation = float((records / population).sum()) / released
        by_pupil = recoding.classes / max(int(population.sum()), 1)
        return cls(
            k=k,
            prosecutor=_attacker_risk(records, records, recoding.classes / released, k),
            journalist=_attacker_risk(population, records, max(by_pupil, expectation), k),
            marketer=expectation,
            population_pupils=histogram.pupils,
        )

    def as_dict(self) -> dict[str, Any]:
        """The figures by name, for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class ReleasedValues:
    """The released values of each class, as the bits of a code that they determine.

    A pupil is compatible with a class when every released value is the pupil's exact value or an ancestor of it.
    Codes are paths, so that is the case when the pupil's code equals that of the class in the bits of its mask.

    Args:
        masks: the determined bits, `[word, class]`.
        codes: the masked codes, `[word, class]`.
    """

    masks: IntArray
    codes: IntArray

    @classmethod
    def from_recoding(cls, recoding: Recoding) -> ReleasedValues:
        coding = recoding.coding
        masks = np.zeros((coding.words, recoding.classes), dtype=np.int64)
        for column in range(coding.columns):
            masks[coding.column_words[column]] |= _column_masks(recoding, column)
        return cls(masks, coding.encode(list(recoding.leaves.T)) & masks)

    def compatible(self, codes: IntArray) -> BoolArray:
        """Which pupils are compatible with which classes, `[pupil, class]`, from the codes `[word, pupil]`."""
        compatible = np.ones((codes.shape[1], self.codes.shape[1]), dtype=np.bool_)
        for code, mask, released in zip(codes, self.masks, self.codes, strict=True):
            differing = code[:, np.newaxis] ^ released
            differing &= mask
            compatible &= differing == 0
        return compatible


def count_compatible_pupils(histogram: Histogram, recoding: Recoding) -> IntArray:
    """For each class, the pupils of the whole cohort, released or not, who are compatible with it.

    Classes are ordered by their labels. So for a class whose first columns have the same values as those of the class
    before, only the pupils compatible with these values are compared further.
    """
    released, columns = ReleasedValues.from_recoding(recoding), recoding.coding.columns
    masks = np.stack([_column_masks(recoding, column) for column in range(columns)])
    common_columns = _count_common_columns(recoding, released, masks)
    sizes = np.zeros(recoding.classes, dtype=np.int64)
    # Entry c has the codes and pupils that are compatible with the current class in its first c columns.
    compatible = [_distinct_codes(histogram)] * (columns + 1)
    for number, (with_class_before, with_class_after) in enumerate(pairwise(common_columns)):
        for column in range(with_class_before, with_class_after):
            word, mask = recoding.coding.column_words[column], masks[column, number]
            codes, pupils = compatible[column]
            agrees = (codes[word] & mask) == (released.codes[word, number] & mask)
            compatible[column + 1] = codes[:, agrees], pupils[agrees]
        codes, pupils = compatible[max(with_class_before, with_class_after)]
        agrees = np.ones(len(pupils), dtype=np.bool_)
        for code, mask, value in zip(codes, released.masks[:, number], released.codes[:, number], strict=True):
            agrees &= (code & mask) == value
        sizes[number] = pupils[agrees].sum()
    return sizes


def _column_masks(recoding: Recoding, column: int) -> IntArray:
    """For each class the bits of the column's word that its level in that column determines."""
    hierarchy = recoding.coding.hierarchies[column]
    mask_of_level = np.array([hierarchy.mask(level) for level in range(hierarchy.height)], dtype=np.int64)
    return mask_of_level[recoding.levels[:, column]] << recoding.coding.shifts[column]


def _count_common_columns(recoding: Recoding, released: ReleasedValues, masks: IntArray) -> list[int]:
    """How many first columns each class has in common with the class before; 0 before the first and after the last."""
    equal_so_far = np.ones(max(recoding.classes - 1, 0), dtype=np.bool_)
    common = np.zeros(recoding.classes + 1, dtype=np.int64)
    for column, mask in enumerate(masks):
        value = released.codes[recoding.coding.column_words[column]] & mask
        equal_so_far &= (mask[1:] == mask[:-1]) & (value[1:] == value[:-1])
        common[1:-1] += equal_so_far
    return [int(number) for number in common]


def _distinct_codes(histogram: Histogram) -> tuple[IntArray, IntArray]:
    """The distinct codes `[word, code]` and the pupils with each; units are in the order of their codes."""
    codes = histogram.codes
    is_first = np.ones(histogram.units, dtype=np.bool_)
    is_first[1:] = (codes[:, 1:] != codes[:, :-1]).any(axis=0)
    starts = np.flatnonzero(is_first)
    pupils = np.add.reduceat(histogram.counts, starts) if len(starts) else histogram.counts
    return codes[:, starts], pupils


def _attacker_risk(crowds: IntArray, records: IntArray, mean: float, k: int) -> AttackerRisk:
    """The risk where each of a class's records has a risk of 1/crowd, and the mean is known."""
    if not len(crowds):
        return AttackerRisk(0.0, 0.0, 0.0)
    in_small_crowds = int(records[crowds < k].sum())
    return AttackerRisk(1 / int(crowds.min()), mean, in_small_crowds / int(records.sum()))


KNOWN_CLASSMATES = (1, 2, 3)
"""How many other pupils of the class an intruder may know, as a parent of several children at the school does."""


@dataclass(frozen=True)
class IntruderChance:
    """The chance that one kind of intruder, who knows every released value of a pupil, picks the pupil's record.

    The intruder excludes the records that it knows to be of other pupils. Where a whole class is known the chance is 1.

    Args:
        left_at_least: the fewest records of a class that remain.
        chance_at_most: the highest chance to pick the right one.
        mean: the mean chance over the records.
        over: the share of the records with a chance over 1/k.
    """

    left_at_least: int
    chance_at_most: float
    mean: float
    over: float

    @classmethod
    def from_counts(cls, pupils: IntArray, remaining: IntArray, k: int) -> IntruderChance:
        """The chance, from the pupils of each class and how many of them remain to the intruder."""
        if not len(pupils):
            return cls(0, 0.0, 0.0, 0.0)
        remaining, released = np.maximum(remaining, 0), int(pupils.sum())
        chance = 1 / np.maximum(remaining, 1)
        mean = float((pupils * chance).sum() / released)
        over = int(pupils[remaining < k].sum()) / released
        return cls(int(remaining.min()), float(chance.max()), mean, over)


def measure_intruder_chances(
    pupils: IntArray, k: int, *, school: IntArray | None = None, board: IntArray | None = None
) -> dict[str, dict[str, Any]]:
    """The chance of each kind of intruder, since no single figure is true for all of them.

    Args:
        pupils: the pupils of each class.
        k: a chance over 1/k is too high.
        school: per class the pupils known to the school that knows most of them; None without schools.
        board: the same of boards; None without boards.

    Returns:
        An `IntruderChance` as a dictionary for a stranger; for somebody who knows one, two or three other pupils of
        the class (a parent of several); and for a school and a board that delivered nothing of the pupil and know
        their own pupils.
    """
    known = {"stranger": np.zeros_like(pupils)}
    known |= {_knows_others(number): np.full_like(pupils, number) for number in KNOWN_CLASSMATES}
    by_group = {"school": school, "board": board}
    known |= {intruder: largest for intruder, largest in by_group.items() if largest is not None}
    return {
        intruder: asdict(IntruderChance.from_counts(pupils, pupils - number, k)) for intruder, number in known.items()
    }


def bound_intruder_chances(
    smallest_class: int, without_largest_school: int, without_largest_board: int
) -> dict[str, dict[str, Any]]:
    """The fewest remaining records and the highest chance of each kind of intruder, from three counts of a release.

    Args:
        smallest_class: the pupils of the smallest class.
        without_largest_school: the fewest pupils of a class that remain without those of its largest school.
        without_largest_board: the same without its largest board.
    """
    remaining = {"stranger": smallest_class}
    remaining |= {_knows_others(number): smallest_class - number for number in KNOWN_CLASSMATES}
    remaining |= {"school": without_largest_school, "board": without_largest_board}
    return {
        intruder: {"left_at_least": max(number, 0), "chance_at_most": round(1 / max(number, 1), 4)}
        for intruder, number in remaining.items()
    }


def risk_threshold_problems(k: int, minimum: int = 1) -> list[str]:
    """Check the threshold k of a measure of risk; no message where it is right."""
    name = "number of pupils to measure risk by (k)"
    return whole_number_problems(minimum, k, name, example="10", where="the threshold of risk")


def _knows_others(number: int) -> str:
    return f"knows_{number}_other{'s' * (number > 1)}"
