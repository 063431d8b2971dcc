"""The sensitive column of a release: values counted by class in Spark, and the choice of classes that show none.

In: released pupils with their class. Out: which classes are blanked, that is, show `onbekend` for all their pupils.
Only counts by class, value and board leave Spark, never a pupil. The classes are final before this begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.anonymisation.pupil_boards import BOARDS
from cohort.anonymisation.search_input import SENSITIVE_LEAF
from cohort.keys import ProjectKey
from cohort.sdc import (
    UNKNOWN_VALUE,
    BoolArray,
    Hierarchy,
    IntArray,
    Recoding,
    SchoolValueCounts,
    SensitiveSuppression,
    SensitiveValueConstraint,
    SensitiveValueCounts,
    decide_sensitive_suppression,
    strictest_value_share,
)

HAS_VALUE = "_with_value"
"""Whether a pupil is in the population with a sensitive value; its class shows the value unless it is blanked."""
CLASS_NUMBER = "class_nr"
COVER_LABEL = "dekking|"
"""Prefix of the text of class labels that is hashed with the project's key, to draw classes as covers."""


@dataclass(frozen=True)
class SensitiveColumn:
    """The sensitive column, with the rules on its released values.

    Args:
        name: the name of the column.
        leaves: the leaves of its hierarchy, in order; `onbekend` is one of them.
        rules: what the values of every class that shows them must satisfy.
        min_pupils_with_value: the least number of pupils with a value.
    """

    name: str
    leaves: tuple[str, ...]
    rules: tuple[SensitiveValueConstraint, ...]
    min_pupils_with_value: int

    @classmethod
    def from_hierarchy(
        cls, name: str, hierarchy: Hierarchy, rules: Sequence[SensitiveValueConstraint], min_pupils_with_value: int
    ) -> SensitiveColumn:
        """The column with the leaves of a hierarchy."""
        return cls(name, hierarchy.leaves, tuple(rules), min_pupils_with_value)

    @property
    def unknown_leaf(self) -> int:
        """The number of the leaf `onbekend`."""
        return self.leaves.index(UNKNOWN_VALUE)

    @property
    def value_index(self) -> IntArray:
        """The position of each leaf among the values; −1 for `onbekend`, which is not a value."""
        leaf = np.arange(len(self.leaves))
        return np.where(leaf == self.unknown_leaf, -1, leaf - (leaf > self.unknown_leaf)).astype(np.int64)

    def has_value(self) -> Column:
        """The condition that a pupil has a value."""
        return F.col(SENSITIVE_LEAF) != self.unknown_leaf

    def count_per_value(self, rows: Any) -> IntArray:
        """Pupils per value, from an Arrow table of pupils per leaf."""
        pupils = np.zeros(len(self.leaves) - 1, dtype=np.int64)
        values = self.value_index[rows[SENSITIVE_LEAF].to_numpy()]
        pupils[values[values >= 0]] = rows["count"].to_numpy()[values >= 0]
        return pupils

    def released_values(self, counts: SensitiveValueCounts, blanked: BoolArray, anybody_without: bool) -> list[str]:
        """The values that occur in a release, in the order of the hierarchy.

        Args:
            counts: the pupils with a value, by class.
            blanked: which classes are blanked.
            anybody_without: whether a released pupil has no value.
        """
        occurs = counts.pupils_by_value[~blanked].sum(axis=0) > 0
        unknown_occurs = anybody_without or bool((counts.pupils[blanked] > 0).any())
        positions = self.value_index
        return [
            leaf
            for number, leaf in enumerate(self.leaves)
            if (unknown_occurs if number == self.unknown_leaf else occurs[positions[number]])
        ]


def count_values(pupils: DataFrame, column: SensitiveColumn) -> IntArray:
    """Count the pupils per value, in one Spark action."""
    return column.count_per_value(pupils.groupBy(SENSITIVE_LEAF).count().toArrow())


def count_values_by_class(
    members: DataFrame, classes: int, column: SensitiveColumn, cohort_values: IntArray
) -> SensitiveValueCounts:
    """Count the values of the pupils with a value, per class and per class and board; two Spark actions.

    Args:
        members: the released pupils with CLASS_NUMBER, SENSITIVE_LEAF, BOARDS and HAS_VALUE.
        classes: the number of classes.
        column: the sensitive column.
        cohort_values: the pupils of the whole cohort per value.
    """
    rows: Any = (
        members.where(F.col(HAS_VALUE) & column.has_value())
        .select(CLASS_NUMBER, SENSITIVE_LEAF, F.explode(BOARDS).alias("board"))
        .groupBy(CLASS_NUMBER, SENSITIVE_LEAF, F.xxhash64("board").alias("board"))
        .count()
        .toArrow()
    )
    class_numbers, leaves, pupils = (
        rows[name].to_numpy().astype(np.int64) for name in (CLASS_NUMBER, SENSITIVE_LEAF, "count")
    )
    _, boards = np.unique(rows["board"].to_numpy(), return_inverse=True)
    return SensitiveValueCounts(
        tabulate_class_values(members, classes, column),
        cohort_values,
        SchoolValueCounts(class_numbers, boards.astype(np.int64), column.value_index[leaves], pupils),
    )


def tabulate_class_values(members: DataFrame, classes: int, column: SensitiveColumn) -> IntArray:
    """Count the pupils with a value as a table `[class, value]`, in one Spark action."""
    rows: Any = (
        members.where(F.col(HAS_VALUE) & column.has_value()).groupBy(CLASS_NUMBER, SENSITIVE_LEAF).count().toArrow()
    )
    table = np.zeros((classes, len(column.leaves) - 1), dtype=np.int64)
    table[rows[CLASS_NUMBER].to_numpy(), column.value_index[rows[SENSITIVE_LEAF].to_numpy()]] = rows["count"].to_numpy()
    return table


def choose_blanked_classes(
    counts: SensitiveValueCounts,
    column: SensitiveColumn,
    recoding: Recoding,
    key: ProjectKey,
    *,
    suppressed_before: BoolArray | None = None,
    departed: SensitiveValueCounts | None = None,
) -> SensitiveSuppression:
    """Choose the classes that show no sensitive value: those that break a rule, and covers drawn with the key.

    Args:
        counts: the pupils with a value, by class.
        column: the sensitive column with its rules.
        recoding: the recoding, for the labels of its classes.
        key: the key of the project.
        suppressed_before: after an earlier release, the classes that must stay blanked.
        departed: after an earlier release, the pupils who have left each class since.

    Raises:
        NotAnonymous: rules under which no class could show its values (exit code 14).
    """
    order = draw_cover_order(recoding, key)
    limit = strictest_value_share(column.rules)
    return decide_sensitive_suppression(counts, column.rules, limit, order, suppressed_before, departed)


def draw_cover_order(recoding: Recoding, key: ProjectKey) -> IntArray:
    """Draw the rank of each class in the order in which covers are chosen: that of the keyed hashes of its labels."""
    labels = zip(*(column.tolist() for column in recoding.labels), strict=True)
    digests = key.digest_texts(COVER_LABEL + "|".join(row) for row in labels)
    order = np.empty(len(digests), dtype=np.int64)
    order[sorted(range(len(digests)), key=digests.__getitem__)] = np.arange(len(digests))
    return order
