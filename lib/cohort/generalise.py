"""Pseudonymised → Generalised: the histogram goes out, the recoding comes in.

Out goes one number per pupil (the path of all its values, packed) with a hash of its school's pseudonym; the
search on it knows no Spark. In comes a small table of classes: one broadcast join on `code & mask` gives a
pupil its class or leaves it out (suppressed), after one narrow shuffle another gives it the released values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort import frames
from cohort.errors import NotAnonymous, expected
from cohort.project import Project
from cohort.recoding.coding import Coding
from cohort.recoding.constraints import Constraint, LargestShare, Others, Pupils, Schools
from cohort.recoding.global_recoding import GlobalRecoding
from cohort.recoding.hierarchy import Hierarchy
from cohort.recoding.histogram import Histogram
from cohort.recoding.lattice import search
from cohort.schema import (
    IDENTIFYING,
    NOT_LISTED,
    OTHERS,
    PUPIL,
    ROWS,
    SCHOOL,
    USED,
    Generalised,
    Pseudonymised,
    forbid,
)

CODE, CLASS, CLASS_CODE = "_code", "class_nr", "class_code"
ROWS_PER_FILE = 250_000


@dataclass(frozen=True)
class Counts:
    """What the histogram's pass counted: pupils with a record, those set aside, and their rows."""

    pupils: int
    set_aside: int
    rows: int
    rows_used: int


def hierarchies(project: Project, folder: Path) -> dict[str, Hierarchy]:
    """Every column's hierarchy, by column name.

    Refuses: what `Hierarchy.load` refuses.
    """
    return {c.name: Hierarchy.load(folder / f"{c.hierarchy}.csv", c.name) for c in project.columns}


def constraints(project: Project) -> list[Constraint]:
    """What every released class must satisfy, as the project agreed it."""
    asked = project.thresholds
    return [
        Pupils(asked.k),
        Schools(asked.m),
        LargestShare(str(asked.max_share)),
        Others(asked.k_others),
    ]


def coded(pupils: Pseudonymised, project: Project, coding: Coding) -> DataFrame:
    """The pupils with their packed code, null where a value is not in its hierarchy."""
    forbid(pupils, IDENTIFYING)
    return pupils.select(
        PUPIL, SCHOOL, OTHERS, ROWS, USED, _code(project, coding).alias(CODE), *project.column_names
    )


def histogram_of(pupils: DataFrame, project: Project) -> tuple[Histogram, Counts]:
    """Ask Spark once for what the search needs: an action.

    Takes: coded pupils, kept.
    Gives: the histogram (without the pupils set aside) and the counts.
    Refuses: values that a hierarchy does not have: which columns and how many pupils (exit code 14).
    """
    school = F.xxhash64(SCHOOL).alias("school")
    further = F.transform(OTHERS, lambda other: F.xxhash64(other)).alias("others")
    table = pupils.select(CODE, school, further, ROWS, USED).toArrow()
    if table[CODE].null_count:
        raise NotAnonymous(*_not_listed(pupils, project))
    lists = table["others"].combine_chunks()
    moved = pc.is_valid(lists).to_numpy(zero_copy_only=False)
    codes, schools = table[CODE].to_numpy(), table["school"].to_numpy()
    kept = ~moved if project.two_schools == "set-aside" else np.ones(len(codes), dtype=bool)
    lengths = pc.list_value_length(lists.filter(pa.array(moved))).to_numpy(zero_copy_only=False)
    others = pc.list_flatten(lists).to_numpy(zero_copy_only=False)
    numbers = np.unique(np.concatenate([schools, others]))
    if project.two_schools == "set-aside":
        other_codes, others = codes[:0], others[:0]
    else:
        other_codes = np.repeat(codes[moved], lengths)
    rows, used = table[ROWS].to_numpy(), table[USED].to_numpy()
    histogram = Histogram.of_pupils(
        codes[kept],
        np.searchsorted(numbers, schools[kept]).astype(np.int32),
        other_codes,
        np.searchsorted(numbers, others).astype(np.int32),
    )
    return histogram, Counts(len(codes), int((~kept).sum()), int(rows.sum()), int(used[kept].sum()))


def recode(histogram: Histogram, project: Project, coding: Coding) -> GlobalRecoding:
    """The recoding with the least loss under which every class meets every constraint.

    Refuses: a cohort for which there is none within the suppression limit (exit code 14).
    """
    weights = [float(c.weight) if c.weight is not None else 1.0 for c in project.columns]
    return search(
        histogram, coding, constraints(project), objective=project.recoding.loss,
        suppression_limit=str(project.recoding.suppression_limit), weights=weights,
    )  # fmt: skip


def generalise(pupils: DataFrame, project: Project, recoding: GlobalRecoding) -> Generalised:
    """Apply the recoding to the rows: a pupil without a class is suppressed.

    Takes: coded pupils, the recoding.
    Gives: the released values as text and the control columns; all rows of a class in one file, in the
    order of the released values, so that order and file split say nothing else.
    """
    spark = pupils.sparkSession
    shown = {name: f"value_{name}" for name in project.column_names}  # apart from the table's own names
    table = recoding.class_table(list(shown.values()))
    classes = frames.of_table(spark, table.select([CLASS_CODE, CLASS]))
    values = frames.of_table(spark, table.select([CLASS, *shown.values()]))
    if project.two_schools == "set-aside":
        pupils = pupils.where(F.col(OTHERS).isNull())
    masked = pupils.select(
        PUPIL, SCHOOL, OTHERS, F.col(CODE).bitwiseAND(F.lit(recoding.mask)).alias(CLASS_CODE)
    )
    files = max(1, -(-recoding.released // ROWS_PER_FILE))
    narrow = masked.join(F.broadcast(classes), CLASS_CODE, "inner").select(CLASS, PUPIL, SCHOOL, OTHERS)
    wide = narrow.repartition(files, CLASS).join(F.broadcast(values), CLASS, "inner")
    # Sorted behind the join: a sort before it would be optimised away. Classes are numbered in the order
    # of their released values.
    ordered = wide.sortWithinPartitions(CLASS, PUPIL)
    return Generalised(
        ordered.select(*(F.col(value).alias(name) for name, value in shown.items()), PUPIL, SCHOOL, OTHERS)
    )


def _code(project: Project, coding: Coding) -> Column:
    codes = []
    for place, name in enumerate(project.column_names):
        paths = F.array(*(F.lit(int(code)) for code in coding.column_codes(place)))
        codes.append(F.when(F.col(name) != NOT_LISTED, F.get(paths, F.col(name))).cast("bigint"))
    return reduce(add, codes)


def _not_listed(pupils: DataFrame, project: Project) -> list[str]:
    counted = pupils.select(
        *(F.sum((F.col(n) == NOT_LISTED).cast("int")).alias(n) for n in project.column_names)
    ).first()
    found = {} if counted is None else {name: n for name, n in counted.asDict().items() if n}
    return [
        expected(
            "only values of the hierarchy", example="a leaf for every value that occurs",
            found=f"others in {n} records", where=f"column {name}",
            do="Add the missing leaves to its hierarchy file",
        )
        for name, n in found.items()
    ]  # fmt: skip
