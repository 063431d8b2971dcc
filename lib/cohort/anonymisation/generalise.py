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
from cohort.anonymisation.class_search import Recoded, members
from cohort.anonymisation.search_input import VALUE
from cohort.anonymisation.sensitive_columns import CLASS, WITH_VALUE
from cohort.sdc.partitioned import partitions
from cohort.states import local_frames
from cohort.states.schemas import OTHERS, PUPIL, SCHOOL, Generalised

BLANKED = "_blanked"
"""Whether a class shows none of its sensitive values."""
ROWS_PER_FILE = 250_000


def generalise(coded: DataFrame, project: Project, recoded: Recoded) -> Generalised:
    """Apply the recoding to the rows: a pupil without a class is suppressed.

    Takes: coded pupils, the recoding.
    Gives: the released values as text and the control columns; all rows of a class in one file, in the
    order of the released values (what makes the class, then the sensitive one), so that order and file split
    say nothing else. A pseudonymous release carries the pseudonyms as text beside its columns.
    """
    recoding, own = recoded.recoding, recoded.sensitive
    shown = {c.name: f"value_{c.name}" for c in project.quasi_identifying}  # apart from the table's own names
    table = recoding.class_table(list(shown.values())).select([CLASS, *shown.values()])
    if recoded.blanking is not None:
        table = table.append_column(BLANKED, pa.array(recoded.blanking.classes))
    values = local_frames.of_table(coded.sparkSession, table)
    there = members(coded, project, recoded)
    narrow = there.drop(*(name for name in there.columns if name.startswith(partitions.word(""))))
    files = max(1, -(-recoding.released // ROWS_PER_FILE))
    wide = narrow.repartition(files, CLASS).join(F.broadcast(values), CLASS, "inner")
    # Sorted behind the join: a sort before it would be optimised away. Classes are numbered in the order
    # of their released values.
    by = [CLASS, PUPIL]
    if own is not None:
        name = shown[own.name] = f"value_{own.name}"
        leaf = F.when(F.col(WITH_VALUE) & ~F.col(BLANKED), F.col(VALUE)).otherwise(F.lit(own.unknown))
        wide = wide.withColumn(name, F.get(F.array(*map(F.lit, own.leaves)), leaf))
        by = [CLASS, name, PUPIL]
    carried = [F.lower(F.hex(of)).alias(to) for of, to in zip((PUPIL, SCHOOL), project.pseudonyms, strict=False)]
    return Generalised(
        wide.sortWithinPartitions(*by).select(
            *(F.col(shown[name]).alias(name) for name in project.column_names), *carried, PUPIL, SCHOOL, OTHERS
        )
    )
