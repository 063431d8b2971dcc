"""What the figures of a report are measured from: the frames and the recoding of a release that was just made.

In: the cached frames of the release pipeline. Out: the codes of its pupils on the driver, with the class of each. Runs
two Spark actions. The exact scores stay in Spark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.anonymisation import (
    CLASS_NUMBER,
    HOME_SCHOOL_HASH,
    OTHER_SCHOOL_HASHES,
    SENSITIVE_LEAF,
    ClassSearchTask,
    hash_pupil,
    make_measured_input,
)
from cohort.report_figures.score_moments import ShownMeans
from cohort.sdc import (
    KEY_COLUMN,
    OTHER_SCHOOLS_COLUMN,
    SCHOOL_COLUMN,
    SUPPRESSED_CLASS,
    BoolArray,
    Coding,
    Hierarchy,
    Histogram,
    Int32Array,
    IntruderSearch,
    Recoding,
    SensitiveSuppression,
    SensitiveValueCounts,
    build_partition_histogram,
)

MOST_ATTACKED_PUPILS = 1_000_000
"""Of a larger cohort pupils are drawn by their keyed hash, so that the attacks keep within the memory of the driver."""
_HASH_BUCKETS = 1 << 20


@dataclass(frozen=True, eq=False)
class MeasuredRelease:
    """A release that was just made, with its frames still cached.

    Args:
        task: the task of its search: project, coding, key, sensitive column.
        hierarchies: the hierarchy of each column.
        pupils: the pupils who may be used, with their boards.
        searched: how many of them may get a class.
        assigned: the released pupils with their class.
        recoding: the classes.
        values_by_class: the sensitive values by class; None without a sensitive column.
        blanking: which classes show none of them.
        linked: what an intruder finds who links it with the release before; None unless it is a wave.
        nested: whether it is nested in a published release.
        shown_means: the class means of the columns of scores, in their order; None where it shows none.
    """

    task: ClassSearchTask
    hierarchies: Mapping[str, Hierarchy]
    pupils: DataFrame
    searched: int
    assigned: DataFrame
    recoding: Recoding
    values_by_class: SensitiveValueCounts | None
    blanking: SensitiveSuppression | None
    linked: IntruderSearch | None
    nested: bool
    shown_means: ShownMeans | None = None

    @property
    def project(self) -> Project:
        """The declaration of the project."""
        return self.task.project

    @property
    def coding(self) -> Coding:
        """The coding of the quasi-identifiers."""
        return self.task.coding


@dataclass(frozen=True, eq=False)
class ReleaseCodes:
    """The pupils who might get a class, in the order of their keys; or those drawn of a large cohort.

    Args:
        table: the key, the words, the board and the further boards of each pupil, by the column names of a search.
        schools: the same with schools in the place of boards.
        class_of_pupil: the class of each pupil, or `SUPPRESSED_CLASS`.
        has_value: whether each pupil has a sensitive value; None without a sensitive column.
        sampled: whether the pupils were drawn.
        recoding: the classes of the release.
    """

    table: pa.Table
    schools: pa.Table
    class_of_pupil: Int32Array
    has_value: BoolArray | None
    sampled: bool
    recoding: Recoding

    @property
    def pupils(self) -> int:
        """The number of pupils."""
        return int(self.table.num_rows)

    @cached_property
    def histogram(self) -> Histogram:
        """The histogram with boards, in which every pupil is a unit."""
        return build_partition_histogram(self.table, self.recoding.coding, single=True)

    @cached_property
    def school_histogram(self) -> Histogram:
        """The histogram with schools, in which every pupil is a unit."""
        return build_partition_histogram(self.schools, self.recoding.coding, single=True)

    @cached_property
    def leaves(self) -> Int32Array:
        """The leaf of every column of each unit of the histogram, `[column, unit]`."""
        return self.histogram.leaves(self.recoding.coding)

    def recoding_of(self, histogram: Histogram) -> Recoding:
        """The recoding with the class of every unit of one of the two histograms."""
        class_of_unit = np.empty(histogram.units, dtype=np.int32)
        class_of_unit[histogram.unit_of_pupil] = self.class_of_pupil
        return replace(self.recoding, class_of=class_of_unit)


def collect_release_codes(release: MeasuredRelease, most: int = MOST_ATTACKED_PUPILS) -> ReleaseCodes:
    """Collect the codes of the pupils and the class of each: two Spark actions.

    Args:
        release: the release.
        most: about so many pupils at most.
    """
    pupils = make_measured_input(release.pupils, release.project)
    assigned = release.assigned.select(hash_pupil().alias(KEY_COLUMN), CLASS_NUMBER)
    sampled = release.searched > most
    if sampled:
        kept = F.pmod(KEY_COLUMN, F.lit(_HASH_BUCKETS)) < _HASH_BUCKETS * most // release.searched
        pupils, assigned = pupils.where(kept), assigned.where(kept)
    table: Any = pupils.toArrow().sort_by(KEY_COLUMN)
    classes: Any = assigned.toArrow()
    others = [HOME_SCHOOL_HASH, OTHER_SCHOOL_HASHES]
    values = [name for name in (SENSITIVE_LEAF,) if name in table.column_names]
    own = table.drop_columns([SCHOOL_COLUMN, OTHER_SCHOOLS_COLUMN, *values])
    renamed = [{others[0]: SCHOOL_COLUMN, others[1]: OTHER_SCHOOLS_COLUMN}.get(name, name) for name in own.column_names]
    sensitive = release.task.sensitive_column
    has_value = None
    if sensitive is not None:
        has_value = table[SENSITIVE_LEAF].to_numpy() != sensitive.unknown_leaf
    return ReleaseCodes(
        table=table.drop_columns([*others, *values]),
        schools=own.rename_columns(renamed),
        class_of_pupil=_find_classes(table[KEY_COLUMN].to_numpy(), classes),
        has_value=has_value,
        sampled=sampled,
        recoding=release.recoding,
    )


def _find_classes(keys: Any, classes: Any) -> Int32Array:
    """The class of each key; of two pupils whose hashes are equal by chance both count in one of their classes."""
    found = np.full(len(keys), SUPPRESSED_CLASS, dtype=np.int32)
    place = np.searchsorted(keys, classes[KEY_COLUMN].to_numpy())
    found[place] = classes[CLASS_NUMBER].to_numpy()
    return found
