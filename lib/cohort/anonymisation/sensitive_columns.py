"""Which classes of a release show the values of its sensitive column: counted in Spark, decided on counts.

What goes out of Spark is how many pupils of which board have which value in which class; never a pupil. The
search is over by then: nothing that is decided here changes a class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.anonymisation.pupil_boards import BOARDS
from cohort.anonymisation.search_input import SENSITIVE_LEAF
from cohort.keys.project_keys import ProjectKey
from cohort.sdc.model.hierarchy import UNKNOWN_VALUE, Hierarchy
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.sensitive_constraints import (
    SchoolValueCounts,
    SensitiveValueConstraint,
    SensitiveValueCounts,
)
from cohort.sdc.privacy_models.sensitive_suppression import (
    SensitiveSuppression,
    decide_sensitive_suppression,
    strictest_value_share,
)

HAS_VALUE = "_with_value"
"""Whether a pupil is of the population whose sensitive value is shown, in classes that show theirs."""
CLASS_NUMBER = "class_nr"
COVER_LABEL = "dekking|"
"""What the labels of a class are hashed under, to draw the classes that are blanked as covers."""

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SensitiveColumn:
    """A sensitive column as its hierarchy has it, and the rules on its shown values.

    Takes: its name; its hierarchy's leaves; the rules; of how many pupils a value must be known.
    """

    name: str
    leaves: tuple[str, ...]
    rules: tuple[SensitiveValueConstraint, ...]
    min_pupils_with_value: int

    @classmethod
    def from_hierarchy(
        cls, name: str, hierarchy: Hierarchy, rules: Sequence[SensitiveValueConstraint], least_known: int
    ) -> SensitiveColumn:
        return cls(name, hierarchy.leaves, tuple(rules), least_known)

    @property
    def unknown_leaf(self) -> int:
        """The number of the leaf `onbekend`."""
        return self.leaves.index(UNKNOWN_VALUE)

    @property
    def value_index(self) -> Numbers:
        """Per leaf its place among the values, which `onbekend` is none of (−1)."""
        leaf = np.arange(len(self.leaves))
        return np.where(leaf == self.unknown_leaf, -1, leaf - (leaf > self.unknown_leaf)).astype(np.int64)

    def has_value(self) -> Column:
        """Whether a pupil has a value."""
        return F.col(SENSITIVE_LEAF) != self.unknown_leaf

    def count_per_value(self, rows: Any) -> Numbers:
        """Pupils per value, from counts per leaf."""
        counted = np.zeros(len(self.leaves) - 1, dtype=np.int64)
        place = self.value_index[rows[SENSITIVE_LEAF].to_numpy()]
        counted[place[place >= 0]] = rows["count"].to_numpy()[place >= 0]
        return counted

    def released_values(self, counts: SensitiveValueCounts, blanked: Flags, anybody_without: bool) -> list[str]:
        """The values that a release shows, in the order of the hierarchy."""
        occurs = counts.pupils_by_value[~blanked].sum(axis=0) > 0
        without = anybody_without or bool((counts.pupils[blanked] > 0).any())
        places = self.value_index
        return [
            leaf
            for number, leaf in enumerate(self.leaves)
            if (without if number == self.unknown_leaf else occurs[places[number]])
        ]


def count_values(pupils: DataFrame, column: SensitiveColumn) -> Numbers:
    """How many of the pupils have each value: an action."""
    return column.count_per_value(pupils.groupBy(SENSITIVE_LEAF).count().toArrow())


def count_values_by_class(
    members: DataFrame, classes: int, column: SensitiveColumn, overall: Numbers
) -> SensitiveValueCounts:
    """The values of the pupils of the population with a value, per class and per board: an action.

    Takes: the released pupils with class, leaf, boards and WITH_VALUE; how many classes there are; how many
    pupils of the whole cohort have each value.
    """
    rows: Any = (
        members.where(F.col(HAS_VALUE) & column.has_value())
        .select(CLASS_NUMBER, SENSITIVE_LEAF, F.explode(BOARDS).alias("group"))
        .groupBy(CLASS_NUMBER, SENSITIVE_LEAF, F.xxhash64("group").alias("group"))
        .count()
        .toArrow()
    )
    of_class, value, pupils = (
        rows[name].to_numpy().astype(np.int64) for name in (CLASS_NUMBER, SENSITIVE_LEAF, "count")
    )
    _, group = np.unique(rows["group"].to_numpy(), return_inverse=True)
    value = column.value_index[value]
    return SensitiveValueCounts(
        tabulate_class_values(members, classes, column),
        overall,
        SchoolValueCounts(of_class, group.astype(np.int64), value, pupils),
    )


def tabulate_class_values(members: DataFrame, classes: int, column: SensitiveColumn) -> Numbers:
    """Pupils per `[class, value]` of the population with a value: an action."""
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
    before: Flags | None = None,
    gone: SensitiveValueCounts | None = None,
) -> SensitiveSuppression:
    """Which classes are blanked; covers are drawn in the order of the keyed hashes of their labels.

    Takes: what `attribute_disclosure.blanking` takes, and the recoding, for the labels of its classes.
    Refuses: rules under which no class could show its values (exit code 14).
    """
    order = draw_cover_order(recoding, key)
    return decide_sensitive_suppression(counts, column.rules, strictest_value_share(column.rules), order, before, gone)


def draw_cover_order(recoding: Recoding, key: ProjectKey) -> Numbers:
    """The place of each class in the order in which covers are drawn."""
    labels = zip(*(shown.tolist() for shown in recoding.labels), strict=True)
    digests = key.digest_texts(COVER_LABEL + "|".join(one) for one in labels)
    order = np.empty(len(digests), dtype=np.int64)
    order[sorted(range(len(digests)), key=digests.__getitem__)] = np.arange(len(digests))
    return order
