"""How likely somebody is recognised: prosecutor, journalist, marketer, and what each intruder faces."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.model.arrays import BoolArray, IntArray
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding

POPULATION_ASSUMPTION = (
    "the whole cohort that was looked at, suppressed pupils included: a class stands for every pupil of it "
    "whose exact values lie under the released ones"
)


@dataclass(frozen=True)
class AttackerRisk:
    """Takes: the risk of the record at most risk; the mean over the records; the part of the records at more
    risk than the threshold. All are 0 where nothing is released."""

    highest: float
    mean: float
    at_risk: float


@dataclass(frozen=True)
class ReidentificationRisk:
    """The risk of re-identification of a release, by whom the intruder is after (El Emam, 2013, Guide to the
    De-Identification of Personal Health Information; as ARX counts it, Prasser and Kohlmayer, 2015).

    A released class j has f_j records, and F_j pupils of the population are compatible with it; n records
    are released in J classes; the threshold is 1/k.

    - prosecutor: knows that the target is in the release. Per record 1/f_j; mean J/n.
    - journalist: wants to recognise anybody, and knows the population only. Per record 1/F_j; mean the larger
      of J/ΣF_j and Σ(f_j/F_j)/n, whether he begins with a pupil or with a record.
    - marketer: wants to recognise as many as possible; the part that is expected to succeed, Σ(f_j/F_j)/n.

    F_j depends on the population assumed, so the value says which (`population`). In a global recoding that
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
        """Takes: the histogram that was searched, what the search found, and k: a risk over 1/k is too high.

        Refuses: a k under 1.
        """
        if problems := risk_threshold_problems(k):
            raise ConfigurationRefused(*problems)
        records, population = recoding.pupils, count_compatible_pupils(histogram, recoding)
        released = max(recoding.released_pupils, 1)
        expectation = float((records / population).sum()) / released
        by_pupil = recoding.classes / max(int(population.sum()), 1)
        return cls(
            k=k,
            prosecutor=_attack(records, records, recoding.classes / released, k),
            journalist=_attack(population, records, max(by_pupil, expectation), k),
            marketer=expectation,
            population_pupils=histogram.pupils,
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class ReleasedValues:
    """What each class shows, as the bits of a code that it fixes.

    A pupil is compatible with a class when every value shown is the pupil's exact value or an ancestor of it;
    since codes are paths, that is when the pupil's code agrees with the class's in the bits of its mask.

    Takes: the masks and the masked codes, `[word, class]`.
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
        """Which pupils, of the codes given (`[word, pupil]`), are compatible with which classes.

        Gives: flags `[pupil, class]`.
        """
        agrees = np.ones((codes.shape[1], self.codes.shape[1]), dtype=np.bool_)
        for code, mask, shown in zip(codes, self.masks, self.codes, strict=True):
            differing = code[:, np.newaxis] ^ shown
            differing &= mask
            agrees &= differing == 0
        return agrees


def _column_masks(recoding: Recoding, column: int) -> IntArray:
    """For each class the bits of the column's word that its level in that column fixes."""
    tree = recoding.coding.hierarchies[column]
    at_level = np.array([tree.mask(level) for level in range(tree.height)], dtype=np.int64)
    return at_level[recoding.levels[:, column]] << recoding.coding.shifts[column]


def count_compatible_pupils(histogram: Histogram, recoding: Recoding) -> IntArray:
    """For each class the pupils of the whole cohort, released or not, who are compatible with it.

    Classes stand in the order of their labels, so one that begins with the values of the class before it
    looks only at the pupils who were found compatible with these.
    """
    shown, columns = ReleasedValues.from_recoding(recoding), recoding.coding.columns
    masks = np.stack([_column_masks(recoding, column) for column in range(columns)])
    in_common = _columns_in_common(recoding, shown, masks)
    sizes = np.zeros(recoding.classes, dtype=np.int64)
    crowds = [_by_code(histogram)] * (columns + 1)
    for place, (before, after) in enumerate(pairwise(in_common)):
        for column in range(before, after):
            word, mask = recoding.coding.column_words[column], masks[column, place]
            codes, pupils = crowds[column]
            agrees = (codes[word] & mask) == (shown.codes[word, place] & mask)
            crowds[column + 1] = codes[:, agrees], pupils[agrees]
        codes, pupils = crowds[max(before, after)]
        agrees = np.ones(len(pupils), dtype=np.bool_)
        for code, mask, value in zip(codes, shown.masks[:, place], shown.codes[:, place], strict=True):
            agrees &= (code & mask) == value
        sizes[place] = pupils[agrees].sum()
    return sizes


def _columns_in_common(recoding: Recoding, shown: ReleasedValues, masks: IntArray) -> list[int]:
    """With how many columns each class begins like the one before it; 0 for the first, and after the last."""
    alike = np.ones(max(recoding.classes - 1, 0), dtype=np.bool_)
    common = np.zeros(recoding.classes + 1, dtype=np.int64)
    for column, mask in enumerate(masks):
        value = shown.codes[recoding.coding.column_words[column]] & mask
        alike &= (mask[1:] == mask[:-1]) & (value[1:] == value[:-1])
        common[1:-1] += alike
    return common.tolist()


def _by_code(histogram: Histogram) -> tuple[IntArray, IntArray]:
    """The distinct codes `[word, code]`, and the pupils with each: units are in the order of their codes."""
    codes = histogram.codes
    begins = np.ones(histogram.units, dtype=np.bool_)
    begins[1:] = (codes[:, 1:] != codes[:, :-1]).any(axis=0)
    starts = np.flatnonzero(begins)
    pupils = np.add.reduceat(histogram.counts, starts) if len(starts) else histogram.counts
    return codes[:, starts], pupils


def _attack(crowds: IntArray, records: IntArray, mean: float, k: int) -> AttackerRisk:
    """The risk 1/crowd of each record, of which a class has so many."""
    if not len(crowds):
        return AttackerRisk(0.0, 0.0, 0.0)
    too_few = int(records[crowds < k].sum())
    return AttackerRisk(1 / int(crowds.min()), mean, too_few / int(records.sum()))


KNOWN_CLASSMATES = (1, 2, 3)
"""How many others of the class somebody may know besides the pupil: a parent has two children at school."""


@dataclass(frozen=True)
class IntruderChance:
    """What one kind of intruder faces who knows every value of a pupil that is shown.

    Takes: how many records are left at least that could be the pupil's; the greatest chance to pick the right
    one; its mean over the records; the part of the records of which it is over 1/k. A class that the intruder
    knows whole has nobody left: the chance is 1 there.
    """

    left_at_least: int
    chance_at_most: float
    mean: float
    over: float

    @classmethod
    def from_counts(cls, pupils: IntArray, left: IntArray, k: int) -> IntruderChance:
        """Takes: per class its pupils, and how many of them are left to the intruder."""
        if not len(pupils):
            return cls(0, 0.0, 0.0, 0.0)
        there, released = np.maximum(left, 0), int(pupils.sum())
        chance = 1 / np.maximum(there, 1)
        mean, over = float((pupils * chance).sum() / released), int(pupils[there < k].sum()) / released
        return cls(int(there.min()), float(chance.max()), mean, over)


def measure_intruder_chances(
    pupils: IntArray, k: int, *, school: IntArray | None = None, board: IntArray | None = None
) -> dict[str, dict[str, Any]]:
    """What each kind of intruder faces: no single chance holds for all of them.

    Takes: per class its pupils; the threshold; of each class the pupils of the school, and of the board, that
    knows most of them (none where schools or boards are not known).
    Gives: by kind, what `Faced` says: a stranger, somebody who knows some others of the class (a parent of
    one, of two …), a school and a board that delivered nothing of the pupil and know their own.
    """
    known = {"stranger": np.zeros_like(pupils)}
    known |= {f"knows_{s}_other{'s' * (s > 1)}": np.full_like(pupils, s) for s in KNOWN_CLASSMATES}
    known |= {who: most for who, most in (("school", school), ("board", board)) if most is not None}
    return {who: asdict(IntruderChance.from_counts(pupils, pupils - most, k)) for who, most in known.items()}


def intruder_chances_of_smallest_counts(pupils: int, school: int, board: int) -> dict[str, dict[str, Any]]:
    """The same of the smallest counts of a release: what is left at least, and the chance at most.

    Takes: the smallest class; the fewest pupils left without their largest school, and their largest board.
    """
    left = {"stranger": pupils, **{f"knows_{s}_other{'s' * (s > 1)}": pupils - s for s in KNOWN_CLASSMATES}}
    left |= {"school": school, "board": board}
    return {who: {"left_at_least": max(n, 0), "chance_at_most": round(1 / max(n, 1), 4)} for who, n in left.items()}


def risk_threshold_problems(k: int, least: int = 1) -> list[str]:
    """What is wrong with a number of candidates under which somebody is not safe."""
    if isinstance(k, bool) or not isinstance(k, int) or k < least:
        return [
            describe_problem(
                f"a whole number of pupils of at least {least} to measure risk by (k)",
                example="10",
                found=str(k),
                where="the threshold of risk",
                do="Correct the threshold",
            )
        ]
    return []
