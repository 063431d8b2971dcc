"""Bounds that one node proves about others are valid, and no part of the search loses the optimum."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.properties.test_global_recoding import Case, cases
from tests.properties.test_objectives import value

from cohort.sdc.global_recoding import lattice_search
from cohort.sdc.global_recoding.constraint_checker import ConstraintChecker
from cohort.sdc.global_recoding.lattice_frontier import BOUND_SLACK, LatticeFrontier, LevelVectorSet
from cohort.sdc.global_recoding.node_evaluation import NodeEvaluator
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.class_constraints import classes_satisfying_constraints
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KWithoutLargestSchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity
from cohort.sdc.utility.objectives import bound_at_levels

OBJECTIVES = ["geometric", "mean", "class-size", "discernibility", "entropy"]

Levels = tuple[int, ...]


def make_evaluator(case: Case, objective: str) -> NodeEvaluator:
    return NodeEvaluator(case.histogram(), case.request(objective))


def is_finer_or_equal(one: Levels, other: Levels) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("objective", OBJECTIVES)
@given(case=cases())
def test_no_bound_exceeds_the_score_of_a_node_it_bounds(objective: str, case: Case) -> None:
    evaluator = make_evaluator(case, objective)
    evaluations = {levels: evaluator.evaluate(levels, inf) for levels in case.vectors}
    for levels, evaluation in evaluations.items():
        if evaluation.candidate is None:
            continue
        score = evaluation.candidate.price.score
        assert evaluator.objective_value(score) == pytest.approx(evaluation.candidate.price.value)
        assert bound_at_levels(evaluator.initial_bounds, levels) <= score + BOUND_SLACK
        for other, other_evaluation in evaluations.items():
            if is_finer_or_equal(levels, other):
                assert not other_evaluation.exceeds_limit
                assert bound_at_levels(other_evaluation.finer_bound, levels) <= score + BOUND_SLACK
            if is_finer_or_equal(other, levels):
                assert other_evaluation.coarser_bound <= score + BOUND_SLACK


@given(case=cases())
def test_nodes_inferred_to_exceed_the_limit_do_exceed_it(case: Case) -> None:
    one, other = make_evaluator(case, "mean"), make_evaluator(case, "mean")
    inferred = {levels: one.exceeds_limit(levels) for levels in case.vectors[::-1]}

    assert inferred == {levels: other.evaluate(levels, inf).exceeds_limit for levels in case.vectors}
    assert one.evaluated <= other.evaluated


@pytest.mark.parametrize("objective", OBJECTIVES)
@given(case=cases(), data=st.data())
def test_narrowing_excludes_only_levels_of_no_better_node(objective: str, case: Case, data: st.DataObject) -> None:
    evaluator, fresh = make_evaluator(case, objective), make_evaluator(case, objective)
    evaluator.evaluate(data.draw(st.sampled_from(case.vectors)), inf)

    low, high = lattice_search.narrow_levels(evaluator, case.low, case.high)

    for levels in case.vectors:
        candidate = fresh.evaluate(levels, inf).candidate
        if candidate and candidate.price.score <= evaluator.best_score:
            assert is_finer_or_equal(low, levels)
            assert is_finer_or_equal(levels, high)


@given(schools=st.integers(1, 300), m=st.integers(2, 9), seed=st.integers(0, 99))
def test_constraints_checked_with_bucketed_schools_equal_the_exact_ones(schools: int, m: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    coding = Coding((Hierarchy("k", (tuple(map(str, range(8))), ("*",) * 8)),))
    leaf, home = draw.integers(0, 8, 60), draw.integers(0, schools, 60)
    histogram = Histogram.from_pupils(coding.encode([leaf]), home.astype(np.int32))
    rules = [SchoolDiversity(m), KWithoutLargestSchool(4), SchoolDominance("1/2")]

    checker = ConstraintChecker(histogram)
    classes = checker.distinct_codes.form_classes(coding.mask((0,)), 1, 60)
    assert classes is not None
    satisfied = checker.check(classes, rules)

    of_unit = classes.class_of_code[checker.code_of_unit]
    exact = classes_satisfying_constraints(histogram, of_unit, len(classes.pupils), rules)
    lasting = classes_satisfying_constraints(histogram, of_unit, len(classes.pupils), rules[:2])
    assert np.array_equal(satisfied.of_all_constraints, exact)
    assert np.array_equal(satisfied.of_monotonic_constraints, lasting)


@pytest.mark.parametrize("objective", OBJECTIVES)
@given(case=cases())
def test_a_large_lattice_is_searched_exactly_too(objective: str, case: Case) -> None:
    plain = case.search(objective=objective)
    with patch.object(lattice_search, "MANY_NODES", 0):
        large = case.search(objective=objective)

    if plain is None:
        assert large is None
    else:
        assert large is not None
        assert large.search_facts["objective"] == pytest.approx(plain.search_facts["objective"])
        assert large.search_facts["proven"]
        if objective != "entropy":
            assert large.level_vector == plain.level_vector


@pytest.mark.parametrize("objective", OBJECTIVES)
@given(case=cases(), data=st.data())
def test_an_unproven_result_is_valid_and_reproducible(objective: str, case: Case, data: st.DataObject) -> None:
    plain = case.search(objective=objective)
    order = data.draw(st.permutations(range(len(case.pupils))))
    with patch.object(lattice_search, "MANY_NODES", 0), patch.object(lattice_search, "MAX_ENUMERATED_NODES", 0):
        found, again = case.search(objective=objective), case.search(order, objective)
    if plain is None or found is None:
        assert found is again is None
        return
    assert again is not None

    best = plain.search_facts["objective"]
    assert found.search_facts["bound"] <= best * (1 + 1e-9) + 1e-9
    assert found.search_facts["objective"] >= best * (1 - 1e-9) - 1e-9
    assert found.level_vector in case.vectors
    if objective not in ("geometric", "mean"):
        assert found.level_vector is not None
        counted = value(case, found.level_vector, objective)
        assert counted is not None
        assert found.search_facts["objective"] == pytest.approx(counted[0])
    assert (again.level_vector, again.search_facts) == (found.level_vector, found.search_facts)


HEIGHTS = st.lists(st.integers(0, 3), min_size=1, max_size=30).map(tuple)


@given(high=HEIGHTS, data=st.data())
def test_a_set_of_level_vectors_compares_by_order(high: Levels, data: st.DataObject) -> None:
    vector = st.tuples(*(st.integers(0, top) for top in high))
    vectors_added, queried = LevelVectorSet(high), data.draw(vector)
    added = data.draw(st.lists(vector, max_size=70))
    for levels in added:
        vectors_added.add(levels)

    assert vectors_added.any_finer_or_equal(queried) == any(is_finer_or_equal(levels, queried) for levels in added)
    assert vectors_added.any_coarser_or_equal(queried) == any(is_finer_or_equal(queried, levels) for levels in added)


@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=5), data=st.data())
def test_the_frontier_returns_its_lowest_bound_after_any_updates(shape: list[int], data: st.DataObject) -> None:
    draw = np.random.default_rng(data.draw(st.integers(0, 1000)))
    scores = [np.sort(draw.integers(0, 9, size).astype(float)) for size in shape]
    vectors = list(np.ndindex(*shape))
    truth = {levels: bound_at_levels(scores, levels) for levels in vectors}
    frontier = LatticeFrontier((0,) * len(shape), tuple(size - 1 for size in shape), scores, row_size=6)
    for _ in range(data.draw(st.integers(0, 12))):
        levels = data.draw(st.sampled_from(vectors))
        bound, coarser = float(draw.integers(0, 30)), float(draw.integers(0, 30))
        if data.draw(st.booleans()):
            frontier.prune(levels)
            bound = coarser = inf
        else:
            frontier.raise_bounds(levels, bound, coarser, best_score=-inf)
        for other in vectors:
            if is_finer_or_equal(other, levels):
                truth[other] = max(truth[other], bound)
            elif is_finer_or_equal(levels, other) and coarser < inf:
                truth[other] = max(truth[other], coarser)
        truth[levels] = inf

        lowest, node = frontier.lowest()
        assert lowest == min(truth.values())
        assert truth[node] == lowest
        best = float(draw.integers(0, 30))
        chain = frontier.chain(best)
        assert bool(chain) == (lowest <= best)
        assert all(truth[each] <= best + BOUND_SLACK for each in chain)
        assert all(is_finer_or_equal(a, b) for a, b in pairwise(chain))
