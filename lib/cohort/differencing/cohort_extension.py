"""A wave: a release that new pupils enter although an earlier one is published.

Pupils of the published release stay in their classes, or are gone by `departure_rule`. Pupils who never were in a
release get a recoding of their own, among themselves, under all constraints. So whoever subtracts the two releases
finds of each class nobody, or at least k pupils who are gone, and nobody, or at least k who are new. An intruder who
can link the records of both is simulated all the same, and the exact record says what that intruder finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.anonymisation import (
    CLASS_NUMBER,
    HAS_VALUE,
    ClassSearchResult,
    ClassSearchTask,
    assign_classes,
    hash_pupil,
    read_column_weights,
    renumber_classes,
    require_pupil_classes,
    search_classes,
    select_eligible_pupils,
)
from cohort.data_states import PUPIL_CONTROL
from cohort.differencing.nested_release import NestedRelease
from cohort.foundation import NotAnonymous, describe_problem
from cohort.keys import ProjectKey
from cohort.release_records import ClassSnapshot
from cohort.sdc import (
    CLASS_COLUMN,
    KEY_COLUMN,
    NO_SCHOOL,
    SUPPRESSED_CLASS,
    Histogram,
    IntruderSearch,
    Recoding,
    SensitiveSuppression,
    SensitiveValueCounts,
    WeightedLoss,
    simulate_linked_releases,
    word_column,
)

CLASS_BEFORE, CLASS_NOW = "_one", "_two"
"""A pupil's class in the release before and in this one; null where the pupil is not in it."""

NumberedClasses = tuple[ClassSearchResult, Any]
"""Classes with the number that each of them has among all."""


def extend_cohort(
    nested: NestedRelease, encoded: DataFrame, project: Project, previous: ClassSnapshot, key: ProjectKey, most: int
) -> NestedRelease:
    """Add classes of pupils who never were in a release to a nested release: a few actions.

    A class of old and of new pupils that show the same labels shows no sensitive value where either did not by itself.

    Args:
        nested: the release nested in the published one.
        encoded: the pupils encoded today, cached, with their boards.
        project: the project's declaration.
        previous: the snapshot of the published release.
        key: the project's key.
        most: how many pupils one search may have.
    Raises:
        NotAnonymous: there is no recoding of the new pupils within the suppression limit, or too few of them have a
            value of the sensitive column (exit code 14).
    """
    old = nested.classes
    eligible = select_eligible_pupils(encoded, project)
    ever_released = previous.read_pseudonyms_ever_released(encoded.sparkSession)
    new_pupils = eligible.join(ever_released, PUPIL_CONTROL, "left_anti").persist()
    number = new_pupils.count()
    if not number:
        new_pupils.unpersist()
        return nested
    coding = old.recoding.coding
    task = ClassSearchTask(project, coding, key, most, old.sensitive_column)
    new = search_classes(new_pupils, number, task)
    weights = read_column_weights(project)
    recoding, numbers = Recoding.merge(
        [old.recoding, new.recoding],
        old.recoding.suppressed - new.recoding.released_pupils,
        WeightedLoss.for_columns("mean", coding.columns, weights),
        {**old.recoding.search_facts, "new": new.recoding.search_facts},
    )
    old_frame = renumber_classes(require_pupil_classes(old), numbers[0])
    new_frame = renumber_classes(_class_frame(new_pupils, project, new), numbers[1])
    merged = ClassSearchResult(
        recoding,
        old_frame.unionByName(new_frame),
        old.sensitive_column,
        cached_frames=(*old.cached_frames, *new.cached_frames, new_pupils),
    )
    return NestedRelease(_merge_sensitive_values(merged, [(old, numbers[0]), (new, numbers[1])]), nested.withdrawn)


def _class_frame(new_pupils: DataFrame, project: Project, classes: ClassSearchResult) -> DataFrame:
    """Return the class of each new pupil, by the pupil's key and the words of its code."""
    words = [word_column(word) for word in range(classes.recoding.coding.words)]
    flag = [] if classes.sensitive_column is None else [HAS_VALUE]
    return assign_classes(new_pupils, project, classes).select(
        hash_pupil().alias(KEY_COLUMN), *words, *flag, F.col(CLASS_NUMBER).alias(CLASS_COLUMN)
    )


