"""What a reader can compute from all counts together: differences of cells, and bounds of cells left out.

The atoms are the combinations of labels that the cells tell apart. Every printed count, of this request and of all
released before, is one relation over atoms; a rounded one is an interval. A linear programme gives the smallest and
largest value that a cell of few pupils can have. It covers totals minus parts, tables that share margins, and margins
that were rounded by themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt

from cohort.agreements import OutputThresholds
from cohort.output_checking.checks.check_context import ReleasedCell
from cohort.output_checking.checks.part_finding import PartFinding, found, look
from cohort.output_checking.checks.pupil_sets import PublishedRows, PupilSet
from cohort.output_checking.checks.table_cells import CountedCell

MOST_ATOMS = 20_000
MOST_TARGETS = 300


@dataclass(frozen=True, eq=False)
class KnownCount:
    """A count that a reader knows.

    Args:
        selection: the labels that it takes, by column.
        known_only: the column of which only pupils with a value count.
        pupils: which pupils it counts.
        rounded_to: its base.
        printed: what a reader sees; None where it is left out.
        place: where it stands in this request; empty where it was released before.
        file: the file of this request.
    """

    selection: Mapping[str, frozenset[str]]
    known_only: str | None
    pupils: PupilSet
    rounded_to: int
    printed: int | None
    place: str = ""
    file: str = ""


def known_count(cell: CountedCell, file: str) -> KnownCount:
    """A cell of this request."""
    printed = None if cell.printed is None else int(cell.printed)
    return KnownCount(cell.selection, cell.column.of, cell.pupils, cell.column.rounded_to, printed, cell.place, file)


def released_count(cell: ReleasedCell, rows: PublishedRows) -> KnownCount:
    """A cell that was released before: as it was printed, or counted again where the published table changed since."""
    pupils = rows.select(cell.selection, cell.known_only)
    count = int(pupils.sum())
    printed = cell.rounded_to * round(count / cell.rounded_to)
    if cell.printed is not None and abs(cell.printed - count) < cell.rounded_to:
        printed = cell.printed
    return KnownCount(cell.selection, cell.known_only, pupils, cell.rounded_to, printed)


def find_small_differences(
    counts: Sequence[KnownCount], thresholds: OutputThresholds
) -> Iterator[tuple[str, PartFinding]]:
    """Find two printed counts of which one contains the other and few pupils more.

    Returns:
        The file and the finding, once for each cell of this request.
    """
    printed = sorted(
        (c for c in counts if c.printed is not None and c.rounded_to < 5), key=lambda c: int(c.pupils.sum())
    )
    sizes = [int(count.pupils.sum()) for count in printed]
    told: set[tuple[str, str]] = set()
    for i, small in enumerate(printed):
        for j in range(i + 1, len(printed)):
            if sizes[j] - sizes[i] >= thresholds.pupils:
                break
            if sizes[j] == sizes[i] or not sizes[i] or (small.pupils & ~printed[j].pupils).any():
                continue
            own = small if small.place else printed[j]
            other = printed[j] if own is small else small
            if own.place and (own.file, own.place) not in told:
                told.add((own.file, own.place))
                code = "DIFFERENCE" if other.place else "DIFFERENCE_WITH_RELEASED"
                yield own.file, found(code, own.place, pupils=thresholds.pupils)


class AttackerProgramme:
    """The linear programme of a reader who knows every printed count.

    Args:
        counts: what is printed, and what is left out.
        rows: the published table.
    """

    def __init__(self, counts: Sequence[KnownCount], rows: PublishedRows) -> None:
        self._factors = _factors(counts)
        groups = [self._groups(column, counts, rows) for column in self._factors]
        self.size = int(np.prod([len(set(group.values())) for group in groups], dtype=object)) if groups else 1
        self.is_too_large = self.size > MOST_ATOMS
        if self.is_too_large:
            return
        levels = [len(set(group.values())) for group in groups]
        self._atom_levels = np.array(list(itertools.product(*(range(level) for level in levels))), dtype=np.int64)
        self._members = [self._member(count, groups) for count in counts]
        self.atom_counts = self._count_atoms(groups, levels, rows)
        self._model = self._make_model(counts)

    def _groups(self, column: str, counts: Sequence[KnownCount], rows: PublishedRows) -> dict[str, int]:
        """Number the labels of a column; labels that no count tells apart get one number."""
        signatures: dict[tuple[bool, ...], int] = {}
        numbers = {}
        for label in rows.labels(column):
            signature = tuple(_takes(count, column, label) for count in counts)
            numbers[label] = signatures.setdefault(signature, len(signatures))
        return numbers

    def _member(self, count: KnownCount, groups: list[dict[str, int]]) -> npt.NDArray[np.bool_]:
        member = np.ones(self.size, dtype=np.bool_)
        for place, (column, group) in enumerate(zip(self._factors, groups, strict=True)):
            taken = {number for label, number in group.items() if _takes(count, column, label)}
            member &= np.isin(self._atom_levels[:, place], list(taken))
        return member

    def _count_atoms(self, groups: list[dict[str, int]], levels: list[int], rows: PublishedRows) -> npt.NDArray[Any]:
        index = np.zeros(rows.size, dtype=np.int64)
        for column, group, level in zip(self._factors, groups, levels, strict=True):
            by_code = np.array([group[label] for label in rows.labels(column)], dtype=np.int64)
            index = index * level + by_code[rows.codes(column)]
        return np.bincount(index, minlength=self.size)

    def _make_model(self, counts: Sequence[KnownCount]) -> highspy.Highs:
        model = highspy.Highs()  # type: ignore[no-untyped-call]
        model.setOptionValue("output_flag", False)
        model.setOptionValue("threads", 1)
        model.addVars(self.size, np.zeros(self.size), np.full(self.size, highspy.kHighsInf))
        for count, member in zip(counts, self._members, strict=True):
            if count.printed is None:
                continue
            spread = count.rounded_to // 2 if count.rounded_to > 1 else 0
            if abs(count.printed - int(count.pupils.sum())) > spread:
                spread = count.rounded_to - 1  # rounded to one of both sides by chance
            places = np.flatnonzero(member).astype(np.int32)
            low, high = max(0, count.printed - spread), count.printed + spread
            model.addRow(low, high, len(places), places, np.ones(len(places)))
        return model

    def bounds_of_count(self, number: int) -> tuple[float, float] | None:
        """The smallest and largest value of a count, by its number."""
        return self._bounds(self._members[number])

    def bounds_of_atom(self, atom: int) -> tuple[float, float] | None:
        """The smallest and largest value of an atom."""
        return self._bounds(np.arange(self.size) == atom)

    def _bounds(self, member: npt.NDArray[np.bool_]) -> tuple[float, float] | None:
        bounds = []
        self._model.changeColsCost(self.size, np.arange(self.size, dtype=np.int32), member.astype(np.float64))
        for sense in (highspy.ObjSense.kMinimize, highspy.ObjSense.kMaximize):
            self._model.changeObjectiveSense(sense)
            self._model.run()
            status = self._model.getModelStatus()
            if status == highspy.HighsModelStatus.kOptimal:
                bounds.append(self._model.getInfo().objective_function_value)
            elif status in (highspy.HighsModelStatus.kUnbounded, highspy.HighsModelStatus.kUnboundedOrInfeasible):
                bounds.append(float("inf"))
            else:
                return None
        return bounds[0], bounds[1]


def _factors(counts: Sequence[KnownCount]) -> list[str]:
    names = {column for count in counts for column in count.selection}
    return sorted(names | {count.known_only for count in counts if count.known_only is not None})


def _takes(count: KnownCount, column: str, label: str) -> bool:
    if count.known_only == column and label == "":
        return False
    return column not in count.selection or label in count.selection[column]


def find_computable_cells(
    counts: Sequence[KnownCount], rows: PublishedRows, thresholds: OutputThresholds
) -> Iterator[tuple[str, PartFinding]]:
    """Find cells of few pupils that are left out, or stand nowhere, and still follow from what is printed."""
    own = next((count for count in counts if count.place), None)
    if own is None:
        return
    programme = AttackerProgramme(counts, rows)
    if programme.is_too_large:
        yield own.file, look("TOO_MANY_COMBINATIONS", "", combinations=programme.size, most=MOST_ATOMS)
        return
    few, computable = thresholds.pupils, 0
    for number, count in enumerate(counts):
        if count.printed is None and count.place and 0 < int(count.pupils.sum()) < few:
            bounds = programme.bounds_of_count(number)
            limit = thresholds.small_hidden_to if count.rounded_to >= 5 else few
            if bounds is None:
                yield count.file, look("COUNTS_DISAGREE", count.place)
            elif bounds[1] < limit - 1e-6 or bounds[0] > 1e-6:
                yield count.file, found("HIDDEN_CELL_FOLLOWS", count.place, pupils=few)
    atoms = np.flatnonzero((programme.atom_counts > 0) & (programme.atom_counts < few))
    for atom in atoms[:MOST_TARGETS]:
        bounds = programme.bounds_of_atom(int(atom))
        if bounds is not None:
            is_exact = bounds[1] - bounds[0] < 1 - 1e-6
            computable += bounds[1] < (few if is_exact else thresholds.small_hidden_to) - 1e-6
    if computable:
        yield own.file, found("GROUP_FOLLOWS", "", groups=computable, pupils=few)
    if len(atoms) > MOST_TARGETS:
        yield own.file, look("TOO_MANY_COMBINATIONS", "", combinations=len(atoms), most=MOST_TARGETS)
