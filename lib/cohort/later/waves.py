"""A wave: a release that new data enters, although an earlier one is read.

Who was in the release before stays in its class, or is gone by the rule on differences; pupils who never were
in any get a recoding of their own, among themselves, under all constraints. So who subtracts the two releases
finds of each class nobody, or at least k who are gone, and nobody, or at least k who are new. An intruder who
could link the records of both is set on them all the same, and the record says what he found.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort import frames, generalise, handover
from cohort.errors import NotAnonymous, expected
from cohort.generalise import CLASS, Recoded
from cohort.handover import Counts
from cohort.later.differences import Nested
from cohort.later.memory import Remembered
from cohort.project import Project
from cohort.recoding import intruder, parts
from cohort.recoding.histogram import NO_SCHOOL, Histogram
from cohort.recoding.intruder import Intrusion
from cohort.recoding.loss import Objective
from cohort.recoding.outcome import SUPPRESSED, Recoding
from cohort.records import Hierarchies
from cohort.schema import PUPIL

ONE, TWO = "_one", "_two"
"""A pupil's class in the release before and in this one; none where it is not in it."""


def widened(
    nested: Nested, coded: DataFrame, project: Project, trees: Hierarchies, before: Remembered, most: int
) -> Nested:
    """The nested release, with classes of pupils who never were in a release: a few actions.

    Takes: the pupils coded today, kept, with their boards; the hierarchies; how many pupils one search may
    have.
    Refuses: new pupils for whom there is no recoding within the suppression limit (exit code 14).
    """
    spark, old = coded.sparkSession, nested.recoded
    eligible = handover.eligible(coded, project)
    new = eligible.join(before.everybody(spark), PUPIL, "left_anti").persist()
    number = new.count()
    if not number:
        new.unpersist()
        return nested
    coding = old.recoding.coding
    fresh = generalise.recode(new, project, coding, Counts(number, 0, 0, 0), trees, most)
    both = [old.recoding, fresh.recoding]
    recoding, place = Recoding.of_classes(
        coding,
        np.concatenate([one.levels for one in both]), np.concatenate([one.leaves for one in both]),
        np.concatenate([one.pupils for one in both]),
        old.recoding.suppressed - fresh.recoding.released,
        Objective.of("mean", coding.columns, generalise.weights(project)),
        {**old.recoding.search, "new": fresh.recoding.search},
    )  # fmt: skip
    words = [parts.word(word) for word in range(coding.words)]
    of_new = generalise.members(new, project, fresh).select(
        handover.key().alias(parts.KEY), *words, F.col(CLASS).alias(parts.CLASS)
    )
    first = old.recoding.classes
    classes = _renumbered(_classes(old), place[:first]).unionByName(_renumbered(of_new, place[first:]))
    shown = sorted({*old.values, *fresh.values}, key=old.leaves.index)
    kept = (*old.kept, *fresh.kept, new)
    return Nested(Recoded(recoding, classes, old.leaves, shown, kept), nested.withdrawn)


def require_unlinkable(members: DataFrame, recoding: Recoding, before: Remembered, k: int) -> Intrusion:
    """What an intruder finds who is given both releases and can link them: an action.

    Takes: the released pupils with class and words; the recoding; the release before; k.
    Gives: what he found, of a sample of the pupils in either.
    Refuses: pupils for whom fewer than k linked records could be theirs (exit code 14).
    """
    words = [parts.word(word) for word in range(recoding.coding.words)]
    then = before.pupils(members.sparkSession).select(PUPIL, F.col(CLASS).alias(ONE), *words)
    now = members.select(PUPIL, F.col(CLASS).alias(TWO), *words)
    none = F.lit(SUPPRESSED)
    linked = (
        then.join(now, [PUPIL, *words], "full")
        .groupBy(*words, F.coalesce(ONE, none).alias(ONE), F.coalesce(TWO, none).alias(TWO))
        .count()
    )
    table: Any = linked.toArrow().sort_by([(word, "ascending") for word in words])
    counts = table["count"].to_numpy().astype(np.int64)
    units, nobody = len(counts), np.empty(0, dtype=np.int64)
    histogram = Histogram(
        np.stack([table[word].to_numpy() for word in words]),
        np.full(units, NO_SCHOOL, np.int32), np.zeros(units, np.int32), counts,
        nobody, nobody.astype(np.int32), nobody,
    )  # fmt: skip
    first, second = (
        replace(one, class_of=table[name].to_numpy().astype(np.int32))
        for one, name in ((before.recoding, ONE), (recoding, TWO))
    )
    found = intruder.two_releases(histogram, first, second, k)
    if found.fewer_than_k:
        raise NotAnonymous(
            expected(
                f"at least {k} linked records for everybody in release {before.release} or this one",
                example="as a wave of k new pupils per class has", found="fewer for some",
                where="the intruder who is given both releases", do="Release without --wave",
            )
        )  # fmt: skip
    return found


def _classes(recoded: Recoded) -> DataFrame:
    if recoded.classes is None:
        raise TypeError("a nested release without its pupils' classes")
    return recoded.classes


def _renumbered(classes: DataFrame, place: Any) -> DataFrame:
    """The same pupils under the classes' numbers in the recoding of all."""
    numbers = pa.table({
        parts.CLASS: pa.array(np.arange(len(place), dtype=np.int32)), "_place": pa.array(place)
    })  # fmt: skip
    by_class = F.broadcast(frames.of_table(classes.sparkSession, numbers))
    others = [name for name in classes.columns if name != parts.CLASS]
    joined = classes.join(by_class, parts.CLASS, "inner")
    return joined.select(*others, F.col("_place").alias(parts.CLASS))