def _merge_sensitive_values(merged: ClassSearchResult, parts: Sequence[NumberedClasses]) -> ClassSearchResult:
    """Give the merged classes the sensitive values of their parts; a class that any part blanks is blanked."""
    if merged.sensitive_column is None:
        return merged
    classes = merged.recoding.classes
    values = np.zeros((classes, len(merged.sensitive_column.leaves) - 1), dtype=np.int64)
    flags = {name: np.zeros(classes, dtype=np.bool_) for name in ("failed", "covers", "previously_suppressed")}
    cohort_pupils = np.zeros(values.shape[1], dtype=np.int64)
    for part, numbers in parts:
        if part.values_by_class is None or part.blanking is None:
            raise TypeError("a recoding without what its classes show")
        np.add.at(values, numbers, part.values_by_class.pupils_by_value)
        cohort_pupils += part.values_by_class.cohort_pupils
        for name, flag in flags.items():
            flag[numbers[getattr(part.blanking, name)]] = True
    counts = SensitiveValueCounts(values, cohort_pupils)
    return replace(merged, blanking=SensitiveSuppression(**flags), values_by_class=counts)


def require_unlinkable_releases(
    members: DataFrame, recoding: Recoding, previous: ClassSnapshot, k: int
) -> IntruderSearch:
    """Simulate an intruder who is given both releases and can link their records: an action.

    Args:
        members: the released pupils with their class and the words of their code.
        recoding: the classes of this release.
        previous: the snapshot of the published release.
        k: the fewest linked records that must be possible for each pupil.
    Returns:
        What the intruder finds, on a sample of the pupils in either release.
    Raises:
        NotAnonymous: for some pupil fewer than k linked records are possible (exit code 14).
    """
    words = [word_column(word) for word in range(recoding.coding.words)]
    linked = _link_pupils(members, previous, words)
    first, second = (
        replace(release, class_of=linked[name].to_numpy().astype(np.int32))
        for release, name in ((previous.recoding, CLASS_BEFORE), (recoding, CLASS_NOW))
    )
    search = simulate_linked_releases(_linked_histogram(linked, words), first, second, k)
    if search.fewer_than_k:
        raise NotAnonymous(
            describe_problem(
                f"at least {k} linked records for everybody in release {previous.release} or this one",
                example="as a wave of k new pupils per class has",
                found="fewer for some",
                where="the intruder who is given both releases",
                do="Release without --wave",
            )
        )
    return search


def _link_pupils(members: DataFrame, previous: ClassSnapshot, words: list[str]) -> Any:
    """Return an Arrow table of distinct codes with both classes and the number of pupils, in order of the codes."""
    before = previous.read_pupils(members.sparkSession).select(
        PUPIL_CONTROL, F.col(CLASS_NUMBER).alias(CLASS_BEFORE), *words
    )
    now = members.select(PUPIL_CONTROL, F.col(CLASS_NUMBER).alias(CLASS_NOW), *words)
    absent = F.lit(SUPPRESSED_CLASS)
    class_before = F.coalesce(CLASS_BEFORE, absent).alias(CLASS_BEFORE)
    class_now = F.coalesce(CLASS_NOW, absent).alias(CLASS_NOW)
    linked = before.join(now, [PUPIL_CONTROL, *words], "full").groupBy(*words, class_before, class_now).count()
    return linked.toArrow().sort_by([(word, "ascending") for word in words])


def _linked_histogram(linked: Any, words: list[str]) -> Histogram:
    """Return the linked pupils as a histogram of codes, without schools."""
    counts = linked["count"].to_numpy().astype(np.int64)
    no_visits = np.empty(0, dtype=np.int64)
    return Histogram(
        np.stack([linked[word].to_numpy() for word in words]),
        np.full(len(counts), NO_SCHOOL, np.int32),
        counts,
        no_visits,
        no_visits.astype(np.int32),
        no_visits,
    )
