"""Whether every class is large and mixed enough: k, m, largest share, pupils without the largest school.

What is counted in schools is counted in boards as well: a board knows the pupils of all its schools.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.verification.board_reader import BoardsOfSchools
from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.record_runs import IntArray, RecordRuns

BoolArray = npt.NDArray[np.bool_]
BOARD_CODES = ("BOARDS", "BOARD_SHARE", "BOARD_OTHERS")
"""The findings of boards, in the order of those of schools."""


@dataclass(frozen=True)
class ClassSizeLimits:
    """What each class must meet: the stricter of the project's thresholds and the platform's floors."""

    k: int
    m: int
    share: Fraction
    k_others: int


def class_size_limits(project: Project, platform: Platform) -> ClassSizeLimits:
    """The limits of a project; a column that the platform names raises k by its name or its attribute."""
    asked, floors = project.thresholds, platform.floors
    shown = {column.name for column in project.columns} | {c.attribute for c in project.columns}
    raised = [floor for name, floor in floors.columns.items() if name in shown]
    return ClassSizeLimits(
        k=max(asked.k, floors.k, *raised),
        m=max(asked.m, floors.m),
        share=min(Fraction(asked.max_share), Fraction(floors.max_share)),
        k_others=max(asked.k_others, floors.k_others),
    )


def check_smallest_class(runs: RecordRuns, held_to: ClassSizeLimits) -> tuple[list[Finding], dict[str, int | float]]:
    """K, which needs the released values only."""
    small = runs.class_rows < held_to.k
    measures: dict[str, int | float] = {
        "classes": runs.classes,
        "released": runs.released,
        "smallest_class": int(runs.class_rows.min(initial=0 if not runs.classes else runs.released)),
    }
    return finding_if_any("K", int(small.sum())), measures


def check_class_sizes(
    runs: RecordRuns, held_to: ClassSizeLimits, governed: BoardsOfSchools | None
) -> tuple[list[Finding], dict[str, int | float]]:
    """K; SCHOOLS, SHARE and OTHERS, and the same of boards, each with the number of classes that fail.

    A pupil counts for m at the home school and its present board only; for the shares at every school that
    delivered a value shown, and once at every board that has or had any of these. A class that fails for its
    schools is not told once more for their boards.

    Takes: the boards of the runs' schools; None where nothing tells them.
    """
    found, measures = check_smallest_class(runs, held_to)
    delivered = _per_class(runs, np.concatenate([runs.home, runs.others], axis=1))
    schools = _Counted.of(runs, _per_class(runs, runs.home), delivered)
    fails = schools.fails(held_to)
    found += [one for code, flags in fails.items() for one in finding_if_any(code, int(flags.sum()))]
    measures |= schools.measures(("fewest_schools", "largest_share", "smallest_others"))
    if governed is None:
        return found, measures
    run, school, pupils = runs.home
    present = _per_class(runs, np.stack([run, governed.present[school], pupils]))
    boards = _Counted.of(runs, present, _per_class(runs, count_pupils_per_board(runs, governed)))
    measures |= boards.measures(("fewest_boards", "largest_board_share", "smallest_board_others"))
    for code, (of_school, flags) in zip(BOARD_CODES, boards.fails(held_to).items(), strict=True):
        found += finding_if_any(code, int((flags & ~fails[of_school]).sum()))
    return found, measures


@dataclass(frozen=True)
class _Counted:
    """Of each class: its pupils, of how many schools or boards they are, how many the one knows that knows
    most."""

    pupils: IntArray
    different: IntArray
    largest: IntArray

    @classmethod
    def of(cls, runs: RecordRuns, home: IntArray, known: IntArray) -> _Counted:
        """Takes: counts per (class, school), of those at home there, and of those that it knows."""
        largest = np.zeros(runs.classes, dtype=np.int64)
        np.maximum.at(largest, known[0], known[2])
        return cls(runs.class_rows, np.bincount(home[0], minlength=runs.classes), largest)

    def fails(self, held_to: ClassSizeLimits) -> dict[str, BoolArray]:
        share = held_to.share
        return {
            "SCHOOLS": self.different < held_to.m,
            "SHARE": self.largest * share.denominator > self.pupils * share.numerator,
            "OTHERS": self.pupils - self.largest < held_to.k_others,
        }

    def measures(self, names: tuple[str, str, str]) -> dict[str, int | float]:
        if not len(self.pupils):
            return {}
        share, others = (self.largest / self.pupils).max(), (self.pupils - self.largest).min()
        return dict(zip(names, (int(self.different.min()), float(share), int(others)), strict=True))


def count_pupils_per_board(runs: RecordRuns, governed: BoardsOfSchools) -> IntArray:
    """Pupils per (run, board that knows them), in three rows.

    All boards of the home school; of a pupil who moved, those of the other schools that are none of these.
    """
    run, school, pupils = runs.home
    of_school = [sorted(boards) for boards in governed.ever]
    number = np.array([len(boards) for boards in of_school], dtype=np.int64)
    board = np.array([one for boards in of_school for one in boards], dtype=np.int64)
    pair = np.repeat(np.arange(len(run)), number[school])
    first, begins = np.cumsum(number) - number, np.cumsum(number[school]) - number[school]
    at = np.repeat(first[school] - begins, number[school]) + np.arange(len(pair))
    further = [
        frozenset[int]().union(*(governed.ever[other] for other in others)) - governed.ever[home]
        for home, *others in runs.combinations
    ]
    elsewhere = [(at, one, n) for at, which, n in runs.moved.T.tolist() for one in further[which]]
    at_home = np.stack([run[pair], board[at], pupils[pair]])
    return np.concatenate([at_home, np.array(elsewhere, dtype=np.int64).reshape(-1, 3).T], axis=1)


def _per_class(runs: RecordRuns, pairs: IntArray) -> IntArray:
    """Counts per (run, school or board) as counts per (class, school or board)."""
    run, of, pupils = pairs
    width = int(of.max(initial=0)) + 1
    pair, place = np.unique(runs.class_of[run] * width + of, return_inverse=True)
    total = np.zeros(len(pair), dtype=np.int64)
    np.add.at(total, place, pupils)
    return np.stack([pair // width, pair % width, total])
