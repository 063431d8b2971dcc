"""Stage PseudonymisedRecords → GeneralisedRecords: the released values of each pupil, from its class.

In: the released pupils with their classes, and the outcome of the search. Out: the rows of a release. After one narrow
shuffle by class a broadcast join adds the released values of the class, with the bounds of typed columns, which are
read from the labels. A sensitive value is shown as it is, or as `onbekend` for all pupils of a blanked class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.anonymisation.equivalence_class_search import ClassSearchResult
from cohort.anonymisation.search_input import SENSITIVE_LEAF
from cohort.anonymisation.sensitive_columns import CLASS_NUMBER, HAS_VALUE
from cohort.data_states import (
    EXACT_SCORES,
    MEAN_TYPE,
    OTHER_SCHOOLS_CONTROL,
    PUPIL_CONTROL,
    SCHOOL_CONTROL,
    GeneralisedRecords,
    make_frame_from_arrow,
)
from cohort.sdc import Recoding, list_band_bounds, word_column

BLANKED_FLAG = "_blanked"
"""Whether a class is blanked: shows none of its sensitive values."""
RELEASED_ROWS_PER_FILE = 250_000
_RANK_BITS = 15
"""The bits of the rank of a sensitive value; a hierarchy has fewer leaves."""


def generalise_pupils(
    members: DataFrame,
    project: Project,
    result: ClassSearchResult,
    class_means: Mapping[str, np.ma.MaskedArray] | None = None,
) -> GeneralisedRecords:
    """Replace the values of each pupil by those of its class.

    Args:
        members: the released pupils with their class, as `assign_classes` gives them.
        project: the declaration of the project.
        result: the recoding and the classes.
        class_means: by column, the mean of each class in hundredths, masked where it shows none; None where no column
            shows one.

    Returns:
        The released values as text, the class means as decimal numbers, the bounds of typed columns as whole numbers,
        the pseudonyms as text where the release is pseudonymous, and the control columns.
        All rows of a class are in one file, sorted by the released values, so that neither order nor file says more
        than the values do.
    """
    recoding, sensitive = result.recoding, result.sensitive_column
    # Column names of their own: a declared column may have the name of a control column or of another table column.
    value_columns = {column.name: f"value_{column.name}" for column in project.quasi_identifiers}
    labels = recoding.class_table(list(value_columns.values())).select([CLASS_NUMBER, *value_columns.values()])
    class_table = _add_means(_add_bounds(labels, recoding, project), project, class_means or {})
    if result.blanking is not None:
        class_table = class_table.append_column(BLANKED_FLAG, pa.array(result.blanking.classes))
    class_values = make_frame_from_arrow(members.sparkSession, class_table)
    words = (name for name in members.columns if name.startswith(word_column("")))
    narrow = members.drop(*words, EXACT_SCORES)
    files = max(1, -(-recoding.released_pupils // RELEASED_ROWS_PER_FILE))
    wide = narrow.repartition(files, CLASS_NUMBER).join(F.broadcast(class_values), CLASS_NUMBER, "inner")
    value_rank = F.lit(0)
    if sensitive is not None:
        name = value_columns[sensitive.name] = f"value_{sensitive.name}"
        leaf = F.when(F.col(HAS_VALUE) & ~F.col(BLANKED_FLAG), F.col(SENSITIVE_LEAF)).otherwise(
            F.lit(sensitive.unknown_leaf)
        )
        wide = wide.withColumn(name, F.get(F.array(*map(F.lit, sensitive.leaves)), leaf))
        value_rank = F.get(F.array(*map(F.lit, _rank_texts(sensitive.leaves))), leaf)
        for bound, numbers in _sensitive_bounds(sensitive.leaves, project).items():
            wide = wide.withColumn(bound, F.get(F.array(*(F.lit(number).cast("int") for number in numbers)), leaf))
    pseudonyms = [
        F.lower(F.hex(control)).alias(name)
        for control, name in zip((PUPIL_CONTROL, SCHOOL_CONTROL), project.pseudonym_columns, strict=False)
    ]
    return GeneralisedRecords(
        wide.sortWithinPartitions(*_sort_order(project, value_rank)).select(
            *(F.col(f"value_{name}").alias(name) for name in project.released_names),
            *pseudonyms,
            PUPIL_CONTROL,
            SCHOOL_CONTROL,
            OTHER_SCHOOLS_CONTROL,
        )
    )


def _add_bounds(class_table: pa.Table, recoding: Recoding, project: Project) -> pa.Table:
    """Add the bounds of every typed quasi-identifier to the released values of the classes."""
    for column, labels in zip(project.quasi_identifiers, recoding.labels, strict=True):
        bounds = list_band_bounds(labels.tolist()) if column.typed else ()
        for name, numbers in zip(column.bound_names, bounds, strict=True):
            class_table = class_table.append_column(f"value_{name}", pa.array(numbers, pa.int32()))
    return class_table


def _add_means(class_table: pa.Table, project: Project, means: Mapping[str, np.ma.MaskedArray]) -> pa.Table:
    """Add the mean of every class to its released values; null where it shows none."""
    kind = pa.decimal128(MEAN_TYPE.precision, MEAN_TYPE.scale)
    for column in project.mean_columns:
        own = means[column.name]
        shown = zip(own.data.tolist(), np.ma.getmaskarray(own).tolist(), strict=True)
        numbers = [None if hidden else Decimal(mean).scaleb(-MEAN_TYPE.scale) for mean, hidden in shown]
        (name,) = column.mean_names
        class_table = class_table.append_column(f"value_{name}", pa.array(numbers, kind))
    return class_table


def _sensitive_bounds(leaves: Sequence[str], project: Project) -> dict[str, list[int | None]]:
    """The bounds of each leaf of the sensitive column, by the column that shows them; none where it is not typed."""
    column = project.sensitive_column
    if column is None or not column.typed:
        return {}
    return dict(zip((f"value_{name}" for name in column.bound_names), list_band_bounds(leaves), strict=True))


def _sort_order(project: Project, value_rank: Column) -> list[Column]:
    """By what the rows of a file are sorted: the released values, and the pseudonym where it is released.

    Classes are numbered in the order of their released values. One whole number is all that an anonymous release needs,
    and what Spark sorts fastest: the rows of one record are alike. The rows are sorted after the join with the values:
    Spark would optimise an earlier sort away.
    """
    released_values = F.shiftleft(F.col(CLASS_NUMBER).cast("bigint"), _RANK_BITS) + value_rank
    return [released_values, F.col(PUPIL_CONTROL)] if project.is_pseudonymous else [released_values]


def _rank_texts(texts: Sequence[str]) -> list[int]:
    """The place of each text among all of them in Spark's order, by UTF-8 bytes."""
    ordered = sorted(texts, key=str.encode)
    return [ordered.index(text) for text in texts]
