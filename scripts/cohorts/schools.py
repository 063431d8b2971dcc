"""The schools of a cohort, as `conf/scholen.csv` lists them, and how many pupils each has."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from cohort.foundation import UsageRefused, describe_problem

SITE = "00"
EXPECTED_FROM = "2020-08-01"
SMALL_SCHOOL = 100
"""A school of at most this many pupils is small; a fifth of the Dutch primary schools is."""

_MOST: Final = 6_600
# As many as an int16 and the made-up BRINs can number.
_MOST_WRITTEN: Final = 30_000
_FEWEST_PER_SCHOOL: Final = 20
# No letter below G: such a BRIN cannot occur by chance in a hexadecimal digest.
_LETTERS: Final = "GHIJKLMNOPQRSTUVWXYZ"
_PER_PREFIX: Final = len(_LETTERS) ** 2
_REAL_CLASSES_FROM: Final = 90
_BOARD_OF: Final = 7
_FEWEST_BOARDS: Final = 12
_KINDS: Final = (("bo", 0.93), ("sbo", 0.04), ("so", 0.03))
_DENOMINATIONS: Final = (("openbaar", 0.31), ("RK", 0.29), ("PC", 0.28), ("overig", 0.12))
_REGIONS: Final = (("Noord", 0.13), ("Oost", 0.22), ("Zuid", 0.21), ("West", 0.44))


def default_school_count(pupils: int) -> int:
    """How many schools a cohort of this size has by default.

    Returns:
        One per 200 pupils up to 300 schools; above that one per 227 (1.5 million pupils in 6,600 schools, the mean of
        2022/23), at least 300 and at most 6,600.
    """
    return min(max(1, pupils // 200), max(300, pupils * 11 // 2500), _MOST)


def synthetic_brins(count: int) -> list[str]:
    """Distinct made-up BRINs with a number below 90."""
    available = _REAL_CLASSES_FROM * _PER_PREFIX
    return [_brin(index * 7919 % available) for index in range(count)]


def class_brins(count: int) -> list[str]:
    """Distinct made-up BRINs with a number from 90, none of which is a synthetic school's."""
    first, available = _REAL_CLASSES_FROM * _PER_PREFIX, (100 - _REAL_CLASSES_FROM) * _PER_PREFIX
    return [_brin(first + index * 29 % available) for index in range(count)]


def is_synthetic_brin(brin: str) -> bool:
    """Whether `synthetic_brins` could have made the BRIN."""
    return (
        len(brin) == 4 and brin[:2].isdigit() and int(brin[:2]) < _REAL_CLASSES_FROM and set(brin[2:]) <= set(_LETTERS)
    )


def draw_school_sizes(rng: np.random.Generator, pupils: int, schools: int) -> npt.NDArray[np.int64]:
    """Draw the number of pupils per school, in random order.

    Returns:
        Sizes that add up to `pupils`; a fifth of the schools has 42 to 95 pupils (mean 68), the others more than 100
        with a long tail. With too few pupils for that, sizes in the same proportions.

    Raises:
        UsageRefused: no school, more than 30,000 schools, or fewer than 20 pupils a school.
    """
    if not 1 <= schools <= _MOST_WRITTEN or pupils < schools * _FEWEST_PER_SCHOOL:
        raise UsageRefused(
            describe_problem(
                f"1 to {_MOST_WRITTEN} schools with at least {_FEWEST_PER_SCHOOL} pupils each",
                example="--pupils 60000 --schools 300",
                found=f"{pupils} pupils for {schools} schools",
                where="the arguments",
                do="Ask for more pupils or for another number of schools",
            )
        )
    small = rng.uniform(42, 95, schools // 5)
    excess = rng.gamma(1.6, 1.0, schools - small.size)
    remaining = pupils - small.sum() - (SMALL_SCHOOL + 1) * excess.size
    if remaining > 0:
        wanted = np.concatenate([small, SMALL_SCHOOL + 1 + excess * remaining / excess.sum()])
    else:
        shares = np.concatenate([small, SMALL_SCHOOL + 1 + excess * 80])
        wanted = shares * pupils / shares.sum()
    sizes = np.floor(wanted).astype(np.int64)
    # The pupils lost by rounding down go to the largest schools, so that no small one grows past 100.
    sizes[np.argsort(-sizes, kind="stable")[: pupils - int(sizes.sum())]] += 1
    return rng.permutation(sizes)


def school_list_rows(seed: int, brins: list[str], *, special: bool = True) -> list[tuple[str, ...]]:
    """The rows of the school list, in the order of `cohort.agreements.catalogue.SCHOOL_LIST_HEADER`.

    Args:
        seed: the seed of the boards and kinds that are drawn.
        brins: the schools.
        special: whether some of the schools are for special education.
    """
    rng = np.random.default_rng(seed)
    count = len(brins)
    # Even a few schools have more boards than a project asks for in every class.
    boards = rng.integers(1, max(count // _BOARD_OF, _FEWEST_BOARDS) + 2, count)
    kinds, denominations, regions = (
        rng.choice([name for name, _ in shares], count, p=[share for _, share in shares])
        for shares in (_KINDS, _DENOMINATIONS, _REGIONS)
    )
    return [
        (
            brin,
            SITE,
            str(70_000 + int(boards[school])),
            str(kinds[school]) if special else "bo",
            str(denominations[school]),
            str(regions[school]),
            EXPECTED_FROM,
            "",
        )
        for school, brin in enumerate(brins)
    ]


def _brin(index: int) -> str:
    prefix, letters = divmod(index, _PER_PREFIX)
    first, second = divmod(letters, len(_LETTERS))
    return f"{prefix:02d}{_LETTERS[first]}{_LETTERS[second]}"
