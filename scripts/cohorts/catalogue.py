"""The tests of the synthetic cohort, as `conf/toetsen.csv` lists them."""

from __future__ import annotations

from dataclasses import dataclass

from cohort.agreements import TEST_LIST_HEADER

CATALOGUE_HEADER = TEST_LIST_HEADER
VERSION = "3.0"
MOMENTS = ("M", "E")
YEAR_GROUPS = (3, 4, 5, 6, 7, 8)


@dataclass(frozen=True)
class SyntheticDomain:
    """A tested domain, its scale and the growth of its scores over the year groups.

    Args:
        name: its name in the catalogue.
        code: its part of a test code.
        scale: the name of its scale.
        highest: the highest score; scales begin at 0.
        at_m3: the mean score at M3.
        per_year: the rise of the mean per year.
        spread: the standard deviation within a test.
    """

    name: str
    code: str
    scale: str
    highest: int
    at_m3: float
    per_year: float
    spread: float

    def __post_init__(self) -> None:
        if not 0 < self.at_m3 < self.highest <= 3000 or self.spread <= 0:
            raise ValueError(f"the scale of {self.name} does not hold its scores")


DOMAINS = (
    SyntheticDomain("rekenen", "REK", "LVS-REK", 200, 40, 22, 18),
    SyntheticDomain("begrijpend_lezen", "BL", "LVS-BL", 200, 38, 23, 21),
    SyntheticDomain("spelling", "SP", "LVS-SP", 600, 150, 55, 60),
    SyntheticDomain("technisch_lezen", "TL", "LVS-TL", 150, 30, 16, 15),
    SyntheticDomain("woordenschat", "WS", "LVS-WS", 200, 42, 21, 18),
)


def test_code(domain: SyntheticDomain, moment: str, year_group: int) -> str:
    """The code that a school delivers, such as `REK-M7`."""
    return f"{domain.code}-{moment}{year_group}"


def catalogue_rows() -> list[tuple[str, ...]]:
    """The rows of the catalogue, in the order of CATALOGUE_HEADER."""
    return [
        (
            test_code(domain, moment, year_group),
            VERSION,
            domain.name,
            moment,
            str(year_group),
            domain.scale,
            "0",
            str(domain.highest),
            "nee",
        )
        for domain in DOMAINS
        for moment in MOMENTS
        for year_group in YEAR_GROUPS
    ]
