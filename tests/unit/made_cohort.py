"""A made-up Dutch cohort: 6,057 schools in 40 regions, with the pupils of the year groups 3 to 8."""

from __future__ import annotations

import numpy as np
import pandas as pd

PROVINCES = {"GR": 3, "FR": 3, "DR": 3, "OV": 3, "FL": 1, "GE": 4, "UT": 1, "NH": 7, "ZH": 6, "ZE": 2, "NB": 4, "LI": 3}
INHABITANTS = (33, 37, 29, 70, 28, 124, 82, 168, 216, 21, 150, 60)
CATHOLIC = {"LI": 0.75, "NB": 0.68, "FL": 0.2, "ZE": 0.12, "FR": 0.1, "GR": 0.08, "DR": 0.08}
REGIONS = [f"{province}{number}" for province, own in PROVINCES.items() for number in range(1, own + 1)]
SCHOOLS = 6057


def make_cohort(seed: int = 1) -> pd.DataFrame:
    """The pupils, one a row: school, region, denomination, group, weight."""
    random = np.random.default_rng(seed)
    shares = [random.dirichlet([2.5] * own) * n for own, n in zip(PROVINCES.values(), INHABITANTS, strict=True)]
    weights = np.concatenate(shares)
    region = random.choice(len(REGIONS), SCHOOLS, p=weights / weights.sum())
    catholic = np.array([CATHOLIC.get(REGIONS[own][:2], 0.30) for own in region])
    drawn = random.random(SCHOOLS)
    public = catholic + (1 - catholic) * 0.42
    denomination = np.where(drawn < catholic, "RK", np.where(drawn < public, "OPB", "PC"))
    per_group = np.exp(random.normal(3.13, 0.62, SCHOOLS)).clip(2, 110)
    poor = random.beta(1.1, 9, SCHOOLS)
    random.normal(0, 0.35, SCHOOLS)
    groups = []
    for group in range(3, 9):
        pupils = random.poisson(per_group)
        school = np.repeat(np.arange(SCHOOLS), pupils)
        random.choice(["J", "M"], len(school), p=[0.505, 0.495])
        drawn = random.random(len(school))
        weight = np.where(drawn < poor[school] * 0.45, "1.2", np.where(drawn < poor[school], "0.3", "0"))
        random.random(len(school))
        random.normal(0, 0.93, len(school))
        columns = {
            "school": school,
            "regio": np.array(REGIONS)[region[school]],
            "denominatie": denomination[school],
            "groep": f"g{group}",
            "gewicht": weight,
        }
        groups.append(pd.DataFrame(columns))
    return pd.concat(groups, ignore_index=True)
