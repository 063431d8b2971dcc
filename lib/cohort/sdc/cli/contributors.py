"""Contributors of records: the schools, or the boards of the schools, that know each record.

In go the columns of schools and boards of a plain file; out come numbers, since the search only compares them. A school
that contributed a record can subtract it, so the constraints on schools count contributors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cohort.foundation import NotAnonymous, describe_problem
from cohort.sdc.cli.plain_files import EMPTY_CELL, ColumnCells, rank_texts
from cohort.sdc.model import Histogram, Int32Array, IntArray


@dataclass(frozen=True, eq=False)
class RecordContributors:
    """The schools or boards that know each record.

    Args:
        home: per record the school or board that it counts at for m.
        other_records: records that further contributors know, one entry per pair, in the order of the records.
        others: the further contributor of each pair.
    """

    home: Int32Array
    other_records: IntArray
    others: Int32Array

    @classmethod
    def from_schools(cls, schools: Int32Array) -> RecordContributors:
        """Contributors where every record is known by its school alone."""
        return cls(schools, np.empty(0, np.int64), np.empty(0, np.int32))

    def subset(self, records: IntArray) -> RecordContributors:
        """The contributors of some records, which are numbered anew in the order given."""
        number = np.full(len(self.home), EMPTY_CELL, dtype=np.int64)
        number[records] = np.arange(len(records))
        kept = number[self.other_records] != EMPTY_CELL
        return RecordContributors(self.home[records], number[self.other_records[kept]], self.others[kept])

    def build_histogram(self, codes: IntArray, *, single: bool) -> Histogram:
        """The histogram of records with these codes."""
        return Histogram.from_pupils(codes, self.home, others=(self.other_records, self.others), single=single)


def number_schools(cells: ColumnCells, column: str) -> Int32Array:
    """The number of every record's school, in the order of their codes.

    Raises:
        NotAnonymous: a record without a school (exit code 14).
    """
    if cells.empty:
        raise NotAnonymous(
            describe_problem(
                "a school in every record",
                example="a BRIN",
                found=f"none in {cells.empty:,} records",
                where=f"column {column}",
                do="Complete these records or leave them out",
            )
        )
    return rank_texts(cells.values)[cells.places]


def assign_boards(schools: Int32Array, cells: ColumnCells) -> RecordContributors:
    """The boards that know each record: all boards that any record of its school names.

    A school's present board is the one that most of its records name, the first in order of several; a school of which
    no record names a board is its own. Blanks, capitals and leading zeros make no other board.

    Args:
        schools: the number of every record's school.
        cells: the column of the boards.
    """
    board_of_record, boards = _number_boards(cells)
    width, named = boards + 1, board_of_record != EMPTY_CELL
    pairs, records = np.unique(schools[named].astype(np.int64) * width + board_of_record[named], return_counts=True)
    school, board = pairs // width, pairs % width
    order = np.lexsort((board, -records, school))
    first = order[np.unique(school[order], return_index=True)[1]]
    home = np.arange(int(schools.max(initial=-1)) + 1) + width  # numbers that no board has
    home[school[first]] = board[first]
    is_other = board != home[school]
    begins = np.searchsorted(school[is_other], np.arange(len(home) + 1))
    others_of_record = np.diff(begins)[schools]
    record = np.repeat(np.arange(len(schools)), others_of_record)
    within = np.arange(len(record)) - np.repeat(np.cumsum(others_of_record) - others_of_record, others_of_record)
    others = board[is_other][begins[schools[record]] + within]
    return RecordContributors(home[schools].astype(np.int32), record, others.astype(np.int32))


def _number_boards(cells: ColumnCells) -> tuple[IntArray, int]:
    """The number of every record's board, EMPTY_CELL where it names none, and how many boards there are."""
    bare = ["".join(text.split()).casefold() for text in cells.values]
    spellings = [text.lstrip("0") or text[:1] for text in bare]
    names = sorted({*spellings} - {""})
    number = {name: place for place, name in enumerate(names)}
    board_of_value = np.array([*(number.get(name, EMPTY_CELL) for name in spellings), EMPTY_CELL], dtype=np.int64)
    return board_of_value[cells.places], len(names)  # EMPTY_CELL looks up the last entry
