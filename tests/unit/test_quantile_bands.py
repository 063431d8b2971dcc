"""Quantile bands have enough pupils of enough schools, and so do the surroundings of their boundaries."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.foundation.errors import ConfigurationRefused, NotAnonymous
from cohort.sdc.numeric.bands import NumericBands
from cohort.sdc.numeric.quantiles import QuantileBands

Numbers = npt.NDArray[np.int64]


def pupils(text: str) -> tuple[Numbers, Numbers]:
    """Values and schools from a drawing like `3A 4B 12A`."""
    words = text.split()
    return np.array([int(word[:-1]) for word in words]), np.array([ord(word[-1]) for word in words])


def leaves(bands: NumericBands) -> list[str]:
    return list(bands.hierarchy(with_unknown=False).leaves)


TEN = pupils("3A 4B 8A  12B 13A 17B  21A 22B 25A 29B")


def test_the_boundary_is_the_multiple_of_the_step_nearest_to_the_quantile() -> None:
    assert leaves(QuantileBands(2, 10, 3, 2).compute_bands("score", *TEN)) == ["tot 20", "20 en hoger"]
    assert leaves(QuantileBands(3, 10, 3, 2).compute_bands("score", *TEN)) == ["tot 10", "10 tot 20", "20 en hoger"]


def test_values_may_be_hundredths_and_null() -> None:
    values, schools = TEN
    hundredths = np.append(values * 100 + 99, [5, 5, 5, 5, 5, 5])
    known = np.append(np.ones(10, bool), np.zeros(6, bool))

    bands = QuantileBands(2, 10, 3, 2).compute_bands(
        "score", hundredths, np.append(schools, [65] * 6), has_value=known, unit=100
    )

    assert leaves(bands) == ["tot 20", "20 en hoger"]


def test_of_two_equally_near_boundaries_the_lower_is_chosen() -> None:
    # Under 10 there are 2 pupils, under 20 there are 4; the median is the third.
    assert leaves(QuantileBands(2, 10, 1, 1).compute_bands("score", *pupils("1A 2A  11A 12A  21A 22A"))) == [
        "tot 10",
        "10 en hoger",
    ]


def test_a_boundary_needs_several_pupils_around_it() -> None:
    #  ten pupils around 10, one at 53, ten around 100: the median is that one's value
    crowd = "11A 12B 13A 14B 15A 16B 17A 18B 19A 19B  53A  101A 102B 103A 104B 105A 106B 107A 108B 109A 109B"

    bands = QuantileBands(2, 10, 5, 2).compute_bands("score", *pupils(crowd))

    assert leaves(bands) == ["tot 20", "20 en hoger"]  # not 50 or 60


def test_a_boundary_needs_several_schools_around_it() -> None:
    #  20 is the median; but only school A has pupils from 10 to 30
    one = "1A 2B 3C 4D  11A 12A 13A  21A 22A 23A  31D 32C 33B 34A"

    assert leaves(QuantileBands(2, 10, 3, 1).compute_bands("score", *pupils(one))) == ["tot 20", "20 en hoger"]
    assert leaves(QuantileBands(2, 10, 3, 2).compute_bands("score", *pupils(one))) == ["tot 10", "10 en hoger"]


def test_a_boundary_needs_enough_pupils_and_schools_on_either_side() -> None:
    #  three in each cell: thirds would part off bands of 3
    thirds = "1A 2B 3C  11A 12B 13C  21A 22B 23C  31A 32B 33C"
    #  10 is nearest to the median; but only school A lies under it
    one = "1A 2A 3A 4A  11A 12B 13C 14A  21A 22B 23C"

    assert leaves(QuantileBands(3, 10, 5, 2).compute_bands("score", *pupils(thirds))) == ["tot 20", "20 en hoger"]
    assert leaves(QuantileBands(2, 10, 3, 1).compute_bands("score", *pupils(one))) == ["tot 10", "10 en hoger"]
    assert leaves(QuantileBands(2, 10, 3, 3).compute_bands("score", *pupils(one))) == ["tot 20", "20 en hoger"]


def test_the_smallest_band_is_joined_to_the_smaller_neighbour() -> None:
    #  cells of 10 points:   5 pupils         2        4            6
    drawing = "1A 2B 3A 4B 5A  11B 12A  21B 22A 23B 24A  31A 32B 33A 34B 35A 36B"

    assert leaves(QuantileBands(17, 10, 2, 2).compute_bands("score", *pupils(drawing))) == [
        "tot 10",
        "10 tot 20",
        "20 tot 30",
        "30 en hoger",
    ]
    assert leaves(QuantileBands(17, 10, 3, 2).compute_bands("score", *pupils(drawing))) == [
        "tot 10",
        "10 tot 30",
        "30 en hoger",
    ]


def test_a_band_of_too_few_schools_is_joined() -> None:
    drawing = "1A 2B 3A  11C 12C 13C  21A 22B 23A 24B"

    assert leaves(QuantileBands(3, 10, 3, 1).compute_bands("score", *pupils(drawing))) == [
        "tot 10",
        "10 tot 20",
        "20 en hoger",
    ]
    assert leaves(QuantileBands(3, 10, 3, 2).compute_bands("score", *pupils(drawing))) == ["tot 20", "20 en hoger"]


def test_levels_join_neighbours_as_long_as_two_bands_remain() -> None:
    values = np.arange(400)
    bands = QuantileBands(5, 10, 10, 2, joins=(2, 2, 2)).compute_bands("score", values, values % 7)

    assert bands.joins == (2, 2)
    assert list(bands.hierarchy(with_unknown=False).labels[2]) == ["tot 320"] * 4 + ["320 en hoger"]


@pytest.mark.parametrize(
    ("rule", "drawing"),
    [
        (QuantileBands(2, 10, 1, 1), ""),
        (QuantileBands(2, 10, 1, 1), "4A"),
        (QuantileBands(2, 10, 2, 1), "4A 14A"),
        (QuantileBands(2, 10, 3, 1), "1A 2A 3A 4A 5A 6A"),
        (QuantileBands(2, 10, 3, 2), "1A 2A 3A 11A 12A 13A"),
        (QuantileBands(2, 10, 4, 1), "1A 2A 3A 11A 12A 13A"),
        (QuantileBands(2, 10, 3, 1), "1A 51A 101A 151A 201A 251A"),
    ],
    ids=["nobody", "one", "two", "one cell", "one school", "too few", "scattered"],
)
def test_refuses_a_cohort_without_a_safe_boundary(rule: QuantileBands, drawing: str) -> None:
    with pytest.raises(NotAnonymous, match=r"at least two bands.*column score") as refusal:
        rule.compute_bands("score", *pupils(drawing))
    assert "found none for at most 7 pupils" in str(refusal.value)


@pytest.mark.parametrize(
    "build",
    [
        lambda: QuantileBands(1, 10, 3, 2),
        lambda: QuantileBands(101, 10, 3, 2),
        lambda: QuantileBands(2, 0, 3, 2),
        lambda: QuantileBands(2, 2.5, 3, 2),
        lambda: QuantileBands(2, 10, 0, 2),
        lambda: QuantileBands(2, 10, 3, 0),
        lambda: QuantileBands(2, 10, 3, True),
        lambda: QuantileBands(2, 10, 3, 2, joins=(1,)),
    ],
)
def test_refuses_wrong_parameters(build: Callable[[], QuantileBands]) -> None:
    with pytest.raises(ConfigurationRefused, match="in the quantiles"):
        build()


def test_refuses_all_wrong_parameters_at_once() -> None:
    with pytest.raises(ConfigurationRefused) as refusal:
        QuantileBands(1, 0, 0, 0)

    assert len(refusal.value.problems) == 4


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[QuantileBands, Numbers, Numbers]:
    rule = QuantileBands(
        groups=draw(st.integers(2, 6)),
        step=draw(st.integers(1, 15)),
        min_pupils=draw(st.integers(1, 6)),
        min_schools=draw(st.integers(1, 3)),
    )
    number = draw(st.integers(0, 80))
    chance = np.random.default_rng(draw(st.integers(0, 1_000_000)))
    spread = draw(st.sampled_from([5, 20, 80]))
    return rule, chance.normal(0, spread, number).astype(np.int64), chance.integers(0, 4, number)


def bands_or_none(rule: QuantileBands, values: Numbers, schools: Numbers) -> NumericBands | None:
    try:
        return rule.compute_bands("score", values, schools)
    except NotAnonymous:
        return None


@given(cohorts())
def test_every_band_and_boundary_has_enough_pupils_and_schools(cohort: tuple[QuantileBands, Numbers, Numbers]) -> None:
    rule, values, schools = cohort
    bands = bands_or_none(rule, values, schools)

    if bands is not None:
        place = bands.leaf_numbers(values)
        crowds = [place == band for band in range(bands.count)]
        crowds += [(values >= e - rule.step) & (values < e + rule.step) for e in bands.edges]
        for crowd in crowds:
            assert np.count_nonzero(crowd) >= rule.min_pupils
            assert len(np.unique(schools[crowd])) >= rule.min_schools
        assert 2 <= bands.count <= rule.groups
        assert bands.open_below
        assert bands.open_above
        assert all(edge % rule.step == 0 for edge in bands.edges)


@given(cohorts(), st.integers(0, 1_000_000))
def test_bands_do_not_depend_on_the_order_of_pupils_or_on_values_within_a_step(
    cohort: tuple[QuantileBands, Numbers, Numbers], seed: int
) -> None:
    rule, values, schools = cohort
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(values))
    moved = values // rule.step * rule.step + chance.integers(0, rule.step, len(values))

    bands = bands_or_none(rule, values, schools)

    assert bands_or_none(rule, values[order], schools[order]) == bands
    assert bands_or_none(rule, moved, schools) == bands


@given(cohorts())
def test_a_cohort_is_refused_only_where_no_boundary_is_safe(cohort: tuple[QuantileBands, Numbers, Numbers]) -> None:
    rule, values, schools = cohort

    def crowd(chosen: npt.NDArray[np.bool_]) -> bool:
        enough = int(np.count_nonzero(chosen)) >= rule.min_pupils
        return enough and len(np.unique(schools[chosen])) >= rule.min_schools

    def parts(edge: int) -> bool:
        near = (values >= edge - rule.step) & (values < edge + rule.step)
        return crowd(near) and crowd(values < edge) and crowd(values >= edge)

    edges = range((int(values.min(initial=0)) // rule.step - 1) * rule.step, 1_000, rule.step)
    assert (bands_or_none(rule, values, schools) is None) == (not any(map(parts, edges)))
