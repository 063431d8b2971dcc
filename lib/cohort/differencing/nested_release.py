"""What a release may differ in from the one before: nested in it, so that subtracting the two shows nobody.

The recoding of the release before is kept. Who was in it stays, in the same class, if still admitted and
with the very same values; everybody else counts as gone, and nobody new enters. What `nesting` asks then
happens to the rows: further pupils are withdrawn, those with the lowest keyed hashes, and classes go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from cohort.agreements.privacy_model import constraints
from cohort.agreements.project import Project
from cohort.anonymisation import class_search, search_input, sensitive_columns
from cohort.anonymisation.class_search import Recoded
from cohort.anonymisation.pseudonymise import hmac_sha256
from cohort.anonymisation.pupil_boards import BOARD, BOARDS
from cohort.anonymisation.search_input import VALUE, Counts
from cohort.anonymisation.sensitive_columns import CLASS, WITH_VALUE, SensitiveColumn
from cohort.differencing import nesting
from cohort.foundation.errors import NotAnonymous, StateRefused, expected
from cohort.keys.project_keys import Key
from cohort.release_records import class_snapshot, release_record
from cohort.release_records.class_snapshot import Remembered
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.partitioned import partitions
from cohort.sdc.privacy_models.constraints import ClassCounts, all_hold
from cohort.sdc.privacy_models.l_diversity import ValueCounts
from cohort.sdc.utility.loss import Objective
from cohort.states import local_frames
from cohort.states.schemas import PUPIL, SCHOOL
from cohort.storage.paths import Places

LABEL = "teruggetrokken|"
"""What a pupil's pseudonym is hashed under, to choose who is withdrawn."""

UNIT = "_unit"
"""A class and the population within it: twice the class, plus one for the pupils with a sensitive value."""
THEN, NOW = "_value_then", "_value_now"

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
    read = release_record.published(places, project.name)
    if read is None:
        return None
    if read.facts["class"] != project.release_class:
        raise StateRefused(
            expected(
                f"release_class = '{read.facts['class']}', as release {read.release} has",
                example="the same",
                found=f"'{project.release_class}'",
                where=f"projects/{project.name}.toml",
                do="Restore it, or make a project with a new name",
            )
        )
    coding = Coding(tuple(hierarchies[column.name] for column in project.quasi_identifying))
    return class_snapshot.load(places, project, read, coding, class_snapshot.agreed(project, hierarchies))


