"""The results of a synthetic cohort, each in the file of the school that delivers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cohorts import catalogue, scores
from cohorts.pupils import NOWHERE, Codes, Indices, SyntheticPupils, assign_groups
from cohorts.scores import SyntheticScores

SCHOOL_YEARS = ("2024-2025", "2023-2024")
PER_YEAR: Final = len(catalogue.MOMENTS) * len(catalogue.DOMAINS)

# The ability in a year that was repeated was lower.
_BEFORE_REPEATING: Final = np.float32(-0.6)
_E: Final = catalogue.MOMENTS.index("E")


@dataclass(frozen=True)
class SyntheticResults:
    """The results, one entry per result in every array, ordered by the school that delivers it.

    Args:
        pupil: the index of the pupil.
        school: the index of the delivering school.
        year: an index in SCHOOL_YEARS.
        moment: an index in the catalogue's MOMENTS.
        domain: an index in the catalogue's DOMAINS.
        group: the class, an index in the pupils' GROUPS.
        tenths: the score in tenths.
        level: an index in the scores' LEVELS.
    """

    pupil: Indices
    school: npt.NDArray[np.int16]
    year: Codes
    moment: Codes
    domain: Codes
    group: npt.NDArray[np.int16]
    tenths: npt.NDArray[np.int16]
    level: Codes

    def __len__(self) -> int:
        return int(self.pupil.size)


def draw_results(rng: np.random.Generator, pupils: SyntheticPupils) -> SyntheticResults:
    """Draw ten results per pupil in 2024-2025, and for repeaters ten more of the same tests a year before.

    The first school of a mover delivers the M results, the second the E results.
    """
    everybody = np.arange(len(pupils), dtype=np.int32)
    repeaters = np.flatnonzero(pupils.repeater).astype(np.int32)
    now = scores.draw_scores(rng, pupils.ability, pupils.year_group)
    before = scores.draw_scores(rng, pupils.ability[repeaters] + _BEFORE_REPEATING, pupils.year_group[repeaters])
    parts = [_results_of_year(pupils, everybody, now, 0), _results_of_year(pupils, repeaters, before, 1)]
    whole = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
    # Of int16 numpy sorts by radix, which matters at 15 million results.
    order = np.argsort(whole[1], kind="stable")
    return SyntheticResults(*(column[order] for column in whole))


def _results_of_year(
    pupils: SyntheticPupils, who: Indices, made: SyntheticScores, year: int
) -> tuple[npt.NDArray[np.generic], ...]:
    pupil = np.repeat(who, PER_YEAR)
    sitting = np.tile(np.arange(PER_YEAR, dtype=np.int8), who.size)
    moment, domain = sitting // len(catalogue.DOMAINS), sitting % len(catalogue.DOMAINS)
    moved_to = pupils.moved_to[pupil]
    moved = (moment == _E) & (moved_to != NOWHERE) & (year == 0)
    school = np.where(moved, moved_to, pupils.school[pupil]).astype(np.int16)
    home = assign_groups(pupils, pupils.school)[pupil]
    group = np.where(moved, assign_groups(pupils, np.maximum(pupils.moved_to, 0))[pupil], home)
    years = np.full(pupil.size, year, dtype=np.int8)
    return pupil, school, years, moment, domain, group, made.tenths.ravel(), made.level.ravel()
