"""A histogram counts pupils per code and school, in whatever order they come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cohort.sdc.model.histogram import NO_SCHOOL, Histogram

A, B, C = 0, 1, 2
HUGE = 1 << 62


def as_rows(histogram: Histogram) -> list[tuple[Any, ...]]:
    """Per unit its code, school, pupils and further schools."""
    further: list[list[int]] = [[] for _ in range(histogram.units)]
    for unit, school in zip(histogram.other_units.tolist(), histogram.other_schools.tolist(), strict=True):
        further[unit].append(school)
    columns = (*histogram.codes, histogram.schools, histogram.counts)
    return [(*row, more) for *row, more in zip(*(c.tolist() for c in columns), further, strict=True)]


def drawn(offset: int = 0, **more: Any) -> Histogram:
    #   pupil   code  home  further
    #   p       7     A
    #   q       7     A     C
    #   r       7     B     A, C
    #   s       3     C
    #   t       7     A
    return Histogram.from_pupils(
        np.array([7, 7, 7, 3, 7]) + offset,
        np.array([A, A, B, C, A], dtype=np.int32),
        others=(np.array([2, 1, 2]), np.array([C, C, A], dtype=np.int32)),
        **more,
    )


@pytest.mark.parametrize("offset", [0, HUGE], ids=["packed", "too wide to pack"])
def test_equal_pupils_are_one_unit_and_a_pupil_with_further_schools_is_a_unit_of_its_own(offset: int) -> None:
    histogram = drawn(offset)

    assert as_rows(histogram) == [
        (3 + offset, C, 1, []),
        (7 + offset, A, 2, []),
        (7 + offset, A, 1, [C]),
        (7 + offset, B, 1, [A, C]),
    ]
    assert histogram.unit_of_pupil.tolist() == [1, 2, 3, 0, 1]
    assert (histogram.pupils, histogram.units, histogram.has_schools) == (5, 4, True)


def test_every_pupil_may_be_a_unit_of_its_own() -> None:
    histogram = drawn(single=True)

    assert histogram.counts.tolist() == [1] * 5
    assert sorted(histogram.unit_of_pupil.tolist()) == list(range(5))


def test_a_subset_keeps_the_further_schools_of_its_units() -> None:
    part = drawn().subset(np.array([3, 0]))

    assert as_rows(part) == [(7, B, 1, [A, C]), (3, C, 1, [])]
    assert as_rows(part.subset(np.array([1]))) == [(3, C, 1, [])]


@pytest.mark.parametrize("single", [False, True])
def test_the_order_of_the_pupils_plays_no_part(single: bool) -> None:
    draw = np.random.default_rng(5)
    codes, schools = draw.integers(0, 40, (2, 500)), draw.integers(0, 9, 500).astype(np.int32)
    moved, further = np.arange(0, 500, 25), draw.integers(9, 12, 20).astype(np.int32)
    order = draw.permutation(500)

    first = Histogram.from_pupils(codes, schools, others=(moved, further), single=single)
    again = Histogram.from_pupils(
        codes[:, order], schools[order], others=(np.argsort(order)[moved], further), single=single
    )
    assert as_rows(first) == as_rows(again)
    assert np.array_equal(first.codes[:, first.unit_of_pupil], codes)
    assert np.array_equal(again.schools[again.unit_of_pupil], schools[order])


def test_data_without_schools() -> None:
    histogram = Histogram.from_pupils(np.array([4, 4, 2]))

    assert [row[:3] for row in as_rows(histogram)] == [(2, NO_SCHOOL, 1), (4, NO_SCHOOL, 2)]
    assert not histogram.has_schools


def test_a_histogram_may_have_no_pupils() -> None:
    assert Histogram.from_pupils(np.array([], dtype=np.int64)).pupils == 0


def column(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"counts": column(1)}, "differ in length"),
        ({"other_units": column(0)}, "differ in length"),
        ({"codes": column(-1, 2)[None, :]}, "not negative"),
        ({"counts": column(0, 1)}, "at least one"),
        ({"schools": column(-1, 0)}, "or nobody has"),
        ({"other_units": column(0), "other_schools": column(-1)}, "or nobody has"),
    ],
)
def test_refuses_inconsistent_arrays(change: dict[str, np.ndarray], problem: str) -> None:
    right: dict[str, Any] = {
        "codes": column(1, 2)[None, :],
        "schools": column(0, 0),
        "counts": column(1, 1),
        "other_units": column(),
        "other_schools": column(),
        "unit_of_pupil": column(0, 1),
    }
    assert Histogram(**right).pupils == 2
    with pytest.raises(ValueError, match=problem):
        Histogram(**right | change)


def test_every_pupil_needs_a_school() -> None:
    with pytest.raises(ValueError, match="needs its school"):
        Histogram.from_pupils(np.array([1, 2]), np.array([0], dtype=np.int32))
