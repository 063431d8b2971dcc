"""The pooled within-class covariance matrix: against numpy on drawn pupils, its groups, and its rounding."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.sdc import CovarianceRule, GroupContributors, WithinClassSums, column_pairs, pool_covariances
from cohort.sdc.numeric.pooled_covariance import is_positive_semidefinite, round_covariance, standard_error_step

RULE = CovarianceRule(m=3, max_share=Fraction(1, 2), least_freedom=20)
MANY = GroupContributors(dict.fromkeys((b"a", b"b", b"c"), 10), dict.fromkeys((b"a", b"b", b"c"), 5))


def summed(scores: Any, class_of: Any, classes: int) -> WithinClassSums:
    pairs = column_pairs(scores.shape[1])
    products = np.stack([scores[:, a] * scores[:, b] for a, b in pairs], axis=1)
    sums = np.zeros((classes, scores.shape[1]), dtype=np.int64)
    squares = np.zeros((classes, len(pairs)), dtype=np.int64)
    np.add.at(sums, class_of, scores)
    np.add.at(squares, class_of, products)
    return WithinClassSums(np.bincount(class_of, minlength=classes), sums, squares)


def pooled_by_numpy(scores: Any, class_of: Any, classes: list[int]) -> tuple[Any, int]:
    deviations = [scores[class_of == c] - scores[class_of == c].mean(axis=0) for c in classes if (class_of == c).any()]
    freedom = sum(len(own) - 1 for own in deviations)
    return sum(own.T @ own for own in deviations) / freedom, freedom


@given(st.integers(0, 10_000))
def test_the_matrix_is_that_of_numpy_but_for_its_rounding(seed: int) -> None:
    random = np.random.default_rng(seed)
    class_of = random.integers(0, 6, 120)
    base = random.normal(10_000, 900, (120, 1))
    scores = (base + random.normal(0, 700, (120, 2))).round().astype(np.int64)
    pooled, left = pool_covariances(summed(scores, class_of, 6), (100, 100), {(): np.arange(6)}, {(): MANY}, RULE)
    expected, freedom = pooled_by_numpy(scores / 100, class_of, list(range(6)))
    assert left == 0
    assert [one.degrees_of_freedom for one in pooled] == [freedom]
    for a, b in column_pairs(2):
        step = standard_error_step(expected[a, a], expected[b, b], expected[a, b], freedom)
        assert abs(pooled[0].matrix[a, b] - expected[a, b]) <= step / 2 * 1.000001
        error = np.sqrt((expected[a, a] * expected[b, b] + expected[a, b] ** 2) / freedom)
        assert error / 10 < step <= error


def drawn_groups() -> tuple[WithinClassSums, dict[tuple[str, ...], Any]]:
    random = np.random.default_rng(1)
    class_of = np.repeat(np.arange(6), [30, 30, 30, 5, 6, 30])
    scores = random.integers(0, 100, (len(class_of), 1))
    own = {"1": [0, 1], "2": [2], "3": [3, 4], "*": [5]}
    groups: dict[tuple[str, ...], Any] = {(label,): np.array(classes) for label, classes in own.items()}
    return summed(scores, class_of, 6), groups


def test_a_group_that_is_too_small_is_merged_with_those_whose_label_is_generalised_away() -> None:
    sums, groups = drawn_groups()
    pooled, left = pool_covariances(sums, (1,), groups, dict.fromkeys(groups, MANY), RULE)
    found = {one.group: one.degrees_of_freedom for one in pooled}
    assert found == {("1",): 58, ("2",): 29, ("*",): 4 + 5 + 29}
    assert left == 0


@pytest.mark.parametrize(
    "contributors",
    [
        GroupContributors({b"a": 30, b"b": 30}, {b"a": 30, b"b": 30}),
        GroupContributors({b"a": 20, b"b": 20, b"c": 20}, {b"a": 31, b"b": 20, b"c": 20}),
    ],
    ids=["too few boards", "a board that knows too many"],
)
def test_a_group_of_too_few_boards_is_merged(contributors: GroupContributors) -> None:
    sums, groups = drawn_groups()
    own = {**dict.fromkeys(groups, MANY), ("1",): contributors}
    pooled, left = pool_covariances(sums, (1,), groups, own, RULE)
    assert ("1",) not in {one.group for one in pooled}
    assert left == 0


def test_pupils_in_no_group_with_a_matrix_are_counted() -> None:
    sums, groups = drawn_groups()
    own = {("3",): groups[("3",)], ("1",): groups[("1",)]}
    pooled, left = pool_covariances(sums, (1,), own, dict.fromkeys(own, MANY), RULE)
    assert [one.group for one in pooled] == [("1",)]
    assert left == 11


def test_no_class_is_no_matrix() -> None:
    sums, _ = drawn_groups()
    assert pool_covariances(sums, (1,), {}, {}, RULE) == ([], 0)
    nobody: tuple[list[Any], int] = pool_covariances(sums, (1,), {(): np.empty(0, dtype=np.int64)}, {}, RULE)
    assert nobody == ([], 0)


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.9, 0.9999, 1.0]))
def test_a_rounded_matrix_is_symmetric_and_positive_semidefinite(seed: int, correlation: float) -> None:
    random = np.random.default_rng(seed)
    sds = 10 ** random.uniform(-1, 3, 3)
    matrix = np.outer(sds, sds) * (correlation + (1 - correlation) * np.eye(3))
    rounded = round_covariance(matrix, 200)
    assert (rounded == rounded.T).all()
    assert is_positive_semidefinite(rounded)


def test_scores_that_are_all_equal_within_classes_have_no_covariance() -> None:
    assert round_covariance(np.zeros((2, 2)), 200).tolist() == [[0, 0], [0, 0]]
