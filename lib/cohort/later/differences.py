"""What a release may differ in from the one before: nested in it, so that subtracting the two shows nobody.

The recoding of the release before is kept. Who was in it stays, in the same class, if still admitted and
with the very same values; everybody else counts as gone, and nobody new enters. What `nesting` asks then
happens to the rows: further pupils are withdrawn, those with the lowest keyed hashes, and classes go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from cohort import frames, generalise, handover, register
from cohort.errors import NotAnonymous, StateRefused, expected
from cohort.generalise import CLASS, Recoded
from cohort.handover import VALUE, Counts
from cohort.keys import Key
from cohort.later import memory, nesting
from cohort.later.memory import Remembered
from cohort.places import Places
from cohort.project import Project
from cohort.pseudonymise import hmac_sha256
from cohort.pupil_boards import BOARD, BOARDS
from cohort.recoding import parts
from cohort.recoding.coding import Coding
from cohort.recoding.constraints import ClassCounts
from cohort.recoding.hierarchy import Hierarchy
from cohort.recoding.loss import Objective
from cohort.recoding.outcome import Recoding
from cohort.rules import constraints
from cohort.schema import PUPIL, SCHOOL

LABEL = "teruggetrokken|"
"""What a pupil's pseudonym is hashed under, to choose who is withdrawn."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Nested:
    """The outcome: the recoding that was kept, with who is in it now, and how many were withdrawn besides."""

    recoded: Recoded
    withdrawn: int


def before(places: Places, project: Project, hierarchies: Mapping[str, Hierarchy]) -> Remembered | None:
    """What a new release will be nested in: the published one, if any.

    Refuses: what `memory.load` refuses; a published release of another class (exit code 15).
    """
    if project.pseudonymous:
        return None  # its rows are tied by their pseudonyms anyway, an objector's are deleted from it at once
    read = register.published(places, project.name)
    if read is None:
        return None
    if read.facts["class"] != project.release_class:
        raise StateRefused(
            expected(
                f"release_class = '{read.facts['class']}', as release {read.release} has", example="the same",
                found=f"'{project.release_class}'", where=f"projects/{project.name}.toml",
                do="Restore it, or make a project with a new name",
            )
        )  # fmt: skip
    coding = Coding(tuple(hierarchies[column.name] for column in project.quasi_identifying))
    return memory.load(places, project, read, coding, memory.agreed(project, hierarchies))


def nested(
    coded: DataFrame, project: Project, counts: Counts, before: Remembered, key: Key,
    leaves: tuple[str, ...],
) -> Nested:  # fmt: skip
    """The release before, without who is gone and who must go with them: a few actions.

    The suppression limit is not asked again: an objection does not wait for it.

    Takes: the pupils coded today, kept and counted, with their boards of today; what is remembered of the
    release before; the project's key; the leaves of the sensitive column.
    Refuses: a memory with other pupils than its release had; a release of which nothing would be left (exit
    code 14).
    """
    spark, then = coded.sparkSession, before.recoding
    found = _found(coded, project, before.pupils(spark)).persist()
    were, stay = _counted(found, then.classes)
    if not np.array_equal(were, then.pupils):
        raise _damaged(before)
    withdraw = nesting.to_withdraw(were, stay, project.thresholds.k)
    left = _without(found, withdraw, key).persist()
    rules = constraints(project)
    now = _class_counts(left, coded, project, then.classes, len(leaves))
    values = _values(found, then.classes, len(leaves)) if leaves else None
    goes = nesting.that_go(ClassCounts(were, were, were, values), now, rules)
    released = np.where(goes, 0, now.pupils)
    nesting.require_hidden(were, released, project.thresholds.k)
    if not released.any():
        raise _nothing_left(project, before)
    withdrawn = int(stay.sum() - released.sum())
    kept = np.flatnonzero(~goes)
    recoding, number = Recoding.of_classes(
        then.coding, then.levels[kept], then.leaves[kept], released[kept],
        counts.searched - int(released.sum()) - withdrawn,
        Objective.of("mean", then.coding.columns, generalise.weights(project)),
        {**then.search, "proven": False, "kept_from": before.release},
    )  # fmt: skip
    places = pa.table({CLASS: pa.array(kept.astype(np.int32)), parts.CLASS: pa.array(number)})
    words = [parts.word(word) for word in range(then.coding.words)]
    classes = left.join(F.broadcast(frames.of_table(spark, places)), CLASS, "inner").select(
        handover.key().alias(parts.KEY), *words, parts.CLASS
    )
    shown = np.flatnonzero(now.values[kept].sum(axis=0)).tolist() if now.values is not None else []
    recoded = Recoded(recoding, classes, leaves, [leaves[value] for value in shown], (found, left))
    return Nested(recoded, withdrawn)


