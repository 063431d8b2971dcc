"""Local recoding as a whole: sweep or clusters, every constraint satisfied, a low loss, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.unit.drawn_cohort import random_cohort

from cohort.foundation.errors import ConfigurationRefused, NotAnonymous
from cohort.sdc.global_recoding import lattice_search
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.local_recoding import local_search
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.class_constraints import ClassConstraint, classes_satisfying_constraints
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity, KWithoutLargestSchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity

SIZES = (6, 4, 3, 5)
MIXED = (KAnonymity(6), SchoolDiversity(3), SchoolDominance("1/2"), KWithoutLargestSchool(3))


def search(histogram: Histogram, coding: Any, *rules: ClassConstraint, limit: Any = 1, **rest: Any) -> Recoding:
    return local_search.search_local_recoding(
        histogram, RecodingRequest(coding, rules, objective="mean", suppression_limit=limit, **rest)
    )


@pytest.mark.parametrize("method", ["sweep", "clusters"])
@pytest.mark.parametrize("rules", [(KAnonymity(6),), MIXED], ids=["pupils", "schools too"])
def test_both_methods_satisfy_every_constraint_at_a_loss_far_below_global_recoding(
    rules: tuple[ClassConstraint, ...], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    coding, histogram = random_cohort(3000, SIZES, schools=60, movers=60)
    monkeypatch.setattr(local_search, "MAX_SWEPT_VECTORS", 10**6 if method == "sweep" else 0)

    recoding = search(histogram, coding, *rules)

    plain = lattice_search.search_global_recoding(
        histogram, RecodingRequest(coding, rules, objective="mean", suppression_limit=0)
    )
    assert recoding.search_facts["way"] == method
    assert classes_satisfying_constraints(histogram, recoding.class_of, recoding.classes, rules).all()
    assert recoding.loss.mean < 0.8 * plain.loss.mean
    assert recoding.suppressed < 10
    assert recoding.released_pupils + recoding.suppressed == histogram.pupils


def test_the_order_of_the_pupils_does_not_matter() -> None:
    coding, histogram = random_cohort(700, SIZES, schools=20, movers=30)
    shuffled = np.random.default_rng(9).permutation(700)
    again = Histogram.from_pupils(
        histogram.codes[:, shuffled],
        histogram.schools[shuffled],
        single=True,
        others=(np.argsort(shuffled)[histogram.other_units], histogram.other_schools),
    )

    first, second = (search(h, coding, *MIXED) for h in (histogram, again))

    names = [f"kolom{c}" for c in range(coding.columns)]
    assert first.class_table(names).equals(second.class_table(names))
    assert first.loss == second.loss


def test_lowest_and_highest_levels_bound_every_class() -> None:
    coding, histogram = random_cohort(800, SIZES)
    recoding = search(histogram, coding, KAnonymity(5), lowest=(1, 0, 0, 0), highest=(3, 0, 2, 3))

    assert recoding.levels[:, 0].min() >= 1
    assert (recoding.levels[:, 1] == 0).all()


def test_a_column_of_higher_weight_loses_less() -> None:
    coding, histogram = random_cohort(800, (6, 6))
    even, uneven = (search(histogram, coding, KAnonymity(20), weights=w) for w in ((1, 1), (9, 1)))

    assert uneven.column_losses[0] < even.column_losses[0]
    assert uneven.column_losses[1] > even.column_losses[1]


def test_codes_of_many_columns_take_more_than_one_word() -> None:
    coding, histogram = random_cohort(600, (9,) * 24)
    recoding = search(histogram, coding, KAnonymity(5))

    assert coding.words == 2
    assert recoding.search_facts["way"] == "clusters"
    assert recoding.suppressed == 0
    assert recoding.pupils.min() >= 5


class TestRefusalsAndEdgeCases:
    def test_fewer_pupils_than_k(self) -> None:
        coding, histogram = random_cohort(4, SIZES)
        with pytest.raises(NotAnonymous, match="at least 5 pupils"):
            search(histogram, coding, KAnonymity(5))

    def test_a_single_school(self) -> None:
        coding, plain = random_cohort(300, SIZES)
        histogram = Histogram.from_pupils(plain.codes, np.zeros(300, np.int32), single=True)
        with pytest.raises(NotAnonymous, match="at least 2 schools"):
            search(histogram, coding, KAnonymity(5), SchoolDiversity(2))

    def test_more_pupils_suppressed_than_the_limit(self) -> None:
        coding, plain = random_cohort(300, SIZES)
        schools = np.where(np.arange(300) < 250, 0, np.arange(300)).astype(np.int32)
        histogram = Histogram.from_pupils(plain.codes, schools, single=True)
        assert search(histogram, coding, KAnonymity(4), SchoolDominance("1/2")).suppressed >= 200
        with pytest.raises(NotAnonymous, match=r"at most 0\.5 of the pupils"):
            search(histogram, coding, KAnonymity(4), SchoolDominance("1/2"), limit="0.5")

    def test_pupils_who_are_all_equal(self) -> None:
        coding, _ = random_cohort(3, (4,))
        histogram = Histogram.from_pupils(np.zeros(20, dtype=np.int64), single=True)
        recoding = search(histogram, coding, KAnonymity(5))
        assert (recoding.classes, recoding.loss.mean, recoding.suppressed) == (1, 0.0, 0)

    def test_an_objective_that_local_recoding_does_not_support(self) -> None:
        coding, histogram = random_cohort(30, SIZES)
        with pytest.raises(ConfigurationRefused, match="`mean` or `geometric`"):
            local_search.search_local_recoding(
                histogram, RecodingRequest(coding, [KAnonymity(5)], objective="entropy", suppression_limit=1)
            )
