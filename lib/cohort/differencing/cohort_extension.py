"""A wave: a release that new data enters, although an earlier one is read.

Who was in the release before stays in its class, or is gone by the rule on differences; pupils who never were
in any get a recoding of their own, among themselves, under all constraints. So who subtracts the two releases
finds of each class nobody, or at least k who are gone, and nobody, or at least k who are new. An intruder who
could link the records of both is set on them all the same, and the record says what he found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.agreements.project import Project
from cohort.anonymisation import class_search, search_input
from cohort.anonymisation.class_search import ClassSearchResult
from cohort.anonymisation.search_input import PupilCounts
from cohort.anonymisation.sensitive_columns import CLASS_NUMBER, HAS_VALUE
from cohort.differencing.nested_release import NestedRelease
from cohort.foundation.errors import NotAnonymous, describe_problem
from cohort.keys.project_keys import ProjectKey
from cohort.release_records.class_snapshot import ClassSnapshot
from cohort.sdc.model.histogram import NO_SCHOOL, Histogram
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import SUPPRESSED_CLASS, Recoding
from cohort.sdc.partitioned import partitions
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueCounts
from cohort.sdc.privacy_models.sensitive_suppression import SensitiveSuppression
from cohort.sdc.risk import motivated_intruder
from cohort.sdc.risk.motivated_intruder import IntruderSearch
from cohort.states.schemas import PUPIL_CONTROL

CLASS_BEFORE, CLASS_NOW = "_one", "_two"
"""A pupil's class in the release before and in this one; none where it is not in it."""


def extend_cohort(
    nested: NestedRelease, coded: DataFrame, project: Project, before: ClassSnapshot, key: ProjectKey, most: int
) -> NestedRelease:
    """The nested release, with classes of pupils who never were in a release: a few actions.

    Takes: the pupils coded today, kept, with their boards; the project's key; how many pupils one search may
    have.
    Gives: a class of old and new pupils shows no sensitive value where either did not by itself.
    Refuses: new pupils for whom there is no recoding within the suppression limit, or too few of whom have a
    value of the sensitive column (exit code 14).
    """
    spark, old = coded.sparkSession, nested.recoded
    eligible = search_input.select_eligible_pupils(coded, project)
    new = eligible.join(before.everybody(spark), PUPIL_CONTROL, "left_anti").persist()
    number = new.count()
    if not number:
        new.unpersist()
        return nested
    coding = old.recoding.coding
    fresh = class_search.search_classes(
        new, project, coding, PupilCounts(number, 0, 0, 0), old.sensitive_column, key, most
    )
    suppressed = old.recoding.suppressed - fresh.recoding.released_pupils
    goal = WeightedLoss.for_columns("mean", coding.columns, class_search.read_column_weights(project))
    facts = {**old.recoding.search_facts, "new": fresh.recoding.search_facts}
    recoding, numbers = Recoding.merge([old.recoding, fresh.recoding], suppressed, goal, facts)
    words = [partitions.word_column(word) for word in range(coding.words)]
    flag = [HAS_VALUE] if old.sensitive_column is not None else []
    of_new = class_search.assign_classes(new, project, fresh).select(
        search_input.hash_pupil().alias(partitions.KEY_COLUMN),
        *words,
        *flag,
        F.col(CLASS_NUMBER).alias(partitions.CLASS_COLUMN),
    )
    classes = reduce(
        DataFrame.unionByName,
        [
            class_search.renumber_classes(class_search.require_pupil_classes(old), numbers[0]),
            class_search.renumber_classes(of_new, numbers[1]),
        ],
    )
    kept = (*old.cached_frames, *fresh.cached_frames, new)
    joined = ClassSearchResult(recoding, classes, old.sensitive_column, cached_frames=kept)
    return NestedRelease(_with_values(joined, [(old, numbers[0]), (fresh, numbers[1])]), nested.withdrawn)


def _with_values(joined: ClassSearchResult, parts_of_it: Sequence[tuple[ClassSearchResult, Any]]) -> ClassSearchResult:
    """The joined recoding with the sensitive values of its parts, by the number that each class has there."""
    if joined.sensitive_column is None:
        return joined
    number = joined.recoding.classes
    values = np.zeros((number, len(joined.sensitive_column.leaves) - 1), dtype=np.int64)
    flags = {name: np.zeros(number, dtype=np.bool_) for name in ("failed", "covers", "previously_suppressed")}
    overall = np.zeros(values.shape[1], dtype=np.int64)
    for part, place in parts_of_it:
        if part.counts is None or part.blanking is None:
            raise TypeError("a recoding without what its classes show")
        np.add.at(values, place, part.counts.pupils_by_value)
        overall += part.counts.cohort_pupils
        for name, flag in flags.items():
            flag[place[getattr(part.blanking, name)]] = True
    return replace(joined, blanking=SensitiveSuppression(**flags), counts=SensitiveValueCounts(values, overall))


def require_unlinkable_releases(
    members: DataFrame, recoding: Recoding, before: ClassSnapshot, k: int
) -> IntruderSearch:
    """What an intruder finds who is given both releases and can link them: an action.

    Takes: the released pupils with class and words; the recoding; the release before; k.
    Gives: what he found, of a sample of the pupils in either.
    Refuses: pupils for whom fewer than k linked records could be theirs (exit code 14).
    """
    words = [partitions.word_column(word) for word in range(recoding.coding.words)]
    then = before.pupils(members.sparkSession).select(PUPIL_CONTROL, F.col(CLASS_NUMBER).alias(CLASS_BEFORE), *words)
    now = members.select(PUPIL_CONTROL, F.col(CLASS_NUMBER).alias(CLASS_NOW), *words)
    none = F.lit(SUPPRESSED_CLASS)
    linked = (
        then.join(now, [PUPIL_CONTROL, *words], "full")
        .groupBy(
            *words, F.coalesce(CLASS_BEFORE, none).alias(CLASS_BEFORE), F.coalesce(CLASS_NOW, none).alias(CLASS_NOW)
        )
        .count()
    )
    table: Any = linked.toArrow().sort_by([(word, "ascending") for word in words])
    counts = table["count"].to_numpy().astype(np.int64)
    units, nobody = len(counts), np.empty(0, dtype=np.int64)
    histogram = Histogram(
        np.stack([table[word].to_numpy() for word in words]),
        np.full(units, NO_SCHOOL, np.int32),
        counts,
        nobody,
        nobody.astype(np.int32),
        nobody,
    )
    first, second = (
        replace(one, class_of=table[name].to_numpy().astype(np.int32))
        for one, name in ((before.recoding, CLASS_BEFORE), (recoding, CLASS_NOW))
    )
    found = motivated_intruder.simulate_linked_releases(histogram, first, second, k)
    if found.fewer_than_k:
        raise NotAnonymous(
            describe_problem(
                f"at least {k} linked records for everybody in release {before.release} or this one",
                example="as a wave of k new pupils per class has",
                found="fewer for some",
                where="the intruder who is given both releases",
                do="Release without --wave",
            )
        )
    return found
