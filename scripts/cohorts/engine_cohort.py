"""A generated cohort for the anonymisation engine alone: codes and schools, without files or Spark.

Seven columns and 4,050 level vectors. A school lies in one municipality and has one denomination, more often Catholic
in the south; language and the parents' education correlate with the municipality and the school, the level reached with
the education.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from cohort.sdc import Coding, FloatArray, Hierarchy, Int32Array, IntArray
from cohorts.schools import draw_school_sizes

_MOST_SCHOOLS: Final = 6_600
_PUPILS_PER_SCHOOL: Final = 100
"""Pupils per school on average, at least; 1 million pupils go to 6,600 schools."""

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
_NATIVE_LANGUAGES: Final = 4
"""The number of languages, the first ones, that are native to the country."""
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
    """Draw a cohort; the same arguments give the same cohort.

    Returns:
        The coding, the codes `[word, pupil]` and the school of every pupil, in random order.
    """
    rng = np.random.default_rng(seed)
    school_count = max(1, min(_MOST_SCHOOLS, pupils // _PUPILS_PER_SCHOOL))
    place = _draw_municipalities(rng, school_count)
    denomination = _draw_denominations(rng, place)
    school = rng.permutation(np.repeat(np.arange(school_count), draw_school_sizes(rng, pupils, school_count)))
    city = _draw_standing(rng, _MUNICIPALITIES)[place][school]
    background = 0.3 * _draw_standing(rng, school_count)[school] + 0.2 * city + rng.normal(0, 0.93, pupils)
    language = _draw_languages(rng, city, background)
    reached = 0.45 * background + rng.normal(0, 0.9, pupils)
    leaves = [
        rng.integers(0, 2, pupils),
        _draw_births(rng, pupils),
        place[school],
        denomination[school],
        language,
        _groups_of_shares(background, [share for _, share in _EDUCATIONS.values()]),
        np.searchsorted([-0.84, -0.25, 0.25, 0.84], -reached),
    ]
    coding = Coding(tuple(_hierarchies()))
    return coding, coding.encode(leaves), school.astype(np.int32)


def _hierarchies() -> Iterator[Hierarchy]:
    yield Hierarchy("geslacht", (("j", "m"), ("*",) * 2))
    years = range(_FIRST_YEAR, _FIRST_YEAR + _YEARS)
    quarters = [(year, quarter) for year in years for quarter in range(4)]
    yield _hierarchy_of_rows(
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
    yield _hierarchy_of_rows("gemeente", rows)
    yield _hierarchy_of_rows("denominatie", [(name, group, "*") for name, (group, _) in _DENOMINATIONS.items()])
    yield _hierarchy_of_rows("thuistaal", [(name, group, "*") for name, (group, _) in _LANGUAGES.items()])
    yield _hierarchy_of_rows("opleiding_ouders", [(name, group, "*") for name, (group, _) in _EDUCATIONS.items()])
    yield _hierarchy_of_rows("niveau", [(name, group, "*") for name, group in _LEVELS.items()])


def _hierarchy_of_rows(name: str, rows: Sequence[tuple[str, ...]]) -> Hierarchy:
    return Hierarchy(name, tuple(zip(*rows, strict=True)))


def _region_of() -> IntArray:
    """The region of each municipality."""
    return np.arange(_MUNICIPALITIES) * _REGIONS // _MUNICIPALITIES


def _draw_municipalities(rng: np.random.Generator, schools: int) -> IntArray:
    """The municipality of each school: a few cities have many schools, most places a handful."""
    size = rng.lognormal(0, 0.9, _MUNICIPALITIES)
    return rng.choice(_MUNICIPALITIES, schools, p=size / size.sum())


def _draw_denominations(rng: np.random.Generator, place: IntArray) -> IntArray:
    """The denomination of each school, by its municipality."""
    shares = np.array([share for _, share in _DENOMINATIONS.values()])
    province = _region_of()[place] * _PROVINCES // _REGIONS
    chosen = rng.choice(len(shares), len(place), p=shares / shares.sum())
    # In the last three provinces, the south, most schools are Catholic.
    south = province >= (len(_PARTS) - 1) * _PROVINCES_OF_PART
    chosen[south & (rng.random(len(place)) < 0.6)] = _CATHOLIC
    return chosen


def _draw_births(rng: np.random.Generator, pupils: int) -> IntArray:
    """The quarter of birth. A school year of births begins in October: few pupils are older or younger."""
    quarters = _YEARS * 4
    share = np.ones(quarters)
    share[:3] = share[-1] = 0.1
    return rng.choice(quarters, pupils, p=share / share.sum())


def _draw_languages(rng: np.random.Generator, city: FloatArray, background: FloatArray) -> IntArray:
    """Other languages are spoken more in some places, and where the parents had less schooling."""
    shares = np.array([share for _, share in _LANGUAGES.values()])
    native, foreign = shares[:_NATIVE_LANGUAGES], shares[_NATIVE_LANGUAGES:]
    chance = foreign.sum() * np.exp(0.9 * city - 0.5 * background)
    chance *= foreign.sum() / chance.mean()
    speaks_foreign = rng.random(len(city)) < chance
    native_language = rng.choice(len(native), len(city), p=native / native.sum())
    foreign_language = _NATIVE_LANGUAGES + rng.choice(len(foreign), len(city), p=foreign / foreign.sum())
    return np.where(speaks_foreign, foreign_language, native_language)


def _draw_standing(rng: np.random.Generator, number: int) -> FloatArray:
    """The social standing of municipalities or schools, standard normal."""
    return rng.normal(0, 1, number)


def _groups_of_shares(values: FloatArray, shares: list[float]) -> IntArray:
    """The group of every value, when groups of these shares are filled from the lowest value up."""
    edges = np.cumsum(shares) / sum(shares)
    return np.searchsorted(np.quantile(values, edges[:-1]), values)
