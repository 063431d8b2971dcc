"""The pupils of a synthetic cohort: school, year group and background."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from cohorts import catalogue
from cohorts.pupil_numbers import PupilNumbers
from cohorts.schools import SMALL_SCHOOL

Codes = npt.NDArray[np.int8]
Indices = npt.NDArray[np.int32]

WEIGHTS = ("0", "0,3", "1,2")
EDUCATION = ("laag", "midden", "hoog", "")
LANGUAGES = ("nl", "fy", "dialect", "overig", "")
SEXES = ("0", "1", "2", "9")
SECTIONS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
GROUPS = (
    *(f"G{year_group}{section}" for year_group in catalogue.YEAR_GROUPS for section in SECTIONS),
    "G3-4",
    "G5-6",
    "G7-8",
)
NOWHERE: Final = -1

_REPEATING: Final = 0.02
_MOVING: Final = 0.02
_CLASS_OF: Final = 28
_WEIGHT_BY_EDUCATION: Final = ((0.55, 0.25, 0.20), (0.96, 0.03, 0.01), (1.0, 0.0, 0.0))
# The oldest of group 3 in 2024-2025 turned six after 1 October 2023.
_BORN_FROM: Final = (date(2017, 10, 1) - date(1970, 1, 1)).days


@dataclass(frozen=True)
class SyntheticPupils:
    """The pupils, one entry per pupil in every array.

    Args:
        number: the pupil number.
        school: the index of the school.
        moved_to: the index of the school that the pupil moved to between the M and E tests, or NOWHERE.
        repeater: whether the pupil repeated the year.
        year_group: the year group, 3 to 8.
        born: the date of birth, in days since 1970.
        sex: an index in SEXES.
        weight: an index in WEIGHTS.
        language: an index in LANGUAGES.
        education: the parents' education, an index in EDUCATION.
        ability: the general ability, standard normal.
        place: where in the sections of the year group the pupil is, in [0, 1).
    """

    number: PupilNumbers
    school: Indices
    moved_to: Indices
    repeater: npt.NDArray[np.bool_]
    year_group: Codes
    born: Indices
    sex: Codes
    weight: Codes
    language: Codes
    education: Codes
    ability: npt.NDArray[np.float32]
    place: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return int(self.number.size)


def draw_pupils(rng: np.random.Generator, numbers: PupilNumbers, sizes: npt.NDArray[np.int64]) -> SyntheticPupils:
    """Draw one pupil per number: 2 % repeaters and 2 % movers, and no pupil both."""
    count = numbers.size
    school = np.repeat(np.arange(sizes.size, dtype=np.int32), sizes)
    school_quality = rng.standard_normal(sizes.size)[school]
    background = 0.4 * school_quality + np.sqrt(1 - 0.4**2) * rng.standard_normal(count)
    education = np.digitize(background, [-1.04, 0.13]).astype(np.int8)
    # 0.85² + 0.40² + 0.20² + 2 × 0.40 × 0.20 × 0.4 is near 1: ability is about standard normal.
    ability = 0.85 * rng.standard_normal(count) + 0.4 * background + 0.2 * school_quality
    weight = _draw_weights(rng, education)
    education[rng.random(count) < 0.01] = EDUCATION.index("")
    shuffled = rng.permutation(count)
    repeating = round(count * _REPEATING)
    moving = round(count * _MOVING) if sizes.size > 1 else 0
    repeater = np.zeros(count, dtype=np.bool_)
    repeater[shuffled[:repeating]] = True
    movers = shuffled[repeating : repeating + moving]
    moved_to = np.full(count, NOWHERE, dtype=np.int32)
    moved_to[movers] = _draw_other_schools(rng, school, movers, sizes.size)
    year_group = rng.integers(3, 9, count, dtype=np.int8)
    born = _BORN_FROM + rng.integers(0, 365, count) - 365 * (year_group.astype(np.int32) - 3 + repeater)
    return SyntheticPupils(
        number=numbers,
        school=school,
        moved_to=moved_to,
        repeater=repeater,
        year_group=year_group,
        born=born.astype(np.int32),
        sex=_draw_shares(rng, count, (0.002, 0.509, 0.488, 0.001)),
        weight=weight,
        language=_draw_shares(rng, count, (0.79, 0.03, 0.05, 0.12, 0.01)),
        education=education,
        ability=ability.astype(np.float32),
        place=rng.random(count, dtype=np.float32),
    )


def assign_groups(pupils: SyntheticPupils, school: Indices) -> npt.NDArray[np.int16]:
    """The class of every pupil at a school, as indices in GROUPS.

    Args:
        pupils: the pupils.
        school: the school of each pupil: the first one, or the one moved to.

    Returns:
        In a small school one class for two year groups, elsewhere sections of about 28 pupils.
    """
    kinds = len(catalogue.YEAR_GROUPS)
    schools = int(max(pupils.school.max(), school.max())) + 1
    year = pupils.year_group.astype(np.int32) - 3
    cells = np.bincount(pupils.school * kinds + year, minlength=schools * kinds)
    sections = np.clip(-(-cells // _CLASS_OF), 1, len(SECTIONS))[school * kinds + year]
    section = np.minimum((pupils.place * sections).astype(np.int32), sections - 1)
    alone = year * len(SECTIONS) + section
    together = kinds * len(SECTIONS) + year // 2
    small = cells.reshape(schools, kinds).sum(axis=1)[school] <= SMALL_SCHOOL
    return np.where(small, together, alone).astype(np.int16)


def _draw_shares(rng: np.random.Generator, count: int, shares: tuple[float, ...]) -> Codes:
    """Draw indices with these probabilities."""
    edges = np.cumsum(shares)[:-1]
    return np.searchsorted(edges, rng.random(count), side="right").astype(np.int8)


def _draw_weights(rng: np.random.Generator, education: Codes) -> Codes:
    """Draw the weight of each pupil, given the parents' education."""
    edges = np.cumsum(np.array(_WEIGHT_BY_EDUCATION), axis=1)[education]
    # The last edge is 1, above every draw; leaving it out guards against rounding.
    drawn: Codes = (rng.random(education.size)[:, None] >= edges[:, :-1]).sum(axis=1, dtype=np.int8)
    return drawn


def _draw_other_schools(
    rng: np.random.Generator, school: Indices, movers: npt.NDArray[np.int64], schools: int
) -> Indices:
    """Draw a school for each mover, larger ones more often, never its own."""
    chosen = school[rng.integers(0, school.size, movers.size)]
    return np.where(chosen == school[movers], (chosen + 1) % schools, chosen).astype(np.int32)
