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

from cohort.agreements.privacy_model import derive_class_constraints
from cohort.agreements.project import Project
from cohort.anonymisation import class_search, search_input, sensitive_columns
from cohort.anonymisation.class_search import ClassSearchResult
from cohort.anonymisation.pseudonymisation import hmac_sha256
from cohort.anonymisation.pupil_boards import BOARD, BOARDS
from cohort.anonymisation.search_input import SENSITIVE_LEAF, PupilCounts
from cohort.anonymisation.sensitive_columns import CLASS_NUMBER, HAS_VALUE, SensitiveColumn
from cohort.differencing import departure_rule
from cohort.foundation.errors import NotAnonymous, StateRefused, describe_problem
from cohort.keys.project_keys import ProjectKey
from cohort.release_records import class_snapshot, record_store
from cohort.release_records.class_snapshot import ClassSnapshot
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.partitioned import partitions
from cohort.sdc.privacy_models.class_constraints import ClassCounts, classes_satisfying_all
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueCounts
from cohort.states import local_frames
from cohort.states.schemas import PUPIL_CONTROL, SCHOOL_CONTROL
from cohort.storage.zone_paths import StorageZones

WITHDRAWAL_LABEL = "teruggetrokken|"
"""What a pupil's pseudonym is hashed under, to choose who is withdrawn."""

COUNT_UNIT = "_unit"
"""A class and the population within it: twice the class, plus one for the pupils with a sensitive value."""
VALUE_BEFORE, VALUE_NOW = "_value_then", "_value_now"

UnitCounts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NestedRelease:
    """The outcome: the recoding that was kept, with who is in it now, and how many were withdrawn besides."""

    recoded: ClassSearchResult
    withdrawn: int


def load_previous_snapshot(
    zones: StorageZones, project: Project, hierarchies: Mapping[str, Hierarchy]
) -> ClassSnapshot | None:
    """What a new release will be nested in: the published one, if any.

    Refuses: what `memory.load` refuses; a published release of another class (exit code 15).
    """
    if project.is_pseudonymous:
        return None  # its rows are tied by their pseudonyms anyway, an objector's are deleted from it at once
    read = record_store.find_published_record(zones, project.name)
    if read is None:
        return None
    if read.release_class != project.release_class:
        raise StateRefused(
            describe_problem(
                f"release_class = '{read.release_class}', as release {read.release} has",
                example="the same",
                found=f"'{project.release_class}'",
                where=f"projects/{project.name}.toml",
                do="Restore it, or make a project with a new name",
            )
        )
    coding = Coding(tuple(hierarchies[column.name] for column in project.quasi_identifiers))
    return class_snapshot.load_snapshot(
        zones, project, read, coding, class_snapshot.comparability_digest(project, hierarchies)
    )


