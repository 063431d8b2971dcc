"""Pupil numbers, schools and school sizes of synthetic cohorts."""

from __future__ import annotations

import re

import numpy as np
import pytest
from stdnum.nl import bsn, onderwijsnummer

from cohort.foundation.errors import UsageRefused
from cohorts import pupil_numbers, schools


def _is_pupil_number(number: str) -> bool:
    return bool(bsn.is_valid(number) or onderwijsnummer.is_valid(number))


@pytest.mark.parametrize(
    ("pupils", "expected"),
    [(50, 1), (2_000, 10), (60_000, 300), (66_000, 300), (300_000, 1_320), (1_500_000, 6_600), (3_000_000, 6_600)],
)
def test_the_number_of_schools_follows_from_the_pupils(pupils: int, expected: int) -> None:
    assert schools.default_school_count(pupils) == expected


@pytest.mark.parametrize(("pupils", "count"), [(2_000, 10), (60_000, 300), (1_500_000, 6_600)])
def test_a_fifth_of_the_schools_is_small(pupils: int, count: int) -> None:
    sizes = schools.draw_school_sizes(np.random.default_rng(1), pupils, count)
    small = sizes[sizes <= 100]
    assert sizes.sum() == pupils
    assert small.size == count // 5
    assert sizes[sizes > 100].mean() > np.median(sizes[sizes > 100])
    assert 55 < small.mean() < 85


@pytest.mark.parametrize(("pupils", "count"), [(100, 0), (100, 6), (10, 1), (10_000_000, 40_000)])
def test_too_few_pupils_or_too_many_schools_are_refused(pupils: int, count: int) -> None:
    with pytest.raises(UsageRefused, match="schools with at least 20 pupils"):
        schools.draw_school_sizes(np.random.default_rng(1), pupils, count)


def test_few_pupils_per_school_still_add_up() -> None:
    sizes = schools.draw_school_sizes(np.random.default_rng(1), 2_000, 100)
    assert sizes.sum() == 2_000
    assert sizes.min() >= 1


def test_pupil_numbers_are_valid_distinct_and_spread_as_real_ones() -> None:
    ranges = [
        pupil_numbers.draw_pupil_numbers(np.random.default_rng(3), 20_000, number_range)
        for number_range in pupil_numbers.NumberRange
    ]
    written = [number for number_range in ranges for number in pupil_numbers.format_pupil_numbers(number_range)]
    assert len(set(written)) == 40_000
    assert all(_is_pupil_number(number) for number in written)
    onderwijs = [number for number in written if not bsn.is_valid(number)]
    assert len(onderwijs) == 400
    assert all(number.startswith("10") for number in onderwijs)
    assert 0.09 < sum(number[0] == "0" for number in written) / len(written) < 0.11


def test_a_wrong_check_digit_never_passes() -> None:
    numbers = pupil_numbers.draw_pupil_numbers(np.random.default_rng(4), 5_000, pupil_numbers.NumberRange.SYNTHETIC)
    suitable = numbers[numbers // 10_000_000 != 10]
    broken = pupil_numbers.format_pupil_numbers(pupil_numbers.with_wrong_check_digit(suitable))
    assert len(broken) > 4_000
    assert not any(_is_pupil_number(number) for number in broken)


def test_brins_are_valid_and_no_class_has_a_synthetic_one() -> None:
    synthetic, classes = schools.synthetic_brins(6_600), schools.class_brins(133)
    assert len({*synthetic, *classes}) == 6_733
    assert all(re.fullmatch("[0-9]{2}[A-Z]{2}", brin) for brin in (*synthetic, *classes))
    assert all(map(schools.is_synthetic_brin, synthetic))
    assert not any(map(schools.is_synthetic_brin, classes))
