"""Risk, utility metrics and equity of any cohort and recoding, against counts by hand of the released labels."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit import test_equity_report as equity
from tests.unit import test_motivated_intruder as intruders
from tests.unit import test_reidentification_risk as risks
from tests.unit import test_utility_metrics as metrics
from tests.unit.drawn_recoding import DrawnRecoding, Pupil

from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.risk import motivated_intruder
from cohort.sdc.risk.compatible_pupils import count_compatible_pupils
from cohort.sdc.risk.reidentification_risk import ReidentificationRisk
from cohort.sdc.utility.equity import EquityReport, Subgroups
from cohort.sdc.utility.metrics import UtilityMetrics

SCHOOLS = st.integers(0, 4)


@st.composite
def hierarchies(draw: st.DrawFn, name: str) -> Hierarchy:
    """Leaves that are merged at random, level by level; a value is named by the leaves it stands for."""
    groups = [[leaf] for leaf in range(draw(st.integers(1, 5)))]
    levels = []
    for _ in range(draw(st.integers(1, 4))):
        label = {leaf: "+".join(map(str, sorted(group))) for group in groups for leaf in group}
        levels.append(tuple(label[leaf] for leaf in sorted(label)))
        parent = [draw(st.integers(0, 2)) for _ in groups]
        pooled = [
            [leaf for group, to in zip(groups, parent, strict=True) if to == target for leaf in group]
            for target in range(3)
        ]
        groups = [group for group in pooled if group]
    return Hierarchy(name, tuple(levels))


@st.composite
def cases(draw: st.DrawFn) -> DrawnRecoding:
    trees = tuple(draw(hierarchies(f"kolom{c}")) for c in range(draw(st.integers(1, 3))))
    pupil = st.builds(
        lambda leaves, home, further, label: Pupil(leaves, home, further - {home}, label),
        st.tuples(*(st.integers(0, len(tree.leaves) - 1) for tree in trees)),
        SCHOOLS,
        st.frozensets(SCHOOLS, max_size=2),
        st.sampled_from(["nl", "fy", "tr"]),
    )
    vector = st.tuples(*(st.integers(0, tree.height - 1) for tree in trees))
    pupils = draw(st.lists(pupil, min_size=1, max_size=30))
    return DrawnRecoding(
        hierarchies=trees,
        pupils=tuple(pupils),
        vectors=tuple(draw(st.lists(vector, min_size=1, max_size=4))),
        k=draw(st.integers(1, 4)),
        always_suppressed=draw(st.frozensets(st.integers(0, len(pupils) - 1), max_size=3)),
        single=draw(st.booleans()),
    )


@st.composite
def pairs(draw: st.DrawFn) -> tuple[DrawnRecoding, DrawnRecoding]:
    """Two recodings of one cohort."""
    case = draw(cases())
    vector = st.tuples(*(st.integers(0, tree.height - 1) for tree in case.hierarchies))
    vectors = tuple(draw(st.lists(vector, min_size=1, max_size=3)))
    return case, replace(case, vectors=vectors, k=draw(st.integers(1, 4)), always_suppressed=frozenset())


@settings(deadline=None)
@given(cases())
def test_the_metrics_equal_a_count_by_hand(case: DrawnRecoding) -> None:
    metrics.assert_metrics_agree(
        UtilityMetrics.from_recoding(case.histogram, case.recoding), metrics.count_metrics_by_hand(case)
    )


@settings(deadline=None)
@given(cases())
def test_subgroups_equal_a_count_by_hand(case: DrawnRecoding) -> None:
    labels = [pupil.label for pupil in case.pupils]

    equity.assert_equity_agrees(equity.measure_equity_by_label(case), equity.count_equity_by_hand(case, labels))


@settings(deadline=None)
@given(cases())
def test_the_subgroups_add_up_to_the_cohort(case: DrawnRecoding) -> None:
    rows, whole = (
        equity.measure_equity_by_label(case).subgroups,
        UtilityMetrics.from_recoding(case.histogram, case.recoding),
    )

    assert sum(row.pupils for row in rows) == len(case.pupils)
    assert sum(row.suppressed for row in rows) == case.recoding.suppressed
    lost = sum(row.mean_loss * row.pupils for row in rows) / len(case.pupils)
    assert lost == pytest.approx(whole.mean_loss)


@settings(deadline=None)
@given(cases(), st.integers(1, 8))
def test_the_risk_equals_a_count_by_hand(case: DrawnRecoding, k: int) -> None:
    found = ReidentificationRisk.from_recoding(case.histogram, case.recoding, k)

    assert risks.list_figures(found) == pytest.approx(risks.list_figures(risks.count_risk_by_hand(case, k)))


@settings(deadline=None)
@given(cases())
def test_prosecutor_risk_is_highest_and_marketer_risk_lowest(case: DrawnRecoding) -> None:
    found = ReidentificationRisk.from_recoding(case.histogram, case.recoding, 3)

    assert found.prosecutor.highest >= found.journalist.highest
    assert found.prosecutor.at_risk >= found.journalist.at_risk
    assert found.prosecutor.mean + 1e-12 >= found.journalist.mean >= found.marketer
    assert (count_compatible_pupils(case.histogram, case.recoding) >= case.recoding.pupils).all()


@settings(deadline=None)
@given(cases(), st.integers(1, 8))
def test_intruders_find_the_candidates_counted_by_hand(case: DrawnRecoding, k: int) -> None:
    targets = [case.pupils[place] for place in intruders.released_positions(case)]
    numbers = [len(intruders.compatible_pupils(case, target)) for target in targets]
    left = [intruders.count_candidates_without_school(case, target) for target in targets]

    assert intruders.summary_of(
        motivated_intruder.simulate_stranger(case.histogram, case.recoding, k)
    ) == intruders.summarise_by_hand(numbers, k)
    assert intruders.summary_of(
        motivated_intruder.simulate_school(case.histogram, case.recoding, k)
    ) == intruders.summarise_by_hand(left, k)


@settings(deadline=None)
@given(pairs(), st.integers(1, 8))
def test_linking_two_releases_finds_the_candidates_counted_by_hand(
    pair: tuple[DrawnRecoding, DrawnRecoding], k: int
) -> None:
    first, second = pair
    numbers = [
        intruders.count_linked_candidates(first, second, place) for place in intruders.released_positions(first, second)
    ]
    found = motivated_intruder.simulate_linked_releases(first.histogram, first.recoding, second.recoding, k)

    assert intruders.summary_of(found) == intruders.summarise_by_hand(numbers, k)
    assert found == motivated_intruder.simulate_linked_releases(first.histogram, second.recoding, first.recoding, k)


@settings(deadline=None)
@given(cases(), st.data())
def test_no_released_pupil_has_fewer_candidates_than_its_class_has_pupils(
    case: DrawnRecoding, data: st.DataObject
) -> None:
    some = data.draw(st.integers(1, len(case.pupils)))
    found = motivated_intruder.simulate_stranger(case.histogram, case.recoding, case.k, pupils=some)

    assert found.sampled == min(some, case.recoding.released_pupils)
    assert found.fewer_than_k == 0
    assert found.smallest is None or found.smallest >= int(case.recoding.pupils.min())


@settings(deadline=None)
@given(pairs(), st.data())
def test_the_order_of_the_pupils_plays_no_part(pair: tuple[DrawnRecoding, DrawnRecoding], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(pair[0].pupils))))

    def everything(first: DrawnRecoding, second: DrawnRecoding) -> list[object]:
        histogram, recoding = first.histogram, first.recoding
        return [
            UtilityMetrics.from_recoding(histogram, recoding),
            ReidentificationRisk.from_recoding(histogram, recoding, 3),
            EquityReport.from_recoding(histogram, recoding, Subgroups.by_school_size(histogram, (3, 6))),
            motivated_intruder.simulate_stranger(histogram, recoding, 3, pupils=7),
            motivated_intruder.simulate_school(histogram, recoding, 3, pupils=7),
            motivated_intruder.simulate_linked_releases(histogram, recoding, second.recoding, 3, pupils=7),
        ]

    turned = [replace(case, pupils=tuple(case.pupils[place] for place in order)) for case in pair]
    assert everything(*turned) == everything(*pair)
