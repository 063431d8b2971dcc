"""A made-up cohort for the search for hidden cells: pupils per combination of leaves and school, without any pupil.

Schools lie in 40 regions of twelve provinces and have a denomination and a board; most have one or two groups of each
year. Weight and language depend on the school. Sizes and shares are about those of Dutch primary education.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cohort.cell_suppression import CellVariable, VariableTree

REGIONS_PER_PROVINCE = {
    "GR": 3, "FR": 3, "DR": 3, "OV": 3, "FL": 1, "GE": 4, "UT": 1, "NH": 7, "ZH": 6, "ZE": 2, "NB": 4, "LI": 3,
}  # fmt: skip
PUPILS_PER_PROVINCE = (33, 37, 29, 70, 28, 124, 82, 168, 216, 21, 150, 60)
CATHOLIC_PER_PROVINCE = (0.08, 0.1, 0.08, 0.3, 0.2, 0.3, 0.3, 0.3, 0.3, 0.12, 0.68, 0.75)
LEAVES = {
    "region": tuple(f"{province}{at + 1}" for province, count in REGIONS_PER_PROVINCE.items() for at in range(count)),
    "group": tuple(f"g{group}" for group in range(3, 9)),
    "denomination": ("public", "catholic", "protestant"),
    "sex": ("boy", "girl"),
    "weight": ("0", "0.3", "1.2"),
    "language": ("Dutch", "other"),
}
BOARD_SCHOOLS = 7
"""Schools per board, on average."""


def make_variables() -> list[CellVariable]:
    """The variables of the cohort; a province of one region is that region."""
    parents = {}
    for province, count in REGIONS_PER_PROVINCE.items():
        if count > 1:
            parents[province] = "*"
        for at in range(count):
            parents[f"{province}{at + 1}"] = province if count > 1 else "*"
    trees = {"region": (VariableTree("provinces", parents),)}
    return [CellVariable(name, leaves, trees.get(name, ())) for name, leaves in LEAVES.items()]


def generate_contributions(schools: int, seed: int = 1) -> pa.Table:
    """Draw schools and their pupils.

    Args:
        schools: how many schools.
        seed: of the draws.

    Returns:
        A row per combination of leaves and school: a column per variable, `school`, `board` and `pupils`.
    """
    rng = np.random.default_rng(seed)
    province = np.repeat(np.arange(len(REGIONS_PER_PROVINCE)), list(REGIONS_PER_PROVINCE.values()))
    share = rng.gamma(2.5, size=len(province))
    for own, pupils in enumerate(PUPILS_PER_PROVINCE):
        share[province == own] *= pupils / share[province == own].sum()
    region = rng.choice(len(province), schools, p=share / share.sum())
    catholic = np.array(CATHOLIC_PER_PROVINCE)[province[region]]
    draw = rng.random(schools)
    denomination = np.where(draw < catholic, 1, np.where(draw < catholic + (1 - catholic) * 0.42, 0, 2))
    board = province[region] * 1000 + rng.integers(0, schools // (12 * BOARD_SCHOOLS) + 1, schools)
    size = np.clip(np.exp(rng.normal(3.13, 0.62, schools)), 2, 110)
    poor = rng.beta(1.1, 9, schools)
    school = np.repeat(np.arange(schools), rng.poisson(size * 6))
    pupils = len(school)
    columns = {
        "region": region[school],
        "group": rng.integers(0, 6, pupils),
        "denomination": denomination[school],
        "sex": rng.integers(0, 2, pupils),
        "weight": _draw_weight(rng, poor[school]),
        "language": (rng.random(pupils) < 0.03 + 0.9 * poor[school]).astype(np.int64),
    }
    return _count(columns, school, board)


def _draw_weight(rng: np.random.Generator, poor: np.ndarray) -> np.ndarray:
    draw = rng.random(len(poor))
    return np.where(draw < poor * 0.45, 2, np.where(draw < poor, 1, 0))


def _count(columns: dict[str, np.ndarray], school: np.ndarray, board: np.ndarray) -> pa.Table:
    rows, counts = np.unique(np.column_stack([*columns.values(), school]), axis=0, return_counts=True)
    names = [*columns, "school", "board", "pupils"]
    leaves = [pa.array(np.array(LEAVES[name])[rows[:, place]]) for place, name in enumerate(columns)]
    schools = pa.array([f"s{own}" for own in rows[:, -1]])
    boards = pa.array([f"b{board[own]}" for own in rows[:, -1]])
    return pa.Table.from_arrays([*leaves, schools, boards, pa.array(counts, pa.int64())], names=names)
