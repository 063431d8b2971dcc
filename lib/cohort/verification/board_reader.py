"""Which boards know the pupils of which school, by the verifier's own reading of the school list.

    school  lines of the list                       present   all
    10AA    board 1                                 1         1
    10AB    board 1 to July 2025, 2 from August     2         1, 2
    10AC    none                                    10AC      10AC   (a board of its own)

The present board is the one of a line in force; without one, that of the line that ended last, else of the
one that begins first; of several the first in order. Blanks, capitals and leading zeros make no other board.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.keys.project_keys import ProjectKey
from cohort.verification.control_column_check import driver_frame
from cohort.verification.record_runs import IntArray

SCHOOL_PSEUDONYM, SCHOOL_BOARDS = "_at_school", "_known_by"
BoardPeriod = tuple[str, dt.date, dt.date]


@dataclass(frozen=True)
class BoardsOfSchools:
    """The boards of numbered schools.

    Gives: per school the number of its present board, and those of all boards that have or had it.
    """

    present: IntArray
    ever: tuple[frozenset[int], ...]


def read_boards_of_schools(
    file: Path, key: ProjectKey, schools: Sequence[bytes | str | None], today: dt.date
) -> BoardsOfSchools:
    """The boards of the schools of a table.

    Takes: the school list; the project's key; the schools' pseudonyms, as bytes or in hexadecimal.
    Refuses: a list that cannot be read (exit code 10).
    """
    listed = _lines(file)
    brins = sorted(listed)
    named = dict(zip(key.digest_texts(f"brin|{brin}" for brin in brins), brins, strict=True))
    numbers: dict[tuple[str, object], int] = {}
    present, every = [], []
    for school in schools:
        brin = named.get(_digest(school))
        lines = listed[brin] if brin is not None else []
        itself: tuple[str, object] = ("school", school)
        ever = [("board", board) for board, _, _ in lines] if lines else [itself]
        now = ("board", _now(lines, today)) if lines else itself
        present.append(numbers.setdefault(now, len(numbers)))
        every.append(frozenset(numbers.setdefault(board, len(numbers)) for board in ever))
    return BoardsOfSchools(np.array(present, dtype=np.int64), tuple(every))


def boards_of_schools_frame(
    spark: SparkSession, schools: Sequence[bytes | None], governed: BoardsOfSchools
) -> DataFrame:
    """The boards of a stage's schools, as AT_SCHOOL (its pseudonym) and KNOWN_BY (their numbers)."""
    boards = [sorted(ever) for ever in governed.ever]
    return driver_frame(
        spark, {SCHOOL_PSEUDONYM: pa.array(schools, pa.binary()), SCHOOL_BOARDS: pa.array(boards, pa.list_(pa.int64()))}
    )


def _digest(school: bytes | str | None) -> bytes:
    try:
        return bytes.fromhex(school) if isinstance(school, str) else school or b""
    except ValueError:
        return b""


def _now(lines: Sequence[BoardPeriod], today: dt.date) -> str:
    """The present board: the nearest line to today, one that has begun before one that has not."""

    def distance(line: BoardPeriod) -> tuple[int, int, str]:
        board, since, until = line
        if since <= today <= until:
            return 0, 0, board
        return (1, (today - until).days, board) if until < today else (2, (since - today).days, board)

    return min(map(distance, lines))[2]


def _lines(file: Path) -> dict[str, list[BoardPeriod]]:
    """The lines of the list that name a board, by school."""
    found: dict[str, list[BoardPeriod]] = {}
    try:
        with file.open(encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text, delimiter=";", strict=True):
                since = dt.date.fromisoformat(row["verwacht_van"] or dt.date.min.isoformat())
                until = dt.date.fromisoformat(row["verwacht_tot"] or dt.date.max.isoformat())
                if name := "".join(row["bestuur"].split()).casefold():
                    found.setdefault(row["brin"], []).append((name.lstrip("0") or "0", since, until))
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
    return found
