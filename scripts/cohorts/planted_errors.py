"""Known errors in known numbers, so that what ingestion refuses can be compared with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cohorts.pupils import SyntheticPupils
from cohorts.results import SyntheticResults

NO_ERROR: Final = -1


@dataclass(frozen=True)
class ErrorKind:
    """One kind of error.

    Args:
        code: the reason code of ingestion.
        share: its share of the results.
        written: what the line holds instead.
    """

    code: str
    share: float
    written: str

    def __post_init__(self) -> None:
        if not 0 < self.share < 0.01:
            raise ValueError(f"{self.code}: a share of the results is between 0 and 1 %")


PGN_PADDED = "PGN_PADDED"
DUPLICATE = "DUPLICATE"
ERROR_KINDS = (
    ErrorKind(PGN_PADDED, 0.0003, "a number without its leading zero; accepted, and counted as repaired"),
    ErrorKind("PGN_INVALID", 0.0006, "a number whose check digit is wrong"),
    ErrorKind("PGN_FILLER", 0.0001, "000000000"),
    ErrorKind("SCORE_OUT_OF_RANGE", 0.0005, "a score above the highest of its scale"),
    ErrorKind("SCORE_NOT_A_NUMBER", 0.0004, "a decimal point, or words"),
    ErrorKind("TEST_UNKNOWN", 0.0003, "a test code that the catalogue does not have"),
    ErrorKind("DATE_OUTSIDE_YEAR", 0.0003, "a date two years too early"),
    ErrorKind(DUPLICATE, 0.0005, "a line once more, at the end of the file; the first one stays"),
)
ERROR_CODES = tuple(kind.code for kind in ERROR_KINDS)


@dataclass(frozen=True)
class DeliveredLines:
    """The lines of all delivered files, one entry per line, ordered by school.

    Args:
        result: the index of the result on each line.
        wrong: the error of each line, an index in ERROR_KINDS, or NO_ERROR.
    """

    result: npt.NDArray[np.int32]
    wrong: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return int(self.result.size)

    def planted(self) -> dict[str, int]:
        """How many lines have each kind of error."""
        counts = np.bincount(self.wrong[self.wrong != NO_ERROR], minlength=len(ERROR_KINDS))
        return dict(zip(ERROR_CODES, counts.tolist(), strict=True))

    def refused(self) -> npt.NDArray[np.bool_]:
        """Which lines ingestion must refuse."""
        refused: npt.NDArray[np.bool_] = (self.wrong != NO_ERROR) & (self.wrong != ERROR_CODES.index(PGN_PADDED))
        return refused


def deliver_without_errors(results: SyntheticResults) -> DeliveredLines:
    """Lines without any error, as a plain copy and ingestion are timed on."""
    return DeliveredLines(np.arange(len(results), dtype=np.int32), np.full(len(results), NO_ERROR, dtype=np.int8))


def plant_errors(rng: np.random.Generator, pupils: SyntheticPupils, results: SyntheticResults) -> DeliveredLines:
    """Plant every kind of error in its share of the results, each on a result of its own.

    Returns:
        The lines, with at least one error of each kind where the cohort has a suitable number.
    """
    wrong = np.full(len(results), NO_ERROR, dtype=np.int8)
    copied = np.empty(0, dtype=np.int64)
    shuffled = rng.permutation(len(results))
    for index, kind in enumerate(ERROR_KINDS):
        count = max(1, round(kind.share * len(results)))
        # Forty times as many as needed contain enough suitable ones: the rarest kind suits 9 of 100.
        pool, shuffled = shuffled[: 40 * count], shuffled[40 * count :]
        chosen = pool[_is_suitable(kind.code, pupils.number[results.pupil[pool]])][:count]
        if kind.code == DUPLICATE:
            copied = chosen
        else:
            wrong[chosen] = index
    result = np.concatenate([np.arange(len(results)), copied]).astype(np.int32)
    wrong = np.concatenate([wrong, np.full(copied.size, ERROR_CODES.index(DUPLICATE), dtype=np.int8)])
    order = np.argsort(results.school[result], kind="stable")
    return DeliveredLines(result[order], wrong[order])


def _is_suitable(code: str, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    suitable = np.ones(numbers.size, dtype=np.bool_)
    if code == PGN_PADDED:
        # Exactly one leading zero, so that eight digits remain.
        suitable = (numbers >= 10_000_000) & (numbers < 100_000_000)
    elif code == "PGN_INVALID":
        # A changed number that begins with 10 might pass as the other kind of pupil number.
        suitable = numbers // 10_000_000 != 10
    return suitable
