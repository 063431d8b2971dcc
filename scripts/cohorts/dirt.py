"""Known errors in known numbers, so that what intake refuses can be held against them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cohorts.pupils import Pupils
from cohorts.results import Results

CLEAN: Final = -1


@dataclass(frozen=True)
class Dirt:
    """One kind of error: its code at intake, its share of the results, what is written."""

    code: str
    share: float
    written: str

    def __post_init__(self) -> None:
        if not 0 < self.share < 0.01:
            raise ValueError(f"{self.code}: a share of the results is between 0 and 1 %")


PGN_PADDED = "PGN_PADDED"
DUPLICATE = "DUPLICATE"
KINDS = (
    Dirt(PGN_PADDED, 0.0003, "a number without its leading zero; accepted, and counted as mended"),
    Dirt("PGN_INVALID", 0.0006, "a number whose check digit is wrong"),
    Dirt("PGN_FILLER", 0.0001, "000000000"),
    Dirt("SCORE_OUT_OF_RANGE", 0.0005, "a score above the highest of its scale"),
    Dirt("SCORE_NOT_A_NUMBER", 0.0004, "a decimal point, or words"),
    Dirt("TEST_UNKNOWN", 0.0003, "a test code that the catalogue does not have"),
    Dirt("DATE_OUTSIDE_YEAR", 0.0003, "a date two years too early"),
    Dirt(DUPLICATE, 0.0005, "a line once more, at the end of the file; the first one stays"),
)
CODES = tuple(kind.code for kind in KINDS)


@dataclass(frozen=True)
class Lines:
    """What is written: one entry per line of all files, ordered by school.

    Takes: the result on each line, and what is wrong with the line (index in KINDS, or CLEAN).
    """

    result: npt.NDArray[np.int32]
    wrong: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return int(self.result.size)

    def planted(self) -> dict[str, int]:
        """How many lines have each kind of error."""
        counts = np.bincount(self.wrong[self.wrong != CLEAN], minlength=len(KINDS))
        return dict(zip(CODES, counts.tolist(), strict=True))

    def refused(self) -> npt.NDArray[np.bool_]:
        """Which lines intake must refuse."""
        refused: npt.NDArray[np.bool_] = (self.wrong != CLEAN) & (self.wrong != CODES.index(PGN_PADDED))
        return refused


def none(results: Results) -> Lines:
    """The results without any error: what a plain copy and intake are timed on."""
    return Lines(np.arange(len(results), dtype=np.int32), np.full(len(results), CLEAN, dtype=np.int8))


def plant(rng: np.random.Generator, pupils: Pupils, results: Results) -> Lines:
    """The results with every kind of error in its share of them, each on a result of its own.

    Gives: at least one of each kind where the cohort has a number that suits it.
    """
    wrong = np.full(len(results), CLEAN, dtype=np.int8)
    copied = np.empty(0, dtype=np.int64)
    shuffled = rng.permutation(len(results))
    for index, kind in enumerate(KINDS):
        count = max(1, round(kind.share * len(results)))
        # A few times as many as needed hold enough that suit: the rarest suit in 9 of 100.
        pool, shuffled = shuffled[: 40 * count], shuffled[40 * count :]
        chosen = pool[_suits(kind.code, pupils.number[results.pupil[pool]])][:count]
        if kind.code == DUPLICATE:
            copied = chosen
        else:
            wrong[chosen] = index
    result = np.concatenate([np.arange(len(results)), copied]).astype(np.int32)
    wrong = np.concatenate([wrong, np.full(copied.size, CODES.index(DUPLICATE), dtype=np.int8)])
    order = np.argsort(results.school[result], kind="stable")
    return Lines(result[order], wrong[order])


def _suits(code: str, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    suits = np.ones(numbers.size, dtype=np.bool_)
    if code == PGN_PADDED:
        # Eight digits remain: a number with two leading zeros would be left with seven.
        suits = (numbers >= 10_000_000) & (numbers < 100_000_000)
    elif code == "PGN_INVALID":
        # A changed number that begins with 10 might pass as the other kind of pupil number.
        suits = numbers // 10_000_000 != 10
    return suits
