"""Local recoding of a cohort that is too large for one search: by partition, in the executors, under the same rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_cohort import random_cohort
from tests.unit.test_partitions import make_partition, request

from cohort.anonymisation import partitioned_search
from cohort.anonymisation.partitioned_search import PartitionedSearchResult
from cohort.data_states import local_frames
from cohort.sdc.partitioned.partitions import CLASS_COLUMN, KEY_COLUMN
from cohort.sdc.privacy_models.class_constraints import classes_satisfying_constraints
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity, KWithoutLargestSchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity

RULES = (KAnonymity(6), SchoolDiversity(3), SchoolDominance("1/2"), KWithoutLargestSchool(3))
CODING, COHORT = random_cohort(1200, (8, 5, 3, 2), schools=30, movers=40)


def searched(spark: SparkSession, budget: int) -> tuple[PartitionedSearchResult, pa.Table]:
    """The outcome, and the class of each released pupil."""
    search_rows = local_frames.make_frame_from_arrow(spark, make_partition(COHORT)).repartition(3)
    outcome = partitioned_search.search_in_parts(search_rows, 1200, budget, request(CODING, *RULES))
    classes: Any = outcome.classes.toArrow()
    outcome.cached_answers.unpersist()
    return outcome, classes


@pytest.mark.parametrize("budget", [700, 200])
def test_every_class_satisfies_every_constraint(spark: SparkSession, budget: int) -> None:
    outcome, classes = searched(spark, budget)

    units = classes[KEY_COLUMN].to_numpy() // 7919
    assert len(set(units.tolist())) == len(units) == outcome.recoding.released_pupils
    class_of = np.full(1200, -1, dtype=np.int64)
    class_of[units] = classes[CLASS_COLUMN].to_numpy()
    assert classes_satisfying_constraints(COHORT, class_of, outcome.recoding.classes, RULES).all()
    assert np.bincount(class_of[units]).tolist() == outcome.recoding.pupils.tolist()
    assert outcome.recoding.released_pupils + outcome.recoding.suppressed == 1200
    assert outcome.recoding.suppressed < 60
    assert outcome.recoding.search_facts["parts"] > 1


def test_the_labels_of_a_class_are_true_of_every_member(spark: SparkSession) -> None:
    outcome, classes = searched(spark, 400)

    leaves = COHORT.leaves(CODING)
    for unit, number in zip(
        (classes[KEY_COLUMN].to_numpy() // 7919).tolist(), classes[CLASS_COLUMN].to_pylist(), strict=True
    ):
        for column, tree in enumerate(CODING.hierarchies):
            label = outcome.recoding.labels[column][number]
            assert label == tree.labels[outcome.recoding.levels[number, column]][leaves[column, unit]]


def test_the_partitioning_of_the_input_does_not_matter(spark: SparkSession) -> None:
    first, second = (searched(spark, 400)[0].recoding for _ in range(2))
    names = [f"kolom{column}" for column in range(CODING.columns)]
    assert first.class_table(names).equals(second.class_table(names))


def test_the_information_loss_is_little_more_than_that_of_one_search(spark: SparkSession) -> None:
    whole, parted = searched(spark, 100_000)[0].recoding, searched(spark, 400)[0].recoding
    assert whole.loss.mean <= parted.loss.mean < 1.5 * whole.loss.mean