def nest_release(
    coded: DataFrame,
    project: Project,
    counts: PupilCounts,
    before: ClassSnapshot,
    key: ProjectKey,
    own: SensitiveColumn | None,
) -> NestedRelease:
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
    withdraw = departure_rule.count_withdrawals(were, stay, project.thresholds.k)
    left = _without(found, withdraw, key).persist()
    now = _class_counts(left, then.classes)
    goes = ~classes_satisfying_all(derive_class_constraints(project), now)
    released = np.where(goes, 0, now.pupils)
    departure_rule.require_hidden_departures(were, released, project.thresholds.k)
    if not released.any():
        raise _nothing_left(project, before)
    of_class = _of_classes(released)
    withdrawn = int(stay.sum() - released.sum())
    kept = np.flatnonzero(of_class > 0)
    recoding, number = Recoding.from_classes(
        then.coding,
        then.levels[kept],
        then.leaves[kept],
        of_class[kept],
        counts.searched - int(released.sum()) - withdrawn,
        WeightedLoss.for_columns("mean", then.coding.columns, class_search.read_column_weights(project)),
        {**then.search_facts, "proven": False, "kept_from": before.release},
    )
    new_number = np.full(then.classes, -1, dtype=np.int32)
    new_number[kept] = number
    staying = np.flatnonzero(released > 0)
    zones = pa.table(
        {COUNT_UNIT: pa.array(staying.astype(np.int32)), partitions.CLASS_COLUMN: pa.array(new_number[staying // 2])}
    )
    words = [partitions.word_column(word) for word in range(then.coding.words)]
    flag = [HAS_VALUE] if own is not None else []
    classes = left.join(F.broadcast(local_frames.make_frame_from_arrow(spark, zones)), COUNT_UNIT, "inner").select(
        search_input.hash_pupil().alias(partitions.KEY_COLUMN), *words, *flag, partitions.CLASS_COLUMN
    )
    recoded = ClassSearchResult(recoding, classes, own, cached_frames=(found, left))
    if own is not None:
        recoded = _with_values(recoded, coded, project, found, before, new_number, key)
    return NestedRelease(recoded, withdrawn)


def _with_values(
    recoded: ClassSearchResult,
    coded: DataFrame,
    project: Project,
    found: DataFrame,
    before: ClassSnapshot,
    new_number: npt.NDArray[np.int32],
    key: ProjectKey,
) -> ClassSearchResult:
    """The nested recoding with what its classes show: who left shows in the difference, and keeps the rules.

    Takes: everybody of the release before, with the leaf then and now; the number of each class now, or −1.
    """
    own = recoded.sensitive_column
    if own is None:
        raise TypeError("a recoding without a sensitive column")
    overall = sensitive_columns.count_values(search_input.select_eligible_pupils(coded, project), own)
    there = class_search.assign_classes(coded, project, recoded)
    classes = recoded.recoding.classes
    counts = sensitive_columns.count_values_by_class(there, classes, own, overall)
    known_then = found.where(HAS_VALUE).select(CLASS_NUMBER, F.col(VALUE_BEFORE).alias(SENSITIVE_LEAF), HAS_VALUE)
    then = np.zeros_like(counts.pupils_by_value)
    kept = np.flatnonzero(new_number >= 0)
    then[new_number[kept]] = sensitive_columns.tabulate_class_values(known_then, len(new_number), own)[kept]
    gone = SensitiveValueCounts(np.maximum(then - counts.pupils_by_value, 0), overall)
    lost: Any = there.where(F.col(HAS_VALUE) & ~own.has_value()).select(CLASS_NUMBER).distinct().toArrow()
    blanked = np.zeros(classes, dtype=np.bool_)
    blanked[new_number[kept]] = before.blanked[kept]
    blanked[lost[CLASS_NUMBER].to_numpy()] = True
    blanking = sensitive_columns.choose_blanked_classes(counts, own, recoded.recoding, key, before=blanked, gone=gone)
    return replace(recoded, counts=counts, blanking=blanking)


def _found(coded: DataFrame, project: Project, remembered: DataFrame, own: SensitiveColumn | None) -> DataFrame:
    """Everybody of the release before, with today's school and boards where nothing of the pupil has changed.

    A sensitive value may be gone since (a consent ended), and one that is new is not shown; another value is
    another record. UNIT is twice the class, plus one for the pupils with a value.
    """
    today = search_input.select_eligible_pupils(coded, project)
    if own is None:
        same = remembered.drop(CLASS_NUMBER).columns
        joined = remembered.join(today.select(*same, SCHOOL_CONTROL, BOARD, BOARDS), same, "left")
        return joined.withColumn(COUNT_UNIT, (F.col(CLASS_NUMBER) * 2).cast("int"))
    same = remembered.drop(CLASS_NUMBER, SENSITIVE_LEAF, HAS_VALUE).columns
    now = today.select(*same, F.col(SENSITIVE_LEAF).alias(VALUE_NOW), SCHOOL_CONTROL, BOARD, BOARDS)
    joined = remembered.withColumnRenamed(SENSITIVE_LEAF, VALUE_BEFORE).join(now, same, "left")
    other = F.col(HAS_VALUE) & (F.col(VALUE_NOW) != F.col(VALUE_BEFORE)) & (F.col(VALUE_NOW) != own.unknown_leaf)
    changed = F.coalesce(other, F.lit(False))
    return joined.withColumns(
        {
            SCHOOL_CONTROL: F.when(~changed, F.col(SCHOOL_CONTROL)),
            COUNT_UNIT: (F.col(CLASS_NUMBER) * 2 + F.col(HAS_VALUE).cast("int")).cast("int"),
        }
    )


def _counted(found: DataFrame, classes: int) -> tuple[UnitCounts, UnitCounts]:
    """Per unit who was there, and who could stay."""
    by_unit = found.groupBy(COUNT_UNIT).agg(F.count(F.lit(1)).alias("were"), F.count(SCHOOL_CONTROL).alias("stay"))
    rows: Any = by_unit.toArrow()
    return _laid_out(rows, "were", classes), _laid_out(rows, "stay", classes)


def _without(found: DataFrame, withdraw: UnitCounts, key: ProjectKey) -> DataFrame:
    """Who could stay, without those to be withdrawn: in each unit the pupils of the lowest keyed hashes."""
    spark, stay = found.sparkSession, found.where(F.col(SCHOOL_CONTROL).isNotNull())
    touched = np.flatnonzero(withdraw)
    if not len(touched):
        return stay
    asked = pa.table({COUNT_UNIT: pa.array(touched.astype(np.int32)), "_withdraw": pa.array(withdraw[touched])})
    by_unit = F.broadcast(local_frames.make_frame_from_arrow(spark, asked))
    untouched = stay.join(by_unit, COUNT_UNIT, "left_anti")
    drawn = hmac_sha256(F.concat(F.lit(WITHDRAWAL_LABEL), F.lower(F.hex(PUPIL_CONTROL))))
    in_turn = F.row_number().over(Window.partitionBy(COUNT_UNIT).orderBy("_drawn"))
    ranked = (
        stay.join(by_unit, COUNT_UNIT, "inner")
        .join(F.broadcast(key.key_frame(spark)))
        .select(*stay.columns, "_withdraw", drawn.alias("_drawn"))
        .select(*stay.columns, "_withdraw", in_turn.alias("_turn"))
    )
    return untouched.select(*stay.columns).unionByName(
        ranked.where(F.col("_turn") > F.col("_withdraw")).select(*stay.columns)
    )


def _class_counts(left: DataFrame, classes: int) -> ClassCounts:
    """What the rules look at, of every unit: the present board counts for m, every board for the shares."""
    home = (F.col("board") == F.col(BOARD)).cast("int").alias("home")
    at = left.select(COUNT_UNIT, BOARD, F.explode(BOARDS).alias("board")).select(COUNT_UNIT, "board", home)
    by_board = at.groupBy(COUNT_UNIT, "board").agg(F.count(F.lit(1)).alias("all"), F.sum("home").alias("home"))
    by_unit = by_board.groupBy(COUNT_UNIT).agg(
        F.sum("home").alias("pupils"), F.count_if(F.col("home") > 0).alias("schools"), F.max("all").alias("largest")
    )
    rows: Any = by_unit.toArrow()
    return ClassCounts(*(_laid_out(rows, name, classes) for name in ("pupils", "schools", "largest")))


def _of_classes(by_unit: UnitCounts) -> UnitCounts:
    """Counts per class, from those per unit."""
    summed: UnitCounts = by_unit.reshape(-1, 2).sum(axis=1)
    return summed


def _laid_out(rows: Any, name: str, classes: int) -> UnitCounts:
    """A count per unit, 0 where a unit has no row."""
    laid_out = np.zeros(2 * classes, dtype=np.int64)
    laid_out[rows[COUNT_UNIT].to_numpy()] = rows[name].to_numpy()
    return laid_out


def cohort_extension_refusal(project: Project) -> StateRefused:
    return StateRefused(
        describe_problem(
            "a published release that new pupils are added to",
            example="an anonymous one of the project",
            found="none, or one that is pseudonymous",
            where="--wave",
            do=f"Make it without: release --project {project.name}",
        )
    )


def _damaged(before: ClassSnapshot) -> NotAnonymous:
    return NotAnonymous(
        describe_problem(
            f"the pupils that release {before.release} had, to hold this one against it",
            example="a row per released pupil",
            found="other numbers in its classes",
            where="restricted/released",
            do="Keep what is published, or destroy the project",
        )
    )


def _nothing_left(project: Project, before: ClassSnapshot) -> NotAnonymous:
    return NotAnonymous(
        describe_problem(
            f"classes of release {before.release} that can still be released",
            example="one of k pupils",
            found="none",
            where=f"project {project.name}",
            do="Destroy the project: without these pupils what is published cannot stay either",
        )
    )
