"""A generated cohort for the anonymity engine alone: codes and schools, without files or Spark.

Seven columns and 4,050 choices of levels. A school lies in one municipality and has one denomination,
which is more often Catholic in the south; language and the parents' education go with the
municipality and the school, the level reached with the education.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from cohort.sdc.model.arrays import Int32Array, IntArray
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohorts.schools import draw_school_sizes

Leaves = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_MOST_SCHOOLS: Final = 6_600
_PUPILS_PER_SCHOOL: Final = 100
"""At least so many on average: 1 million pupils go to 6,600 schools."""

_MUNICIPALITIES: Final = 342
_PROVINCES: Final = 12
_REGIONS: Final = 40
_PARTS: Final = ("Noord", "Oost", "West", "Zuid")
_PROVINCES_OF_PART: Final = 3

_DENOMINATIONS: Final = {
    "openbaar": ("openbaar", 0.31),
    "algemeen bijzonder": ("neutraal", 0.07),
    "montessori": ("neutraal", 0.03),
    "rooms-katholiek": ("christelijk", 0.30),
    "protestants-christelijk": ("christelijk", 0.23),
    "gereformeerd": ("richting", 0.02),
    "reformatorisch": ("richting", 0.03),
    "islamitisch": ("richting", 0.01),
}
_CATHOLIC: Final = list(_DENOMINATIONS).index("rooms-katholiek")
_LANGUAGES: Final = {
    "Nederlands": ("Nederlands of streektaal", 0.80),
    "Fries": ("Nederlands of streektaal", 0.02),
    "Limburgs": ("Nederlands of streektaal", 0.015),
    "Nedersaksisch": ("Nederlands of streektaal", 0.01),
    "Engels": ("Europees", 0.012),
    "Duits": ("Europees", 0.006),
    "Pools": ("Europees", 0.02),
    "Spaans": ("Europees", 0.006),
    "Turks": ("Turks of Arabisch", 0.03),
    "Arabisch": ("Turks of Arabisch", 0.03),
    "Tamazight": ("Turks of Arabisch", 0.02),
    "Papiaments": ("overig", 0.008),
    "Somalisch": ("overig", 0.006),
    "Chinees": ("overig", 0.005),
    "Tigrinya": ("overig", 0.004),
    "andere": ("overig", 0.008),
}
_FOREIGN: Final = 4
"""The first four languages are spoken in the country of old."""
_EDUCATIONS: Final = {
    "basisonderwijs": ("laag", 0.06),
    "vmbo": ("laag", 0.13),
    "mbo": ("midden", 0.38),
    "havo of vwo": ("midden", 0.08),
    "hbo": ("hoog", 0.22),
    "wo": ("hoog", 0.13),
}
_LEVELS: Final = {"I": "I of II", "II": "I of II", "III": "III", "IV": "IV of V", "V": "IV of V"}
_FIRST_YEAR: Final = 2012
_YEARS: Final = 8


def generate_engine_cohort(pupils: int, seed: int = 1) -> tuple[Coding, IntArray, Int32Array]:
    """Draws a cohort.

    Gives: the coding, the codes `[word, pupil]` and the school of every pupil, in random order; the same ones
    for the same arguments.
    """
    draw = np.random.default_rng(seed)
    number = max(1, min(_MOST_SCHOOLS, pupils // _PUPILS_PER_SCHOOL))
    place = _municipalities(draw, number)
    denomination = _denominations(draw, place)
    school = draw.permutation(np.repeat(np.arange(number), draw_school_sizes(draw, pupils, number)))
    city = _standing(draw, _MUNICIPALITIES)[place][school]
    background = 0.3 * _standing(draw, number)[school] + 0.2 * city + draw.normal(0, 0.93, pupils)
    language = _languages(draw, city, background)
    reached = 0.45 * background + draw.normal(0, 0.9, pupils)
    leaves = [
        draw.integers(0, 2, pupils),
        _births(draw, pupils),
        place[school],
        denomination[school],
        language,
        _ranked(background, [share for _, share in _EDUCATIONS.values()]),
        np.searchsorted([-0.84, -0.25, 0.25, 0.84], -reached),
    ]
    coding = Coding(tuple(_hierarchies()))
    return coding, coding.encode(leaves), school.astype(np.int32)


def _hierarchies() -> Iterator[Hierarchy]:
    yield Hierarchy("geslacht", (("j", "m"), ("*",) * 2))
    years = range(_FIRST_YEAR, _FIRST_YEAR + _YEARS)
    quarters = [(year, quarter) for year in years for quarter in range(4)]
    yield _of_rows(
        "geboren",
        [
            (f"{y} kwartaal {q + 1}", f"{y} helft {q // 2 + 1}", f"{y}", f"{y - y % 2}-{y - y % 2 + 1}", "*")
            for y, q in quarters
        ],
    )
    provinces = np.arange(_REGIONS) * _PROVINCES // _REGIONS
    rows = []
    for municipality, region in enumerate(_region_of()):
        province = int(provinces[region])
        part = _PARTS[province // _PROVINCES_OF_PART]
        rows.append((f"gemeente {municipality}", f"regio {region}", f"provincie {province}", part, "*"))
    yield _of_rows("gemeente", rows)
    yield _of_rows("denominatie", [(name, group, "*") for name, (group, _) in _DENOMINATIONS.items()])
    yield _of_rows("thuistaal", [(name, group, "*") for name, (group, _) in _LANGUAGES.items()])
    yield _of_rows("opleiding_ouders", [(name, group, "*") for name, (group, _) in _EDUCATIONS.items()])
    yield _of_rows("niveau", [(name, group, "*") for name, group in _LEVELS.items()])


def _of_rows(name: str, rows: Sequence[tuple[str, ...]]) -> Hierarchy:
    return Hierarchy(name, tuple(zip(*rows, strict=True)))


def _region_of() -> Leaves:
    return np.arange(_MUNICIPALITIES) * _REGIONS // _MUNICIPALITIES


def _municipalities(draw: np.random.Generator, schools: int) -> Leaves:
    """Where each school lies: a few cities have many schools, most places a handful."""
    size = draw.lognormal(0, 0.9, _MUNICIPALITIES)
    return draw.choice(_MUNICIPALITIES, schools, p=size / size.sum())


def _denominations(draw: np.random.Generator, place: Leaves) -> Leaves:
    shares = np.array([share for _, share in _DENOMINATIONS.values()])
    province = _region_of()[place] * _PROVINCES // _REGIONS
    chosen = draw.choice(len(shares), len(place), p=shares / shares.sum())
    # In the last three provinces, the south, most schools are Catholic.
    south = province >= (len(_PARTS) - 1) * _PROVINCES_OF_PART
    chosen[south & (draw.random(len(place)) < 0.6)] = _CATHOLIC
    return chosen


def _births(draw: np.random.Generator, pupils: int) -> Leaves:
    """The quarter of birth. A school year of births begins in October: few are older or younger than that."""
    quarters = _YEARS * 4
    share = np.ones(quarters)
    share[:3] = share[-1] = 0.1
    return draw.choice(quarters, pupils, p=share / share.sum())


def _languages(draw: np.random.Generator, city: Floats, background: Floats) -> Leaves:
    """Other languages are spoken more in some places, and where the parents had less schooling."""
    shares = np.array([share for _, share in _LANGUAGES.values()])
    own, foreign = shares[:_FOREIGN], shares[_FOREIGN:]
    chance = foreign.sum() * np.exp(0.9 * city - 0.5 * background)
    chance *= foreign.sum() / chance.mean()
    elsewhere = draw.random(len(city)) < chance
    here = draw.choice(len(own), len(city), p=own / own.sum())
    there = _FOREIGN + draw.choice(len(foreign), len(city), p=foreign / foreign.sum())
    return np.where(elsewhere, there, here)


def _standing(draw: np.random.Generator, number: int) -> Floats:
    return draw.normal(0, 1, number)


def _ranked(values: Floats, shares: list[float]) -> Leaves:
    """Which of several groups of the given shares, from low to high, every value is in."""
    edges = np.cumsum(shares) / sum(shares)
    return np.searchsorted(np.quantile(values, edges[:-1]), values)