def _found(coded: DataFrame, project: Project, remembered: DataFrame) -> DataFrame:
    """Everybody of the release before, with school and boards of today where nothing of them has changed."""
    same = remembered.drop(CLASS).columns
    today = handover.eligible(coded, project).select(*same, SCHOOL, BOARD, BOARDS)
    return remembered.join(today, same, "left")


def _counted(found: DataFrame, classes: int) -> tuple[Numbers, Numbers]:
    """Per class who was there, and who could stay."""
    by_class = found.groupBy(CLASS).agg(F.count(F.lit(1)).alias("were"), F.count(SCHOOL).alias("stay"))
    rows: Any = by_class.toArrow()
    return _laid_out(rows, "were", classes), _laid_out(rows, "stay", classes)


def _without(found: DataFrame, withdraw: Numbers, key: Key) -> DataFrame:
    """Who could stay, without those to be withdrawn: in each class the pupils of the lowest keyed hashes."""
    spark, stay = found.sparkSession, found.where(F.col(SCHOOL).isNotNull())
    touched = np.flatnonzero(withdraw)
    if not len(touched):
        return stay
    asked = pa.table({CLASS: pa.array(touched.astype(np.int32)), "_withdraw": pa.array(withdraw[touched])})
    by_class = F.broadcast(frames.of_table(spark, asked))
    untouched = stay.join(by_class, CLASS, "left_anti")
    drawn = hmac_sha256(F.concat(F.lit(LABEL), F.lower(F.hex(PUPIL))))
    in_turn = F.row_number().over(Window.partitionBy(CLASS).orderBy("_drawn"))
    ranked = (
        stay.join(by_class, CLASS, "inner")
        .join(F.broadcast(key.frame(spark)))
        .select(*stay.columns, "_withdraw", drawn.alias("_drawn"))
        .select(*stay.columns, "_withdraw", in_turn.alias("_turn"))
    )
    return untouched.unionByName(ranked.where(F.col("_turn") > F.col("_withdraw")).select(*stay.columns))


def _class_counts(
    left: DataFrame, coded: DataFrame, project: Project, classes: int, known: int
) -> ClassCounts:
    """What the rules look at, of every class: the present board counts for m, every board for the shares."""
    home = (F.col("board") == F.col(BOARD)).cast("int").alias("home")
    at = left.select(CLASS, BOARD, F.explode(BOARDS).alias("board")).select(CLASS, "board", home)
    by_board = at.groupBy(CLASS, "board").agg(F.count(F.lit(1)).alias("all"), F.sum("home").alias("home"))
    by_class = by_board.groupBy(CLASS).agg(
        F.sum("home").alias("pupils"), F.count_if(F.col("home") > 0).alias("schools"),
        F.max("all").alias("largest"),
    )  # fmt: skip
    rows: Any = by_class.toArrow()
    pupils, schools, largest = (_laid_out(rows, name, classes) for name in ("pupils", "schools", "largest"))
    if not known:
        return ClassCounts(pupils, schools, largest)
    everybody: Any = handover.eligible(coded, project).groupBy(VALUE).count().toArrow()
    overall = np.zeros(known, dtype=np.int64)
    overall[everybody[VALUE].to_numpy()] = everybody["count"].to_numpy()
    return ClassCounts(pupils, schools, largest, _values(left, classes, known), overall)


def _values(rows: DataFrame, classes: int, known: int) -> Numbers:
    """Pupils per class and sensitive value."""
    counted: Any = rows.groupBy(CLASS, VALUE).count().toArrow()
    table = np.zeros((classes, known), dtype=np.int64)
    table[counted[CLASS].to_numpy(), counted[VALUE].to_numpy()] = counted["count"].to_numpy()
    return table


def _laid_out(rows: Any, name: str, classes: int) -> Numbers:
    """A count per class, 0 where a class has no row."""
    laid_out = np.zeros(classes, dtype=np.int64)
    laid_out[rows[CLASS].to_numpy()] = rows[name].to_numpy()
    return laid_out


def no_wave(project: Project) -> StateRefused:
    return StateRefused(
        expected(
            "a published release that new pupils are added to", example="an anonymous one of the project",
            found="none, or one that is pseudonymous", where="--wave",
            do=f"Make it without: release --project {project.name}",
        )
    )  # fmt: skip


def _damaged(before: Remembered) -> NotAnonymous:
    return NotAnonymous(
        expected(
            f"the pupils that release {before.release} had, to hold this one against it",
            example="a row per released pupil", found="other numbers in its classes",
            where="restricted/released", do="Keep what is published, or destroy the project",
        )
    )  # fmt: skip


def _nothing_left(project: Project, before: Remembered) -> NotAnonymous:
    return NotAnonymous(
        expected(
            f"classes of release {before.release} that can still be released", example="one of k pupils",
            found="none", where=f"project {project.name}",
            do="Destroy the project: without these pupils what is published cannot stay either",
        )
    )  # fmt: skip
