"""The scores of pupils: correlated over domains and moments, growing with the year group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cohorts import catalogue
from cohorts.pupils import Codes

LEVELS = ("I", "II", "III", "IV", "V")

# A domain loads 0.8 on the general ability, a sitting 0.9 on the domain: two domains at one moment correlate 0.52,
# two moments of one domain 0.81.
_GENERAL: Final = 0.8
_STABLE: Final = 0.9
# The quintiles of the standard normal distribution: I is the best fifth.
_QUINTILES: Final = np.array([-0.8416, -0.2533, 0.2533, 0.8416], dtype=np.float32)


@dataclass(frozen=True)
class SyntheticScores:
    """Ability scores in tenths and levels (indices in LEVELS), per pupil, moment and domain."""

    tenths: npt.NDArray[np.int16]
    level: Codes


def draw_scores(rng: np.random.Generator, ability: npt.NDArray[np.float32], year_group: Codes) -> SyntheticScores:
    """Draw the scores of one school year.

    Returns:
        Arrays `[pupil, moment, domain]`: scores within their scale, and levels by the quintile of the score among all
        pupils of the year group.
    """
    moments, domains = len(catalogue.MOMENTS), len(catalogue.DOMAINS)
    shape = (ability.size, moments, domains)
    per_domain = rng.standard_normal((ability.size, 1, domains), dtype=np.float32)
    per_domain *= np.float32(np.sqrt(1 - _GENERAL**2))
    per_domain += np.float32(_GENERAL) * ability[:, None, None]
    place = rng.standard_normal(shape, dtype=np.float32)
    place *= np.float32(np.sqrt(1 - _STABLE**2))
    place += np.float32(_STABLE) * per_domain
    years = (year_group - 3)[:, None] + np.array([0.0, 0.5], dtype=np.float32)
    tenths = np.empty(shape, dtype=np.int16)
    for index, domain in enumerate(catalogue.DOMAINS):
        score = domain.at_m3 + domain.per_year * years + domain.spread * place[:, :, index]
        tenths[:, :, index] = np.clip(np.rint(score * 10), 0, domain.highest * 10)
    level = (len(LEVELS) - 1 - np.searchsorted(_QUINTILES, place)).astype(np.int8)
    return SyntheticScores(tenths, level)
