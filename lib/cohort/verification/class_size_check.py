"""Whether every equivalence class has enough pupils of enough schools and school boards.

Checks k-anonymity (K), at least m schools (SCHOOLS), the largest share of one school (SHARE) and k-anonymity
without the largest school (OTHERS); and the same three for school boards, as a board knows the pupils of all its
schools (BOARDS, BOARD_SHARE, BOARD_OTHERS).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cohort.agreements import Platform, Project
from cohort.verification.board_reader import BoardsOfSchools
from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.record_runs import BoolArray, IntArray, RecordRuns

SCHOOL_CODES = ("SCHOOLS", "SHARE", "OTHERS")
BOARD_CODES = ("BOARDS", "BOARD_SHARE", "BOARD_OTHERS")
"""The finding codes of boards, in the order of those of schools."""
ClassMeasures = dict[str, int | float]
"""Exact measures of the classes, by name."""


@dataclass(frozen=True)
class EffectiveClassLimits:
    """What each class must satisfy: the stricter of the project's thresholds and the platform's floors.

    Args:
        k: least number of pupils.
        m: least number of schools, and of boards.
        max_share: greatest share of the pupils that one school, or board, may know.
        k_others: least number of pupils that the school, or board, that knows most does not know.
    """

    k: int
    m: int
    max_share: Fraction
    k_others: int


def effective_class_limits(project: Project, platform: Platform) -> EffectiveClassLimits:
    """Derive the limits of a project; a platform floor for a column name or attribute raises k where it is shown."""
    thresholds, floors = project.thresholds, platform.floors
    shown_names = {column.name for column in project.columns} | {column.attribute for column in project.columns}
    column_floors = [floor for name, floor in floors.columns.items() if name in shown_names]
    return EffectiveClassLimits(
        k=max(thresholds.k, floors.k, *column_floors),
        m=max(thresholds.m, floors.m),
        max_share=min(Fraction(thresholds.max_share), Fraction(floors.max_share)),
        k_others=max(thresholds.k_others, floors.k_others),
    )


def check_smallest_class(runs: RecordRuns, limits: EffectiveClassLimits) -> tuple[list[Finding], ClassMeasures]:
    """Check K, which needs nothing but the released values."""
    is_small = runs.class_rows < limits.k
    measures: ClassMeasures = {
        "classes": runs.class_count,
        "released": runs.released_rows,
        "smallest_class": int(runs.class_rows.min(initial=0 if not runs.class_count else runs.released_rows)),
    }
    return finding_if_any("K", int(is_small.sum())), measures


def check_class_sizes(
    runs: RecordRuns, limits: EffectiveClassLimits, boards: BoardsOfSchools | None
) -> tuple[list[Finding], ClassMeasures]:
    """Check K, and all limits of schools and boards, each counted in classes that break it.

    For m a pupil counts at the home school and its present board only; for the shares at every school with a
    released value of the pupil, and once at every board that has or had any of these. A class that breaks a limit
    for its schools is not counted again for their boards.

    Args:
        runs: the rows of the release.
        limits: what each class must satisfy.
        boards: the boards of the runs' schools; None where nothing is known of them.
    """
    findings, measures = check_smallest_class(runs, limits)
    known_to_schools = _sum_by_class(runs, np.concatenate([runs.home_counts, runs.other_counts], axis=1))
    schools = _ClassGroups.count(runs, _sum_by_class(runs, runs.home_counts), known_to_schools)
    broken_by_schools = schools.find_broken(limits)
    for code, flags in zip(SCHOOL_CODES, broken_by_schools, strict=True):
        findings += finding_if_any(code, int(flags.sum()))
    measures |= schools.measure(("fewest_schools", "largest_share", "smallest_others"))
    if boards is None:
        return findings, measures
    run, school, pupils = runs.home_counts
    at_present_board = _sum_by_class(runs, np.stack([run, boards.present_board[school], pupils]))
    known_to_boards = _sum_by_class(runs, count_pupils_per_board(runs, boards))
    own_boards = _ClassGroups.count(runs, at_present_board, known_to_boards)
    measures |= own_boards.measure(("fewest_boards", "largest_board_share", "smallest_board_others"))
    for code, by_schools, by_boards in zip(BOARD_CODES, broken_by_schools, own_boards.find_broken(limits), strict=True):
        findings += finding_if_any(code, int((by_boards & ~by_schools).sum()))
    return findings, measures


def count_pupils_per_board(runs: RecordRuns, boards: BoardsOfSchools) -> IntArray:
    """Count the pupils that each board knows, per run.

    A pupil counts at all boards of the home school, and at those boards of the other schools that are not among
    these.

    Returns:
        Run, board and pupils, in three rows.
    """
    run, school, pupils = runs.home_counts
    boards_of_school = [sorted(own) for own in boards.all_boards]
    sizes = np.array([len(own) for own in boards_of_school], dtype=np.int64)
    flat_boards = np.array([board for own in boards_of_school for board in own], dtype=np.int64)
    pair = np.repeat(np.arange(len(run)), sizes[school])
    first_board, first_pair = np.cumsum(sizes) - sizes, np.cumsum(sizes[school]) - sizes[school]
    position = np.repeat(first_board[school] - first_pair, sizes[school]) + np.arange(len(pair))
    further_boards = [
        frozenset[int]().union(*(boards.all_boards[other] for other in others)) - boards.all_boards[home]
        for home, *others in runs.combinations
    ]
    elsewhere = [
        (run_number, board, count)
        for run_number, combination, count in runs.combination_counts.T.tolist()
        for board in further_boards[combination]
    ]
    at_home_boards = np.stack([run[pair], flat_boards[position], pupils[pair]])
    return np.concatenate([at_home_boards, np.array(elsewhere, dtype=np.int64).reshape(-1, 3).T], axis=1)


@dataclass(frozen=True)
class _ClassGroups:
    """Per class: its pupils, its number of schools (or boards), and the pupils known to the one that knows most."""

    pupils: IntArray
    distinct: IntArray
    largest: IntArray

    @classmethod
    def count(cls, runs: RecordRuns, home: IntArray, known_pupils: IntArray) -> _ClassGroups:
        """Count the groups of each class.

        Args:
            runs: the rows of the release.
            home: class, school (or board) and the pupils at home there, in three rows.
            known_pupils: class, school (or board) and the pupils that it knows, in three rows.
        """
        largest = np.zeros(runs.class_count, dtype=np.int64)
        np.maximum.at(largest, known_pupils[0], known_pupils[2])
        return cls(runs.class_rows, np.bincount(home[0], minlength=runs.class_count), largest)

    def find_broken(self, limits: EffectiveClassLimits) -> tuple[BoolArray, BoolArray, BoolArray]:
        """Return the classes that break m, the largest share, and k_others."""
        share = limits.max_share
        return (
            self.distinct < limits.m,
            self.largest * share.denominator > self.pupils * share.numerator,
            self.pupils - self.largest < limits.k_others,
        )

    def measure(self, names: tuple[str, str, str]) -> ClassMeasures:
        """Return fewest schools, largest share and fewest others, under the given names."""
        if not len(self.pupils):
            return {}
        share, others = (self.largest / self.pupils).max(), (self.pupils - self.largest).min()
        return dict(zip(names, (int(self.distinct.min()), float(share), int(others)), strict=True))


def _sum_by_class(runs: RecordRuns, counts: IntArray) -> IntArray:
    """Sum counts of (run, group) to counts of (class, group), in three rows."""
    run, group, pupils = counts
    width = int(group.max(initial=0)) + 1
    pair, position = np.unique(runs.class_of_run[run] * width + group, return_inverse=True)
    totals = np.zeros(len(pair), dtype=np.int64)
    np.add.at(totals, position, pupils)
    return np.stack([pair // width, pair % width, totals])
