"""A release nested in the published one, so that subtracting the two shows no pupil.

The recoding of the published release is kept. A pupil of it stays in the same class if still admitted with the very
same values; everybody else counts as gone, and nobody new enters. By `departure_rule` more pupils are withdrawn then,
those with the lowest keyed hashes, and classes go as a whole. `cohort_extension` lets new pupils in afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.agreements import Project, derive_class_constraints
from cohort.anonymisation import (
    CLASS_NUMBER,
    HAS_VALUE,
    SENSITIVE_LEAF,
    ClassSearchResult,
    PupilCounts,
    SensitiveColumn,
    assign_classes,
    choose_blanked_classes,
    count_values,
    count_values_by_class,
    hash_pupil,
    read_column_weights,
    select_eligible_pupils,
    tabulate_class_values,
)
from cohort.data_states import make_frame_from_arrow
from cohort.differencing import departure_rule, previous_pupils
from cohort.differencing.previous_pupils import COUNT_UNIT, VALUE_BEFORE, UnitCounts
from cohort.foundation import NotAnonymous, StateRefused, describe_problem
from cohort.keys import ProjectKey
from cohort.release_records import ClassSnapshot, comparability_digest, find_published_record, load_snapshot
from cohort.sdc import (
    CLASS_COLUMN,
    KEY_COLUMN,
    Coding,
    GeneralisedClasses,
    Hierarchy,
    Recoding,
    SensitiveValueCounts,
    WeightedLoss,
    classes_satisfying_all,
    word_column,
)
from cohort.storage import StorageZones

ClassNumbers = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class NestedRelease:
    """The recoding that was kept, with who is in it now, and how many pupils were withdrawn by the rule."""

    classes: ClassSearchResult
    withdrawn: int


def load_previous_snapshot(
    zones: StorageZones, project: Project, hierarchies: Mapping[str, Hierarchy]
) -> ClassSnapshot | None:
    """Load the snapshot of the published release, in which a new one will be nested; None where none is published.

    A pseudonymous project has none: its rows are linked by their pseudonyms anyway, and an objector's rows are taken
    out of its table at once.

    Raises:
        StateRefused: the published release has another release class, or its snapshot is missing (exit code 15).
        ConfigurationRefused: it was made with other columns or hierarchies (10).
    """
    if project.is_pseudonymous:
        return None
    published = find_published_record(zones, project.name)
    if published is None:
        return None
    if published.release_class != project.release_class:
        raise StateRefused(
            describe_problem(
                f"release_class = '{published.release_class}', as release {published.release} has",
                example="the same",
                found=f"'{project.release_class}'",
                where=f"projects/{project.name}.toml",
                do="Restore it, or make a project with a new name",
            )
        )
    coding = Coding(tuple(hierarchies[column.name] for column in project.quasi_identifiers))
    digest = comparability_digest(project, hierarchies)
    return load_snapshot(zones, project, published, coding, digest)


def nest_release(
    encoded: DataFrame,
    project: Project,
    counts: PupilCounts,
    previous: ClassSnapshot,
    key: ProjectKey,
    sensitive: SensitiveColumn | None,
) -> NestedRelease:
    """Return the published release without the pupils who are gone and those who must go with them: a few actions.

    The suppression limit does not apply: an objection does not wait for it. Pupils with a sensitive value and those
    without are counted apart in every class. A class in which somebody's consent ended, or that was blanked before,
    shows no sensitive value any more.

    Args:
        encoded: the pupils encoded today, cached, with their boards of today.
        project: the project's declaration.
        counts: how many pupils and rows came in.
        previous: the snapshot of the published release.
        key: the project's key.
        sensitive: the sensitive column, if there is one.
    Raises:
        NotAnonymous: the snapshot has other pupils than its release had, or nothing would remain (exit code 14).
    """
    # 1. Who is still here, unchanged.
    before = previous.recoding
    snapshot_pupils = previous.read_pupils(encoded.sparkSession)
    matched = previous_pupils.match_previous_pupils(encoded, project, snapshot_pupils, sensitive).persist()
    pupils_before, staying = previous_pupils.count_previous_and_staying(matched, before.classes)
    if not np.array_equal(previous_pupils.sum_units_by_class(pupils_before), before.pupils):
        raise _damaged_snapshot(previous)

    # 2. Who must go with those who are gone, and which classes no longer satisfy their constraints.
    k = project.thresholds.k
    withdrawals = departure_rule.count_withdrawals(pupils_before, staying, k)
    remaining = previous_pupils.remove_withdrawn_pupils(matched, withdrawals, key).persist()
    unit_counts = previous_pupils.count_unit_pupils_and_boards(remaining, before.classes)
    satisfied = classes_satisfying_all(derive_class_constraints(project), unit_counts)
    released = np.where(satisfied, unit_counts.pupils, 0)
    departure_rule.require_hidden_departures(pupils_before, released, k)
    if not released.any():
        raise _nothing_remains(project, previous)

    # 3. The classes that remain, under their new numbers.
    withdrawn = int(staying.sum() - released.sum())
    suppressed = counts.searched - int(released.sum()) - withdrawn
    recoding, new_numbers = _keep_classes(previous, released, suppressed, read_column_weights(project))
    class_frame = _class_frame(remaining, released, new_numbers, before.coding, sensitive)
    classes = ClassSearchResult(recoding, class_frame, sensitive, cached_frames=(matched, remaining))
    if sensitive is None:
        return NestedRelease(classes, withdrawn)

    # 4. What the classes show of the sensitive column.
    members = assign_classes(encoded, project, classes)
    cohort = count_values(select_eligible_pupils(encoded, project), sensitive)
    value_counts = count_values_by_class(members, recoding.classes, sensitive, cohort)
    departed = _departed_values(matched, value_counts, new_numbers, sensitive)
    blanked = _previously_blanked(members, previous, new_numbers, recoding.classes, sensitive)
    blanking = choose_blanked_classes(
        value_counts, sensitive, recoding, key, suppressed_before=blanked, departed=departed
    )
    return NestedRelease(replace(classes, values_by_class=value_counts, blanking=blanking), withdrawn)


def _keep_classes(
    previous: ClassSnapshot, released: UnitCounts, suppressed: int, weights: tuple[float, ...]
) -> tuple[Recoding, ClassNumbers]:
    """Return the recoding of the classes with pupils, and the new number of every class of before, or −1."""
    before = previous.recoding
    by_class = previous_pupils.sum_units_by_class(released)
    kept = np.flatnonzero(by_class > 0)
    recoding, numbers = Recoding.from_classes(
        GeneralisedClasses(before.coding, before.levels[kept], before.leaves[kept], by_class[kept]),
        suppressed,
        WeightedLoss.for_columns("mean", before.coding.columns, weights),
        {**before.search_facts, "proven": False, "kept_from": previous.release},
    )
    new_numbers = np.full(before.classes, -1, dtype=np.int32)
    new_numbers[kept] = numbers
    return recoding, new_numbers


def _class_frame(
    remaining: DataFrame,
    released: UnitCounts,
    new_numbers: ClassNumbers,
    coding: Coding,
    sensitive: SensitiveColumn | None,
) -> DataFrame:
    """Return the class of each released pupil, by the pupil's key and the words of its code."""
    units = np.flatnonzero(released > 0)
    numbers = pa.table({COUNT_UNIT: pa.array(units.astype(np.int32)), CLASS_COLUMN: pa.array(new_numbers[units // 2])})
    by_unit = F.broadcast(make_frame_from_arrow(remaining.sparkSession, numbers))
    words = [word_column(word) for word in range(coding.words)]
    flag = [] if sensitive is None else [HAS_VALUE]
    return remaining.join(by_unit, COUNT_UNIT, "inner").select(
        hash_pupil().alias(KEY_COLUMN), *words, *flag, CLASS_COLUMN
    )


def _departed_values(
    matched: DataFrame, value_counts: SensitiveValueCounts, new_numbers: ClassNumbers, sensitive: SensitiveColumn
) -> SensitiveValueCounts:
    """Count, per class, the sensitive values that only the published release shows: those of pupils who are gone."""
    values_before = matched.where(HAS_VALUE).select(CLASS_NUMBER, F.col(VALUE_BEFORE).alias(SENSITIVE_LEAF), HAS_VALUE)
    tabulated = tabulate_class_values(values_before, len(new_numbers), sensitive)
    kept = np.flatnonzero(new_numbers >= 0)
    before = np.zeros_like(value_counts.pupils_by_value)
    before[new_numbers[kept]] = tabulated[kept]
    return SensitiveValueCounts(np.maximum(before - value_counts.pupils_by_value, 0), value_counts.cohort_pupils)


def _previously_blanked(
    members: DataFrame, previous: ClassSnapshot, new_numbers: ClassNumbers, classes: int, sensitive: SensitiveColumn
) -> npt.NDArray[np.bool_]:
    """Return the classes that were blanked before, or in which a pupil's value is gone since."""
    without_value = members.where(F.col(HAS_VALUE) & ~sensitive.has_value()).select(CLASS_NUMBER)
    lost: Any = without_value.distinct().toArrow()
    kept = np.flatnonzero(new_numbers >= 0)
    blanked = np.zeros(classes, dtype=np.bool_)
    blanked[new_numbers[kept]] = previous.blanked[kept]
    blanked[lost[CLASS_NUMBER].to_numpy()] = True
    return blanked


def cohort_extension_refusal(project: Project) -> StateRefused:
    """Return the refusal of a wave where there is no published release that new pupils can be added to."""
    return StateRefused(
        describe_problem(
            "a published release that new pupils are added to",
            example="an anonymous one of the project",
            found="none, or one that is pseudonymous",
            where="--wave",
            do=f"Make it without: release --project {project.name}",
        )
    )


def _damaged_snapshot(previous: ClassSnapshot) -> NotAnonymous:
    return NotAnonymous(
        describe_problem(
            f"the pupils that release {previous.release} had, to compare this one with it",
            example="a row per released pupil",
            found="other numbers in its classes",
            where="restricted/released",
            do="Keep what is published, or destroy the project",
        )
    )


def _nothing_remains(project: Project, previous: ClassSnapshot) -> NotAnonymous:
    return NotAnonymous(
        describe_problem(
            f"classes of release {previous.release} that can still be released",
            example="one of k pupils",
            found="none",
            where=f"project {project.name}",
            do="Destroy the project: without these pupils what is published cannot stay either",
        )
    )
