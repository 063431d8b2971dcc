"""Attacks on releases of the Adult census extract, against the figures of the study that the engine's limits rest on.

The study gives intervals; a figure here lies within the interval there, and differences agree within both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from tests.conformance.test_adult import ADULT, ADULT8, ADULT9, coded, people

from cohort.sdc.global_recoding.lattice_search import search_global_recoding
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.local_recoding.local_search import search_local_recoding
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.k_anonymity import KAnonymity
from cohort.sdc.risk.attacked_cohort import AttackedCohort
from cohort.sdc.risk.downcoding_risk import downcoding_attack
from cohort.sdc.risk.inference_risk import InferenceRisk, inference_attack
from cohort.sdc.risk.release_risk import ReleaseRisk, RiskLimits

pytestmark = pytest.mark.skipif(
    not ADULT.is_dir(), reason="the Adult data (../shared/data/adult beside the repository) is not there"
)
__all__ = ["people"]

People = dict[str, list[str]]
Search = Callable[[Histogram], Recoding]
ATTRIBUTES = ("sex", "age", "race", "native-country")


def local_release(people: People, columns: Sequence[str], k: int) -> tuple[Coding, Histogram, Search]:
    coding, histogram = coded(people, tuple(columns))
    single = Histogram.from_pupils(histogram.codes[:, histogram.unit_of_pupil], single=True)
    request = RecodingRequest(coding, [KAnonymity(k)], objective="mean", suppression_limit="1")
    return coding, single, lambda half: search_local_recoding(half, request)


def global_release(people: People, columns: Sequence[str], k: int) -> tuple[Coding, Histogram, Search]:
    coding, histogram = coded(people, tuple(columns))
    request = RecodingRequest(coding, [KAnonymity(k)], objective="geometric", suppression_limit="0.1")
    return coding, histogram, lambda half: search_global_recoding(half, request)


#    columns   k  marginal  informed  gain with its interval        ceiling
DOWNCODING = [
    (ADULT8, 5, 0.242, 0.265, 0.023, (0.019, 0.027), 0.435),
    (ADULT8, 10, 0.254, 0.276, 0.023, (0.018, 0.027), 0.401),
    (ADULT9, 5, 0.259, 0.270, 0.011, (0.008, 0.014), 0.451),
    (ADULT9, 10, 0.270, 0.280, 0.010, (0.006, 0.014), 0.418),
]


@pytest.mark.parametrize(("columns", "k", "marginal", "informed", "gain", "interval", "ceiling"), DOWNCODING)
def test_downcoding_of_local_recodings_agrees_with_the_study(
    people: People,
    columns: tuple[str, ...],
    k: int,
    marginal: float,
    informed: float,
    gain: float,
    interval: tuple[float, float],
    ceiling: float,
) -> None:
    _, histogram, search = local_release(people, columns, k)

    risk = downcoding_attack(histogram, search(histogram))

    assert (risk.marginal, risk.ceiling) == pytest.approx((marginal, ceiling), abs=0.001)
    assert risk.informed == pytest.approx(informed, abs=0.003)
    assert interval[0] <= risk.gain <= interval[1]
    assert risk.gain_interval[0] <= gain <= risk.gain_interval[1]
    assert 0.001 <= risk.sure <= 0.07
    assert risk.sure_right is not None
    assert 0.5 <= risk.sure_right <= 0.75


@pytest.mark.parametrize("columns", [ADULT8, ADULT9])
def test_knowing_the_algorithm_gains_nothing_from_global_recodings(people: People, columns: tuple[str, ...]) -> None:
    _, histogram, search = global_release(people, columns, 10)

    risk = downcoding_attack(histogram, search(histogram))

    assert -0.002 <= risk.gain <= 0.001
    assert risk.gain_interval[1] <= 0.001


def attack_halves(release: tuple[Coding, Histogram, Search]) -> InferenceRisk:
    coding, histogram, search = release
    return inference_attack(AttackedCohort.from_histogram(histogram, coding, search), ATTRIBUTES)


def test_inference_from_local_recodings_agrees_with_the_study(people: People) -> None:
    risk = attack_halves(local_release(people, ADULT8, 10))

    gains = {name: rates.interval for name, rates in risk.all_but_one_known.items()}
    assert all(low <= 0.041 for low, _ in gains.values()), "at most +4.1 points in the study"
    assert max(high for _, high in gains.values()) > 0.02
    low, high = risk.linkability.interval
    assert low <= 0.020, "-0.9 to +2.0 points in the study, not significant"
    assert high >= -0.009
    assert risk.singling_out.interval[0] <= 0.015, "at most +1.5 points in the study, not significant"


def test_inference_from_global_recodings_agrees_with_the_study(people: People) -> None:
    risk = attack_halves(global_release(people, ADULT8, 10))

    assert all(rates.interval[0] <= 0.017 for rates in risk.all_but_one_known.values()), "at most +1.7 points"
    assert risk.linkability.interval[0] <= 0
    assert risk.singling_out.interval[0] <= 0.004


def test_releases_of_this_size_keep_the_limits(people: People) -> None:
    for release in (local_release(people, ADULT8, 10), global_release(people, ADULT8, 10)):
        _, histogram, search = release
        risk = ReleaseRisk(downcoding_attack(histogram, search(histogram)), attack_halves(release))
        assert risk.broken_limits(RiskLimits()) == ()


def test_the_same_seed_gives_the_same_figures(people: People) -> None:
    release = global_release(people, ADULT8, 10)
    coding, histogram, search = release
    shuffled = np.random.default_rng(1).permutation(histogram.pupils)
    again = Histogram.from_pupils(histogram.codes[:, histogram.unit_of_pupil][:, shuffled])
    assert attack_halves(release) == attack_halves((coding, again, search))
