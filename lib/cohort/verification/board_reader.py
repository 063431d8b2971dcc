"""The verifier's own reader of the school list: which school boards know the pupils of which school.

    school  lines of the list                       present board   all boards
    10AA    board 1                                 1               1
    10AB    board 1 to July 2025, 2 from August     2               1, 2
    10AC    none                                    10AC            10AC   (its own board)

The present board is that of a line in force today; without one, that of the line that ended last, else of the
one that begins first; of several the first in alphabetical order. Blanks, capitals and leading zeros do not
distinguish boards.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.keys import ProjectKey
from cohort.storage import StoragePath, open_text_to_read
from cohort.verification.record_runs import IntArray
from cohort.verification.result_selection import driver_frame

SCHOOL_PSEUDONYM, SCHOOL_BOARDS = "_school_pseudonym", "_school_boards"
BoardPeriod = tuple[str, dt.date, dt.date]
"""The normalised name of a board, and its first and last day at a school."""


@dataclass(frozen=True)
class BoardsOfSchools:
    """The boards of numbered schools.

    Args:
        present_board: per school the number of its present board.
        all_boards: per school the numbers of all boards that have or had it.
    """

    present_board: IntArray
    all_boards: tuple[frozenset[int], ...]


def read_boards_of_schools(
    file: StoragePath, key: ProjectKey, schools: Sequence[bytes | str | None], today: dt.date
) -> BoardsOfSchools:
    """Read the boards of the schools of a table.

    Args:
        file: the school list.
        key: the project's key.
        schools: the schools' pseudonyms, as bytes or in hexadecimal.
        today: the day by which the present board is chosen.

    Raises:
        ConfigurationRefused: the list cannot be read (exit code 10).
    """
    periods_by_school = _read_board_periods(file)
    codes = sorted(periods_by_school)
    code_of_digest = dict(zip(key.digest_texts(f"brin|{code}" for code in codes), codes, strict=True))
    numbers: dict[tuple[str, object], int] = {}
    present_board, all_boards = [], []
    for school in schools:
        code = code_of_digest.get(_as_digest(school))
        periods = periods_by_school[code] if code is not None else []
        own_board: tuple[str, object] = ("school", school)
        boards = [("board", board) for board, _, _ in periods] if periods else [own_board]
        present = ("board", _present_board(periods, today)) if periods else own_board
        present_board.append(numbers.setdefault(present, len(numbers)))
        all_boards.append(frozenset(numbers.setdefault(board, len(numbers)) for board in boards))
    return BoardsOfSchools(np.array(present_board, dtype=np.int64), tuple(all_boards))


def boards_of_schools_frame(spark: SparkSession, schools: Sequence[bytes | None], boards: BoardsOfSchools) -> DataFrame:
    """Return a stage's schools as SCHOOL_PSEUDONYM with the numbers of all their boards as SCHOOL_BOARDS."""
    numbers = [sorted(own) for own in boards.all_boards]
    return driver_frame(
        spark,
        {SCHOOL_PSEUDONYM: pa.array(schools, pa.binary()), SCHOOL_BOARDS: pa.array(numbers, pa.list_(pa.int64()))},
    )


def _as_digest(school: bytes | str | None) -> bytes:
    try:
        return bytes.fromhex(school) if isinstance(school, str) else school or b""
    except ValueError:
        return b""


def _present_board(periods: Sequence[BoardPeriod], today: dt.date) -> str:
    """Return the board whose period is nearest to today, past periods before future ones."""

    def distance(period: BoardPeriod) -> tuple[int, int, str]:
        board, since, until = period
        if since <= today <= until:
            return 0, 0, board
        return (1, (today - until).days, board) if until < today else (2, (since - today).days, board)

    return min(map(distance, periods))[2]


def _read_board_periods(file: StoragePath) -> dict[str, list[BoardPeriod]]:
    """Read the lines of the list that name a board, by school."""
    periods: dict[str, list[BoardPeriod]] = {}
    try:
        with open_text_to_read(file) as text:
            for row in csv.DictReader(text, delimiter=";", strict=True):
                since = dt.date.fromisoformat(row["verwacht_van"] or dt.date.min.isoformat())
                until = dt.date.fromisoformat(row["verwacht_tot"] or dt.date.max.isoformat())
                if name := "".join(row["bestuur"].split()).casefold():
                    periods.setdefault(row["brin"], []).append((name.lstrip("0") or "0", since, until))
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError, csv.Error):
        raise ConfigurationRefused(
            describe_problem(
                "the school list, to hold boards to the limits of schools",
                example="the shipped scholen.csv",
                found="none that can be read",
                where=file.name,
                do="Restore it",
            )
        ) from None
    return periods
