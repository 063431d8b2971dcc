"""Pupils counted per code and school, whatever the order they come in."""

import numpy as np
import pytest

from cohort.recoding.histogram import NO_SCHOOL, Histogram

A, B, C = 0, 1, 2
HUGE = 1 << 62


def as_rows(histogram: Histogram) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    home = zip(histogram.codes.tolist(), histogram.schools.tolist(), histogram.counts.tolist(), strict=True)
    further = zip(
        histogram.other_codes.tolist(),
        histogram.other_schools.tolist(),
        histogram.other_counts.tolist(),
        strict=True,
    )
    return list(home), list(further)


@pytest.mark.parametrize("offset", [0, HUGE], ids=["packed", "too wide to pack"])
def test_counts_pupils_per_code_and_home_school_and_movers_per_further_school(offset: int) -> None:
    #   pupil   code  home  further
    #   p       7     A
    #   q       7     A     C
    #   r       7     B     A, C
    #   s       3     C
    histogram = Histogram.of_pupils(
        codes=np.array([7, 7, 7, 3]) + offset,
        schools=np.array([A, A, B, C], dtype=np.int32),
        other_codes=np.array([7, 7, 7]) + offset,
        other_schools=np.array([C, A, C], dtype=np.int32),
    )

    home, further = as_rows(histogram)
    assert home == [(3 + offset, C, 1), (7 + offset, A, 2), (7 + offset, B, 1)]
    assert further == [(7 + offset, A, 1), (7 + offset, C, 2)]
    assert histogram.pupils == 4
    assert histogram.has_schools


def test_the_order_of_the_pupils_plays_no_part() -> None:
    draw = np.random.default_rng(5)
    codes, schools = draw.integers(0, 40, 500), draw.integers(0, 9, 500).astype(np.int32)
    order = draw.permutation(500)

    assert as_rows(Histogram.of_pupils(codes, schools)) == as_rows(
        Histogram.of_pupils(codes[order], schools[order])
    )


def test_plain_data_has_no_schools() -> None:
    histogram = Histogram.of_pupils(np.array([4, 4, 2]))

    assert as_rows(histogram)[0] == [(2, NO_SCHOOL, 1), (4, NO_SCHOOL, 2)]
    assert not histogram.has_schools


def test_nobody_is_a_histogram_too() -> None:
    assert Histogram.of_pupils(np.array([], dtype=np.int64)).pupils == 0


def column(*numbers: int, kind: type = np.int64) -> np.ndarray:
    return np.array(numbers, dtype=kind)


NOBODY = (column(), column(kind=np.int32), column())


@pytest.mark.parametrize(
    ("home", "further", "problem"),
    [
        ((column(2, 1), column(0, 0), column(1, 1)), NOBODY, "not sorted"),
        ((column(1, 1), column(0, 0), column(1, 1)), NOBODY, "has doubles"),
        ((column(1, 2), column(0, 0), column(1)), NOBODY, "differ in length"),
        ((column(-1), column(0), column(1)), NOBODY, "not negative"),
        ((column(1), column(0), column(0)), NOBODY, "at least one"),
        ((column(1, 1), column(-1, 0), column(1, 1)), NOBODY, "or nobody has"),
        ((column(1), column(0), column(1)), (column(2), column(0), column(1)), "no pupil has"),
        ((column(1), column(0), column(1)), (column(1), column(-1), column(1)), "needs a number"),
    ],
)
def test_refuses_disorder(
    home: tuple[np.ndarray, ...], further: tuple[np.ndarray, ...], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Histogram(*home, *further)


def test_every_pupil_needs_its_school() -> None:
    with pytest.raises(ValueError, match="needs its school"):
        Histogram.of_pupils(np.array([1, 2]), np.array([0], dtype=np.int32))
