"""The boards that know each pupil, as keyed hashes: what every rule on schools is counted by.

In goes a frame with the keyed schools of pupils; out comes the same with the present board of the home school
and all boards that know the pupil. Neither the name of a board nor the code of a school stands in a plan:
both come, keyed, from a small frame of the driver's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements.school_boards import SchoolBoards
from cohort.keys.project_keys import ProjectKey
from cohort.states import local_frames
from cohort.states.schemas import OTHER_SCHOOLS_CONTROL, SCHOOL_CONTROL

BOARD, BOARDS = "_board", "_boards"
"""The present board of a pupil's home school; every board that knows the pupil, that one among them."""
BOARD_LABEL = "bestuur|"
_LISTED, _OF_SCHOOL, _AT = "_listed_school", "_boards_of_school", "_at_school"


def make_board_frame(spark: SparkSession, key: ProjectKey, boards: Mapping[str, SchoolBoards]) -> DataFrame:
    """The boards of every school that has one, as a small frame of keyed hashes (32 bytes each).

    Takes: the project's key; the boards by BRIN. A school that is not among them is a board of its own.
    """
    brins = sorted(boards)
    names = sorted({name for brin in brins for name in boards[brin].ever})
    digest = dict(zip(names, key.digest_texts(BOARD_LABEL + name for name in names), strict=True))
    schools = key.digest_texts(f"brin|{brin}" for brin in brins)
    rows = [
        (school, digest[boards[brin].present], sorted(digest[name] for name in boards[brin].ever))
        for brin, school in zip(brins, schools, strict=True)
    ]
    state = f"{_LISTED} binary not null, {BOARD} binary not null, {_OF_SCHOOL} array<binary> not null"
    return local_frames.make_local_frame(spark, state, rows)


def add_boards(pupils: DataFrame, listed: DataFrame) -> DataFrame:
    """The same pupils with BOARD and BOARDS.

    Takes: rows with SCHOOL and OTHERS (keyed schools), each row another pupil; the frame that `keyed` makes.
    Gives: every board once, a pupil's several schools taken together. Only pupils of several schools are
    shuffled.

        school  others  |  board of A: 1, of B: 2, earlier 1, of C: none  |  _board  _boards
        A       –                                                            1       1
        A       B                                                            1       1, 2
        C       A                                                            C       C, 1
    """
    several = F.coalesce(F.size(OTHER_SCHOOLS_CONTROL) > 0, F.lit(False))
    at_one = _at(pupils.where(~several), F.col(SCHOOL_CONTROL), listed)
    exploded = pupils.where(several).withColumn(
        _AT, F.explode(F.concat(F.array(SCHOOL_CONTROL), F.col(OTHER_SCHOOLS_CONTROL)))
    )
    at_several = (
        _at(exploded, F.col(_AT), listed)
        .groupBy(*pupils.columns)
        .agg(
            F.max(F.when(F.col(_AT) == F.col(SCHOOL_CONTROL), F.col(BOARD))).alias(BOARD),
            F.array_distinct(F.flatten(F.collect_list(BOARDS))).alias(BOARDS),
        )
    )
    return at_one.unionByName(at_several)


def list_other_boards() -> Column:
    """The boards that know a pupil besides the present one of the home school; null for none."""
    rest = F.array_except(F.col(BOARDS), F.array(BOARD))
    return F.when(F.size(rest) > 0, rest)


def _at(rows: DataFrame, school: Column, listed: DataFrame) -> DataFrame:
    """Every row with the present board and all boards of one of its schools."""
    known = rows.join(F.broadcast(listed), school == F.col(_LISTED), "left")
    of_school = F.coalesce(F.col(_OF_SCHOOL), F.array(school))
    board = F.coalesce(F.col(BOARD), school)
    return known.select(*rows.columns, board.alias(BOARD), of_school.alias(BOARDS))