def nested(
    coded: DataFrame, project: Project, counts: Counts, before: Remembered, key: Key, own: SensitiveColumn | None
) -> Nested:
    """The release before, without who is gone and who must go with them: a few actions.

    The suppression limit is not asked again: an objection does not wait for it. Pupils with a sensitive value
    and those without are counted apart in every class. A class of which somebody's consent is gone, or that
    was blanked before, shows no value any more.

    Takes: the pupils coded today, kept and counted, with their boards of today; what is remembered of the
    release before; the project's key; the sensitive column, if there is one.
    Refuses: a memory with other pupils than its release had; a release of which nothing would be left (exit
    code 14).
    """
    spark, then = coded.sparkSession, before.recoding
    found = _found(coded, project, before.pupils(spark), own).persist()
    were, stay = _counted(found, then.classes)
    if not np.array_equal(_of_classes(were), then.pupils):
        raise _damaged(before)
    withdraw = nesting.to_withdraw(were, stay, project.thresholds.k)
    left = _without(found, withdraw, key).persist()
    now = _class_counts(left, then.classes)
    goes = ~all_hold(constraints(project), now)
    released = np.where(goes, 0, now.pupils)
    nesting.require_hidden(were, released, project.thresholds.k)
    if not released.any():
        raise _nothing_left(project, before)
    of_class = _of_classes(released)
    withdrawn = int(stay.sum() - released.sum())
    kept = np.flatnonzero(of_class > 0)
    recoding, number = Recoding.of_classes(
        then.coding,
        then.levels[kept],
        then.leaves[kept],
        of_class[kept],
        counts.searched - int(released.sum()) - withdrawn,
        Objective.of("mean", then.coding.columns, class_search.weights(project)),
        {**then.search, "proven": False, "kept_from": before.release},
    )
    new_number = np.full(then.classes, -1, dtype=np.int32)
    new_number[kept] = number
    staying = np.flatnonzero(released > 0)
    places = pa.table({UNIT: pa.array(staying.astype(np.int32)), partitions.CLASS: pa.array(new_number[staying // 2])})
    words = [partitions.word(word) for word in range(then.coding.words)]
    flag = [WITH_VALUE] if own is not None else []
    classes = left.join(F.broadcast(local_frames.of_table(spark, places)), UNIT, "inner").select(
        search_input.key().alias(partitions.KEY), *words, *flag, partitions.CLASS
    )
    recoded = Recoded(recoding, classes, own, kept=(found, left))
    if own is not None:
        recoded = _with_values(recoded, coded, project, found, before, new_number, key)
    return Nested(recoded, withdrawn)


def _with_values(
    recoded: Recoded,
    coded: DataFrame,
    project: Project,
    found: DataFrame,
    before: Remembered,
    new_number: npt.NDArray[np.int32],
    key: Key,
) -> Recoded:
    """The nested recoding with what its classes show: who left shows in the difference, and keeps the rules.

    Takes: everybody of the release before, with the leaf then and now; the number of each class now, or −1.
    """
    own = recoded.sensitive
    if own is None:
        raise TypeError("a recoding without a sensitive column")
    overall = sensitive_columns.everybody(search_input.eligible(coded, project), own)
    there = class_search.members(coded, project, recoded)
    classes = recoded.recoding.classes
    counts = sensitive_columns.counted(there, classes, own, overall)
    known_then = found.where(WITH_VALUE).select(CLASS, F.col(THEN).alias(VALUE), WITH_VALUE)
    then = np.zeros_like(counts.values)
    kept = np.flatnonzero(new_number >= 0)
    then[new_number[kept]] = sensitive_columns.per_class(known_then, len(new_number), own)[kept]
    gone = ValueCounts(np.maximum(then - counts.values, 0), overall)
    lost: Any = there.where(F.col(WITH_VALUE) & ~own.known()).select(CLASS).distinct().toArrow()
    blanked = np.zeros(classes, dtype=np.bool_)
    blanked[new_number[kept]] = before.blanked[kept]
    blanked[lost[CLASS].to_numpy()] = True
    blanking = sensitive_columns.decide(counts, own, recoded.recoding, key, before=blanked, gone=gone)
    return replace(recoded, counts=counts, blanking=blanking)


def _found(coded: DataFrame, project: Project, remembered: DataFrame, own: SensitiveColumn | None) -> DataFrame:
    """Everybody of the release before, with today's school and boards where nothing of the pupil has changed.

    A sensitive value may be gone since (a consent ended), and one that is new is not shown; another value is
    another record. UNIT is twice the class, plus one for the pupils with a value.
    """
    today = search_input.eligible(coded, project)
    if own is None:
        same = remembered.drop(CLASS).columns
        joined = remembered.join(today.select(*same, SCHOOL, BOARD, BOARDS), same, "left")
        return joined.withColumn(UNIT, (F.col(CLASS) * 2).cast("int"))
    same = remembered.drop(CLASS, VALUE, WITH_VALUE).columns
    now = today.select(*same, F.col(VALUE).alias(NOW), SCHOOL, BOARD, BOARDS)
    joined = remembered.withColumnRenamed(VALUE, THEN).join(now, same, "left")
    other = F.col(WITH_VALUE) & (F.col(NOW) != F.col(THEN)) & (F.col(NOW) != own.unknown)
    changed = F.coalesce(other, F.lit(False))
    return joined.withColumns(
        {SCHOOL: F.when(~changed, F.col(SCHOOL)), UNIT: (F.col(CLASS) * 2 + F.col(WITH_VALUE).cast("int")).cast("int")}
    )


def _counted(found: DataFrame, classes: int) -> tuple[Numbers, Numbers]:
    """Per unit who was there, and who could stay."""
    by_unit = found.groupBy(UNIT).agg(F.count(F.lit(1)).alias("were"), F.count(SCHOOL).alias("stay"))
    rows: Any = by_unit.toArrow()
    return _laid_out(rows, "were", classes), _laid_out(rows, "stay", classes)


def _without(found: DataFrame, withdraw: Numbers, key: Key) -> DataFrame:
    """Who could stay, without those to be withdrawn: in each unit the pupils of the lowest keyed hashes."""
    spark, stay = found.sparkSession, found.where(F.col(SCHOOL).isNotNull())
    touched = np.flatnonzero(withdraw)
    if not len(touched):
        return stay
    asked = pa.table({UNIT: pa.array(touched.astype(np.int32)), "_withdraw": pa.array(withdraw[touched])})
    by_unit = F.broadcast(local_frames.of_table(spark, asked))
    untouched = stay.join(by_unit, UNIT, "left_anti")
    drawn = hmac_sha256(F.concat(F.lit(LABEL), F.lower(F.hex(PUPIL))))
    in_turn = F.row_number().over(Window.partitionBy(UNIT).orderBy("_drawn"))
    ranked = (
        stay.join(by_unit, UNIT, "inner")
        .join(F.broadcast(key.frame(spark)))
        .select(*stay.columns, "_withdraw", drawn.alias("_drawn"))
        .select(*stay.columns, "_withdraw", in_turn.alias("_turn"))
    )
    return untouched.select(*stay.columns).unionByName(
        ranked.where(F.col("_turn") > F.col("_withdraw")).select(*stay.columns)
    )


def _class_counts(left: DataFrame, classes: int) -> ClassCounts:
    """What the rules look at, of every unit: the present board counts for m, every board for the shares."""
    home = (F.col("board") == F.col(BOARD)).cast("int").alias("home")
    at = left.select(UNIT, BOARD, F.explode(BOARDS).alias("board")).select(UNIT, "board", home)
    by_board = at.groupBy(UNIT, "board").agg(F.count(F.lit(1)).alias("all"), F.sum("home").alias("home"))
    by_unit = by_board.groupBy(UNIT).agg(
        F.sum("home").alias("pupils"), F.count_if(F.col("home") > 0).alias("schools"), F.max("all").alias("largest")
    )
    rows: Any = by_unit.toArrow()
    return ClassCounts(*(_laid_out(rows, name, classes) for name in ("pupils", "schools", "largest")))


def _of_classes(by_unit: Numbers) -> Numbers:
    """Counts per class, from those per unit."""
    summed: Numbers = by_unit.reshape(-1, 2).sum(axis=1)
    return summed


def _laid_out(rows: Any, name: str, classes: int) -> Numbers:
    """A count per unit, 0 where a unit has no row."""
    laid_out = np.zeros(2 * classes, dtype=np.int64)
    laid_out[rows[UNIT].to_numpy()] = rows[name].to_numpy()
    return laid_out


def no_wave(project: Project) -> StateRefused:
    return StateRefused(
        expected(
            "a published release that new pupils are added to",
            example="an anonymous one of the project",
            found="none, or one that is pseudonymous",
            where="--wave",
            do=f"Make it without: release --project {project.name}",
        )
    )


def _damaged(before: Remembered) -> NotAnonymous:
    return NotAnonymous(
        expected(
            f"the pupils that release {before.release} had, to hold this one against it",
            example="a row per released pupil",
            found="other numbers in its classes",
            where="restricted/released",
            do="Keep what is published, or destroy the project",
        )
    )


def _nothing_left(project: Project, before: Remembered) -> NotAnonymous:
    return NotAnonymous(
        expected(
            f"classes of release {before.release} that can still be released",
            example="one of k pupils",
            found="none",
            where=f"project {project.name}",
            do="Destroy the project: without these pupils what is published cannot stay either",
        )
    )
