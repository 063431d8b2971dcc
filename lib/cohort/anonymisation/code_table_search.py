"""The search of a table of codes on the driver, as a release searches it: for previews, and for attacks on releases.

In: an Arrow table of pupils by the column names of a search. Out: its histogram, in which each pupil of a local search
is a unit, and the recoding with the class of every unit. No Spark.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyarrow as pa

from cohort.agreements import derive_class_constraints
from cohort.anonymisation.equivalence_class_search_task import ClassSearchTask, read_column_weights
from cohort.sdc import (
    BoolArray,
    Histogram,
    Int32Array,
    IntArray,
    Recoding,
    WeightedLoss,
    build_partition_histogram,
    classes_of_all_records,
    merge_population_recodings,
    require_enough_values,
    search_global_recoding,
    search_local_recoding,
    search_populations_separately,
)


def search_code_table(table: pa.Table, task: ClassSearchTask, limit: Fraction) -> tuple[Histogram, Recoding]:
    """Search one population.

    Args:
        table: the key, the words, the board and the further boards of each pupil.
        task: what the search needs besides the pupils.
        limit: the part of the pupils that may be suppressed.

    Raises:
        NotAnonymous: no recoding under the constraints (exit code 14).
    """
    histogram = build_partition_histogram(table, task.coding, single=task.local)
    search = search_local_recoding if task.local else search_global_recoding
    return histogram, search(histogram, task.request(limit))


def search_code_populations(table: pa.Table, has_value: BoolArray, task: ClassSearchTask) -> tuple[Histogram, Recoding]:
    """Search the pupils with a sensitive value and those without separately; each pupil is a unit of the histogram.

    Args:
        table: a table as for `search_code_table`.
        has_value: per pupil whether it has a sensitive value.
        task: what the search needs besides the pupils; it has a sensitive column.

    Raises:
        NotAnonymous: too few pupils with a value, or more suppressed than the limit allows (exit code 14).
    """
    sensitive, project, pupils = task.sensitive_column, task.project, table.num_rows
    if sensitive is None:
        raise TypeError("two populations without a sensitive column")
    require_enough_values(int(has_value.sum()), sensitive.min_pupils_with_value, sensitive.name)
    limit = Fraction(1) if task.local else task.suppression_limit

    def search_population(members: IntArray) -> tuple[Recoding, Int32Array]:
        histogram, recoding = search_code_table(table.take(members), task, limit)
        return recoding, recoding.class_of[histogram.unit_of_pupil]

    populations = search_populations_separately(has_value, search_population)
    merged, numbers = merge_population_recodings(
        {name: population.recoding for name, population in populations.items()},
        pupils,
        task.suppression_limit,
        derive_class_constraints(project),
        WeightedLoss.for_columns("mean", task.coding.columns, read_column_weights(project)),
    )
    histogram = build_partition_histogram(table, task.coding, single=True)
    class_of_unit = np.empty(histogram.units, dtype=np.int32)
    class_of_unit[histogram.unit_of_pupil] = classes_of_all_records(populations, numbers, pupils)
    return histogram, replace(merged, class_of=class_of_unit)
