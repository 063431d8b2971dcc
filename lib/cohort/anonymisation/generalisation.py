"""Pseudonymised → Generalised: the histogram goes out, the recoding comes in.

Out goes, per pupil, the path of all its values (packed in a number or a few) with hashes of its school's
pseudonym and of its own; the search on it knows no Spark, and no sensitive value. In comes a table of
classes: one broadcast join gives a pupil its class or leaves it out (suppressed), after one narrow shuffle
another gives it the released values. Pupils with a sensitive value are searched apart from those without;
afterwards each class shows the values of its pupils as they are, or `onbekend` for all of them.
"""

from __future__ import annotations

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.agreements.project import Project
from cohort.anonymisation.class_search import ClassSearchResult, assign_classes
from cohort.anonymisation.search_input import SENSITIVE_LEAF
from cohort.anonymisation.sensitive_columns import CLASS_NUMBER, HAS_VALUE
from cohort.sdc.partitioned import partitions
from cohort.states import local_frames
from cohort.states.schemas import OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL, GeneralisedRecords

BLANKED_FLAG = "_blanked"
"""Whether a class shows none of its sensitive values."""
RELEASED_ROWS_PER_FILE = 250_000


def generalise_pupils(coded: DataFrame, project: Project, recoded: ClassSearchResult) -> GeneralisedRecords:
    """Apply the recoding to the rows: a pupil without a class is suppressed.

    Takes: coded pupils, the recoding.
    Gives: the released values as text and the control columns; all rows of a class in one file, in the
    order of the released values (what makes the class, then the sensitive one), so that order and file split
    say nothing else. A pseudonymous release carries the pseudonyms as text beside its columns.
    """
    recoding, own = recoded.recoding, recoded.sensitive_column
    shown = {c.name: f"value_{c.name}" for c in project.quasi_identifiers}  # apart from the table's own names
    table = recoding.class_table(list(shown.values())).select([CLASS_NUMBER, *shown.values()])
    if recoded.blanking is not None:
        table = table.append_column(BLANKED_FLAG, pa.array(recoded.blanking.classes))
    values = local_frames.make_frame_from_arrow(coded.sparkSession, table)
    there = assign_classes(coded, project, recoded)
    narrow = there.drop(*(name for name in there.columns if name.startswith(partitions.word_column(""))))
    files = max(1, -(-recoding.released_pupils // RELEASED_ROWS_PER_FILE))
    wide = narrow.repartition(files, CLASS_NUMBER).join(F.broadcast(values), CLASS_NUMBER, "inner")
    # Sorted behind the join: a sort before it would be optimised away. Classes are numbered in the order
    # of their released values.
    by = [CLASS_NUMBER, PUPIL_CONTROL]
    if own is not None:
        name = shown[own.name] = f"value_{own.name}"
        leaf = F.when(F.col(HAS_VALUE) & ~F.col(BLANKED_FLAG), F.col(SENSITIVE_LEAF)).otherwise(F.lit(own.unknown_leaf))
        wide = wide.withColumn(name, F.get(F.array(*map(F.lit, own.leaves)), leaf))
        by = [CLASS_NUMBER, name, PUPIL_CONTROL]
    carried = [
        F.lower(F.hex(of)).alias(to)
        for of, to in zip((PUPIL_CONTROL, SCHOOL_CONTROL), project.pseudonym_columns, strict=False)
    ]
    return GeneralisedRecords(
        wide.sortWithinPartitions(*by).select(
            *(F.col(shown[name]).alias(name) for name in project.column_names),
            *carried,
            PUPIL_CONTROL,
            SCHOOL_CONTROL,
            OTHER_SCHOOLS_CONTROL,
        )
    )
