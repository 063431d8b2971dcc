"""Compatibility of pupils with released classes: whose exact values lie under the released ones.

The population of a class in `reidentification_risk` and the candidates of a pupil in `motivated_intruder` are counted
with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cohort.sdc.model import BoolArray, Histogram, IntArray, Recoding


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
