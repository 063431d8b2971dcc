"""Pseudonymised → Generalised: the histogram goes out, the recoding comes in.

Out goes, per pupil, the path of all its values (packed in a number or a few) with hashes of its school's
pseudonym and of its own, and the leaf of its sensitive value; the search on it knows no Spark. In comes a
table of classes: one broadcast join gives a pupil its class or leaves it out (suppressed), after one narrow
shuffle another gives it the released values. A sensitive value is released as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort import frames, handover, spread
from cohort.errors import ConfigurationRefused, expected
from cohort.handover import VALUE, Counts
from cohort.project import Project
from cohort.recoding import lattice, local, parts
from cohort.recoding.coding import Coding
from cohort.recoding.hierarchy import Hierarchy
from cohort.recoding.outcome import Recoding
from cohort.recoding.parts import Search
from cohort.rules import constraints
from cohort.schema import OTHERS, PUPIL, SCHOOL, Generalised

CLASS = "class_nr"
ROWS_PER_FILE = 250_000


@dataclass(frozen=True, eq=False)
class Recoded:
    """The recoding, and how a pupil finds its class.

    Takes: the recoding; the class of each released pupil as a frame of key, words and class, or none where
    the masked code alone tells it; the leaves of the sensitive column, and those that released pupils have;
    frames to be released (`unpersist`) when the rows are written.
    """

    recoding: Recoding
    classes: DataFrame | None
    leaves: tuple[str, ...]
    values: list[str]
    kept: tuple[DataFrame, ...] = ()


def recode(
    coded: DataFrame, project: Project, coding: Coding, counts: Counts, trees: Mapping[str, Hierarchy],
    most: int,
) -> Recoded:  # fmt: skip
    """The recoding that the project asks for, under which every class meets every constraint: an action.

    Takes: the coded pupils, kept and counted; the hierarchies by column name; how many pupils one search may
    have: a larger cohort is searched in parts.
    Refuses: a cohort for which there is none within the suppression limit (exit code 14); a global recoding
    of more pupils than one search may have (exit code 10).
    """
    own = project.sensitive
    leaves = trees[own.name].leaves if own is not None else ()
    asked = _asked(project, coding, leaves)
    handed = handover.handed(coded, project)
    if counts.searched > most:
        return _in_parts(handed, project, counts, asked, leaves, most)
    table: Any = handed.toArrow()
    histogram = asked.histogram(table, single=project.recoding.kind == "local")
    search = lattice.search if project.recoding.kind == "global" else local.search
    recoding = search(
        histogram, coding, asked.constraints, objective=asked.objective,
        suppression_limit=str(project.recoding.suppression_limit), weights=asked.weights,
        minimum=asked.low, maximum=asked.high,
    )  # fmt: skip
    classes = None
    if project.recoding.kind == "local":
        # Of two pupils with one code one may be suppressed: a code alone says nothing.
        place = recoding.class_of[histogram.unit_of]
        rows = table.filter(pa.array(place >= 0)).select([parts.KEY, *asked.words])
        released = pa.array(place[place >= 0].astype(np.int32))
        classes = frames.of_table(coded.sparkSession, rows.append_column(parts.CLASS, released))
    shown = np.unique(histogram.values[recoding.class_of >= 0]).tolist() if leaves else []
    return Recoded(recoding, classes, leaves, [leaves[value] for value in shown])


def generalise(coded: DataFrame, project: Project, recoded: Recoded) -> Generalised:
    """Apply the recoding to the rows: a pupil without a class is suppressed.

    Takes: coded pupils, the recoding.
    Gives: the released values as text and the control columns; all rows of a class in one file, in the
    order of the released values (what makes the class, then the sensitive one), so that order and file split
    say nothing else. A pseudonymous release carries the pseudonyms as text beside its columns.
    """
    recoding = recoded.recoding
    shown = {c.name: f"value_{c.name}" for c in project.quasi_identifying}  # apart from the table's own names
    values = frames.of_table(
        coded.sparkSession, recoding.class_table(list(shown.values())).select([CLASS, *shown.values()])
    )
    narrow = members(coded, project, recoded).select(CLASS, *_carried(coded))
    files = max(1, -(-recoding.released // ROWS_PER_FILE))
    wide = narrow.repartition(files, CLASS).join(F.broadcast(values), CLASS, "inner")
    # Sorted behind the join: a sort before it would be optimised away. Classes are numbered in the order
    # of their released values.
    by = [CLASS, PUPIL]
    if project.sensitive is not None:
        own = shown[project.sensitive.name] = f"value_{project.sensitive.name}"
        wide = wide.withColumn(own, F.get(F.array(*map(F.lit, recoded.leaves)), F.col(VALUE)))
        by = [CLASS, own, PUPIL]
    carried = [
        F.lower(F.hex(of)).alias(to) for of, to in zip((PUPIL, SCHOOL), project.pseudonyms, strict=False)
    ]
    return Generalised(
        wide.sortWithinPartitions(*by).select(
            *(F.col(shown[name]).alias(name) for name in project.column_names), *carried,
            PUPIL, SCHOOL, OTHERS,
        )
    )  # fmt: skip


def members(coded: DataFrame, project: Project, recoded: Recoded) -> DataFrame:
    """The released pupils, each with its class, the words of its code and what it carries along."""
    eligible = handover.eligible(coded, project)
    by_key = recoded.classes is not None
    return _of_pupil(eligible, recoded) if by_key else _of_code(eligible, recoded.recoding)


def weights(project: Project) -> tuple[float, ...]:
    """What the loss of each generalised column counts for."""
    return tuple(float(c.weight) if c.weight is not None else 1.0 for c in project.quasi_identifying)


def _asked(project: Project, coding: Coding, leaves: tuple[str, ...]) -> Search:
    """What the search is asked, as the project agreed it."""
    columns = project.quasi_identifying
    tops = [tree.height - 1 for tree in coding.hierarchies]
    return Search(
        coding, tuple(constraints(project)), project.recoding.objective,
        weights=weights(project),
        low=tuple(c.lowest_level for c in columns),
        high=tuple(
            top if c.highest_level is None else c.highest_level for c, top in zip(columns, tops, strict=True)
        ),
        values_known=max(1, len(leaves)),
    )  # fmt: skip


def _in_parts(
    handed: DataFrame, project: Project, counts: Counts, asked: Search, leaves: tuple[str, ...], most: int
) -> Recoded:  # fmt: skip
    if project.recoding.kind == "global":
        raise ConfigurationRefused(
            expected(
                f"at most {most} pupils for a global recoding", example="a smaller population",
                found="more", where="[search] most_pupils_at_once of platform.toml",
                do="Choose recoding kind = 'local', which is searched in parts, or raise the budget",
            )
        )  # fmt: skip
    found = spread.search(handed, counts.searched, most, asked)
    spread.refuse_too_much_suppression(
        found.recoding, counts.searched, project.recoding.suppression_limit, asked
    )
    return Recoded(
        found.recoding, found.classes, leaves, [leaves[value] for value in found.values] if leaves else [],
        (found.kept,),
    )  # fmt: skip


def _of_code(coded: DataFrame, recoding: Recoding) -> DataFrame:
    """The class of each pupil by its masked code: a table as short as there are classes."""
    coding = recoding.coding
    words = [parts.word(word) for word in range(coding.words)]
    masks = dict(zip(words, coding.mask(recoding.level_vector or ()), strict=True))
    codes = coding.codes(recoding.leaves.T)
    table = {
        f"masked_{word}": pa.array(codes[place] & mask) for place, (word, mask) in enumerate(masks.items())
    }
    classes = pa.table({**table, CLASS: pa.array(np.arange(recoding.classes, dtype=np.int32))})
    bits = [F.col(word).bitwiseAND(F.lit(mask)).alias(f"masked_{word}") for word, mask in masks.items()]
    masked = coded.select(*_carried(coded), *words, *bits)
    joined = masked.join(
        F.broadcast(frames.of_table(coded.sparkSession, classes)),
        [f"masked_{word}" for word in words],
        "inner",
    )
    return joined.select(CLASS, *words, *_carried(coded))


def _of_pupil(coded: DataFrame, recoded: Recoded) -> DataFrame:
    """The class of each pupil by its own hash, held together with its code: nobody else's class fits."""
    words = [parts.word(word) for word in range(recoded.recoding.coding.words)]
    classes = recoded.classes
    if classes is None:
        raise TypeError("a recoding by pupil without the pupils' classes")
    if not recoded.kept:  # the driver's own table, which fits into one
        classes = F.broadcast(classes)
    keyed = coded.select(*_carried(coded), *words, handover.key().alias(parts.KEY))
    named = classes.withColumnRenamed(parts.CLASS, CLASS)
    return keyed.join(named, [parts.KEY, *words], "inner").select(CLASS, *words, *_carried(coded))


def _carried(coded: DataFrame) -> list[str]:
    """What a pupil takes along to its class."""
    return [name for name in (PUPIL, SCHOOL, OTHERS, VALUE) if name in coded.columns]
