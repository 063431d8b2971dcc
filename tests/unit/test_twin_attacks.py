"""Attacks on a twin against a control half: being in the table that it was made from adds nothing beyond chance.

The drawn cohort is cut in two; one half is released, and a twin is made of that release. The attacker knows the true
values of a pupil, of either half, and looks for the pupil in the twin (Anonymeter: Giomi et al. 2023; the distance to
the closest record). Each attack is tried on a copy of the half, too, which it must tell from the control.
"""

from __future__ import annotations

import deltalake
import numpy as np
import numpy.typing as npt
import pytest
from tests.unit.drawn_twin import NAME, SCORES, draw_leaves, publish_rows, release_rows

from cohort.sdc import parse_band_label
from cohort.sdc.risk.rate_comparison import Rate, RateComparison
from cohort.twin import TwinRequest, make_twin

Numbers = npt.NDArray[np.float64]
PUPILS, HALF = 12_000, 6_000
UNORDERED = ("jaargroep", "geslacht", "thuistaal")
ATTACKED = 1_500
"""Pupils of each half who are attacked."""


LABEL_NUMBERS: dict[str, int] = {}
"""A number for every label that was seen."""


def as_numbers(columns: dict[str, list[str]]) -> Numbers:
    """Records as numbers: middles of bands in bands, and labels by number, so far apart that no other is near."""
    numbers = [[_middle(label) for label in columns[name]] for name in SCORES]
    for name in UNORDERED:
        numbers.append([3.0 * LABEL_NUMBERS.setdefault(label, len(LABEL_NUMBERS)) for label in columns[name]])
    return np.array(numbers).T


def _middle(label: str) -> float:
    bounds = parse_band_label(label)
    if bounds is None or bounds.lower is None or bounds.upper is None:
        return -20.0
    return (bounds.lower + bounds.upper) / 40


@pytest.fixture(scope="module")
def halves() -> tuple[Numbers, Numbers]:
    """The true records of pupils in the release and of the control."""
    pupils = as_numbers(draw_leaves(PUPILS, 5))
    return pupils[:HALF][:ATTACKED], pupils[HALF:][:ATTACKED]


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The columns of the twin of the first half."""
    environment, project = publish_rows(tmp_path_factory.mktemp("halves"), release_rows(PUPILS, 5, 0, HALF))
    make_twin(environment, project, TwinRequest(("csv",), "nl"))
    table = deltalake.DeltaTable(environment.zones.twin_table(NAME)).to_pyarrow_table()
    return {name: list(map(str, table[name].to_pylist())) for name in project.column_names}


def copied_half() -> dict[str, list[str]]:
    """What a twin must not be: the pupils themselves."""
    return {name: values[:HALF] for name, values in draw_leaves(PUPILS, 5).items()}


def distances(known: Numbers, released: Numbers) -> Numbers:
    """How far each known record is from the closest and the next released one (L1)."""
    closest = []
    for chunk in np.array_split(known, 30):
        far = np.abs(chunk[:, None, :] - released[None, :, :]).sum(axis=2)
        closest.append(np.partition(far, 1, axis=1)[:, :2])
    return np.concatenate(closest)


def singling_out(known: Numbers, released: Numbers) -> Rate:
    """How many known records are exactly one released one."""
    near = distances(known, released)
    return Rate(int(((near[:, 0] == 0) & (near[:, 1] > 0)).sum()), len(known))


def closer_than(known: Numbers, released: Numbers, threshold: float) -> Rate:
    return Rate(int((distances(known, released)[:, 0] <= threshold).sum()), len(known))


def guess_by_nearest(known: Numbers, released: Numbers, secret: int) -> Rate:
    """How often the closest released record by all columns but one has that column right."""
    others = [place for place in range(known.shape[1]) if place != secret]
    right = 0
    for chunk in np.array_split(known, 30):
        far = np.abs(chunk[:, None, others] - released[None, :, others]).sum(axis=2)
        right += int((released[far.argmin(axis=1), secret] == chunk[:, secret]).sum())
    return Rate(right, len(known))


def assert_beyond_chance(compared: RateComparison, expected: bool) -> None:
    """Assert that an attack does better on the released half than on the control, or not beyond chance."""
    low, high = compared.interval
    if expected:
        assert low > 0.02, compared.as_dict()
    else:
        assert low <= 0, compared.as_dict()
        assert high < 0.07, compared.as_dict()


@pytest.mark.parametrize("copied", [False, True])
def test_singling_out(halves: tuple[Numbers, Numbers], twin: dict[str, list[str]], copied: bool) -> None:
    released = as_numbers(copied_half() if copied else twin)
    inside, outside = (singling_out(half, released) for half in halves)
    assert_beyond_chance(RateComparison(inside, outside), copied)


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 1.0, 2.0])
def test_distance_to_the_closest_record(
    halves: tuple[Numbers, Numbers], twin: dict[str, list[str]], copied: bool, threshold: float
) -> None:
    released = as_numbers(copied_half() if copied else twin)
    inside, outside = (closer_than(half, released, threshold) for half in halves)
    assert_beyond_chance(RateComparison(inside, outside), copied)


@pytest.mark.parametrize("copied", [False, True])
@pytest.mark.parametrize("secret", [1, 4, 6])
def test_inference_by_the_closest_record(
    halves: tuple[Numbers, Numbers], twin: dict[str, list[str]], copied: bool, secret: int
) -> None:
    released = as_numbers(copied_half() if copied else twin)
    inside, outside = (guess_by_nearest(half, released, secret) for half in halves)
    assert_beyond_chance(RateComparison(inside, outside), copied)
