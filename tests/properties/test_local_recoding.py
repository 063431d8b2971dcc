"""Properties of every local recoding: constraints, true values, the loss, independence of the order."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.properties.test_global_recoding import Case, cases

from cohort.foundation.errors import NotAnonymous
from cohort.sdc.global_recoding.lattice_search import search_global_recoding
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.local_recoding.local_search import search_local_recoding
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding


def cohort(case: Case, order: list[int] | None = None) -> Histogram:
    """Every pupil a unit of its own, in the order given."""
    pupils = [case.pupils[place] for place in order] if order else list(case.pupils)
    coding = Coding(case.hierarchies)
    leaves = [np.array([p.leaves[c] for p in pupils]) for c in range(coding.columns)]
    moved = [(place, school) for place, pupil in enumerate(pupils) for school in sorted(pupil.further)]
    others = np.array([place for place, _ in moved], dtype=np.int64)
    further = np.array([school for _, school in moved], dtype=np.int32)
    homes = np.array([pupil.home for pupil in pupils], dtype=np.int32)
    return Histogram.from_pupils(coding.encode(leaves), homes, others=(others, further), single=True)


def search(
    case: Case, method: Any = search_local_recoding, limit: Any = 1, order: list[int] | None = None
) -> Recoding | None:
    try:
        request = RecodingRequest(Coding(case.hierarchies), case.rules, objective="mean", suppression_limit=limit)
        recoding: Recoding = method(cohort(case, order), request)
    except NotAnonymous:
        return None
    return recoding


def released_values(case: Case, recoding: Recoding) -> list[tuple[str, ...] | None]:
    """The released values of each pupil, in the order of the case; None for a suppressed pupil."""
    unit_of = cohort(case).unit_of_pupil
    return [
        None if (at := int(recoding.class_of[unit])) < 0 else tuple(str(column[at]) for column in recoding.labels)
        for unit in unit_of.tolist()
    ]


@settings(deadline=None)
@given(cases())
def test_every_released_class_satisfies_every_constraint_and_every_value_is_true(case: Case) -> None:
    recoding = search(case)
    if recoding is None:
        event("no release")
        return
    classes = defaultdict(list)
    for pupil, values in zip(case.pupils, released_values(case, recoding), strict=True):
        if values is not None:
            classes[values].append(pupil)
            for tree, leaf, value in zip(case.hierarchies, pupil.leaves, values, strict=True):
                assert value in {row[leaf] for row in tree.labels}
    assert all(case.anonymous(members) for members in classes.values())
    assert sum(map(len, classes.values())) == recoding.released_pupils > 0
    assert recoding.released_pupils + recoding.suppressed == len(case.pupils)


@settings(deadline=None)
@given(cases())
def test_the_loss_is_that_of_the_released_values(case: Case) -> None:
    recoding = search(case)
    if recoding is None:
        return
    lost = 0.0
    for values in released_values(case, recoding):
        for tree, value in zip(case.hierarchies, values or ["*"] * len(case.hierarchies), strict=True):
            sizes = Counter(value for row in tree.labels[::-1] for value in set(row))
            row = next((row for row in tree.labels if value in row), ())
            leaves = len(tree.leaves)
            lost += (row.count(value) - 1) / max(leaves - 1, 1) if values is not None else 1.0
            assert values is None or sizes[value]
    assert abs(lost / len(case.pupils) / len(case.hierarchies) - recoding.loss.mean) < 1e-9


@settings(deadline=None)
@given(cases())
def test_it_never_costs_more_than_the_best_global_recoding_without_suppression(case: Case) -> None:
    best_global = search(case, search_global_recoding, limit=0)
    if best_global is not None:
        local = search(case)
        assert local is not None
        assert local.loss.mean <= best_global.loss.mean + 1e-12


@settings(deadline=None)
@given(cases(), st.data())
def test_the_order_of_the_pupils_does_not_matter(case: Case, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(case.pupils))))
    first, second = search(case), search(case, order=order)
    if first is None or second is None:
        assert first is second
        return
    names = [f"kolom{c}" for c in range(len(case.hierarchies))]
    assert first.class_table(names).equals(second.class_table(names))
    assert (first.suppressed, first.loss) == (second.suppressed, second.loss)
