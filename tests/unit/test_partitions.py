"""Partitioned search: each class in one partition, every constraint satisfied, unassigned pupils handed on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.drawn_cohort import random_cohort

from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.model.coding import Coding
from cohort.sdc.partitioned.partitions import (
    CLASS_COLUMN,
    KEY_COLUMN,
    OTHER_SCHOOLS_COLUMN,
    SCHOOL_COLUMN,
    CohortSplit,
    level_column,
    search_partition,
    word_column,
)
from cohort.sdc.privacy_models.class_constraints import ClassConstraint, classes_satisfying_constraints
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity, KWithoutLargestSchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity

SIZES = (8, 5, 3, 2)
MIXED = (KAnonymity(6), SchoolDiversity(3), SchoolDominance("1/2"), KWithoutLargestSchool(3))


def request(coding: Coding, *rules: ClassConstraint) -> RecodingRequest:
    return RecodingRequest(coding, rules, objective="mean", suppression_limit=0)


def make_partition(histogram: Any) -> pa.Table:
    """One row per unit, each with a hash of its own."""
    others: list[list[int] | None] = [None] * histogram.units
    for unit, school in zip(histogram.other_units.tolist(), histogram.other_schools.tolist(), strict=True):
        others[unit] = [*(others[unit] or []), school * 1_000_003]
    columns = {
        KEY_COLUMN: pa.array(np.arange(histogram.units) * 7919, pa.int64()),
        **{word_column(n): pa.array(codes) for n, codes in enumerate(histogram.codes)},
        SCHOOL_COLUMN: pa.array(histogram.schools.astype(np.int64) * 1_000_003),
        OTHER_SCHOOLS_COLUMN: pa.array(others, pa.list_(pa.int64())),
    }
    return pa.table(columns)


@pytest.mark.parametrize(
    ("pupils", "budget", "column", "parts"),
    [(100, 60, 0, 2), (100, 40, 1, 3), (100, 30, 0, 4), (100, 13, 0, 8), (100, 1, 0, 8)],
)
def test_the_coarsest_split_with_enough_parts(pupils: int, budget: int, column: int, parts: int) -> None:
    coding, _ = random_cohort(3, (8, 5, 3))
    split = CohortSplit.coarsest(coding, pupils, budget)

    assert split is not None
    assert (split.column, split.parts) == (column, parts)
    codes = coding.encode([leaves.reshape(-1) for leaves in np.indices((8, 5, 3))])
    masks = np.array(split.mask(coding))[:, None]
    assert len(np.unique(codes & masks, axis=1).T) == parts


def test_a_cohort_of_one_value_cannot_be_split() -> None:
    coding, _ = random_cohort(3, (1,))
    assert CohortSplit.coarsest(coding, 100, 10) is None


def test_a_partition_is_searched_under_all_constraints() -> None:
    coding, histogram = random_cohort(900, SIZES, schools=25, movers=40)

    answer = search_partition(make_partition(histogram), request(coding, *MIXED))

    class_of = answer[CLASS_COLUMN].to_numpy()
    assert answer[KEY_COLUMN].to_pylist() == [n * 7919 for n in range(900)]
    assert (class_of >= 0).mean() > 0.95
    assert classes_satisfying_constraints(histogram, class_of.astype(np.int64), int(class_of.max()) + 1, MIXED).all()
    leaves = histogram.leaves(coding)
    for column, tree in enumerate(coding.hierarchies):
        at = answer[level_column(column)].to_numpy()
        for number in range(int(class_of.max()) + 1):
            members = np.flatnonzero(class_of == number)
            assert len(set(at[members].tolist())) == 1
            assert len({tree.labels[at[unit]][leaves[column, unit]] for unit in members.tolist()}) == 1


def test_a_partition_too_small_for_a_class_assigns_no_pupil() -> None:
    coding, histogram = random_cohort(5, SIZES)
    answer = search_partition(make_partition(histogram), request(coding, KAnonymity(6)))
    assert answer[CLASS_COLUMN].to_pylist() == [-1] * 5
