"""The school boards that know each pupil, as keyed hashes; every limit on schools counts boards.

In: pupils with their school pseudonyms. Out: the same pupils with the present board of the home school and all boards
that know the pupil. Neither the name of a board nor the code of a school is in a Spark plan: both come as keyed hashes
from a small frame that the driver makes.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import SchoolBoards
from cohort.data_states import OTHER_SCHOOLS_CONTROL, SCHOOL_CONTROL, make_local_frame
from cohort.keys import ProjectKey

BOARD, BOARDS = "_board", "_boards"
"""The present board of a pupil's home school; every board that knows the pupil, the present one included."""
BOARD_LABEL = "bestuur|"
_LISTED_SCHOOL, _BOARDS_OF_SCHOOL, _AT_SCHOOL = "_listed_school", "_boards_of_school", "_at_school"


def make_board_frame(spark: SparkSession, key: ProjectKey, boards: Mapping[str, SchoolBoards]) -> DataFrame:
    """Make the frame with the boards of every school that has one, as keyed hashes of 32 bytes.

    Args:
        spark: the session.
        key: the key of the project.
        boards: the boards by BRIN; a school without an entry counts as its own board.
    """
    brins = sorted(boards)
    names = sorted({name for brin in brins for name in boards[brin].ever})
    digest = dict(zip(names, key.digest_texts(BOARD_LABEL + name for name in names), strict=True))
    schools = key.digest_texts(f"brin|{brin}" for brin in brins)
    rows = [
        (school, digest[boards[brin].present], sorted(digest[name] for name in boards[brin].ever))
        for brin, school in zip(brins, schools, strict=True)
    ]
    schema = f"{_LISTED_SCHOOL} binary not null, {BOARD} binary not null, {_BOARDS_OF_SCHOOL} array<binary> not null"
    return make_local_frame(spark, schema, rows)


def add_boards(pupils: DataFrame, listed: DataFrame) -> DataFrame:
    """Add BOARD and BOARDS to each pupil; only pupils of several schools are shuffled.

    Args:
        pupils: a row per pupil with the pseudonyms of its school and its other schools.
        listed: the frame of `make_board_frame`.

    Returns:
        The same rows; BOARDS has every board of all schools of the pupil once.

        school  others  |  board of A: 1, of B: 2, earlier 1, of C: none  |  _board  _boards
        A       –                                                            1       1
        A       B                                                            1       1, 2
        C       A                                                            C       C, 1
    """
    several = F.coalesce(F.size(OTHER_SCHOOLS_CONTROL) > 0, F.lit(False))
    at_one = _add_boards_of(pupils.where(~several), F.col(SCHOOL_CONTROL), listed)
    exploded = pupils.where(several).withColumn(
        _AT_SCHOOL, F.explode(F.concat(F.array(SCHOOL_CONTROL), F.col(OTHER_SCHOOLS_CONTROL)))
    )
    at_several = (
        _add_boards_of(exploded, F.col(_AT_SCHOOL), listed)
        .groupBy(*pupils.columns)
        .agg(
            F.max(F.when(F.col(_AT_SCHOOL) == F.col(SCHOOL_CONTROL), F.col(BOARD))).alias(BOARD),
            F.array_distinct(F.flatten(F.collect_list(BOARDS))).alias(BOARDS),
        )
    )
    return at_one.unionByName(at_several)


def list_other_boards() -> Column:
    """List the boards that know a pupil besides the present one of the home school; null for none."""
    others = F.array_except(F.col(BOARDS), F.array(BOARD))
    return F.when(F.size(others) > 0, others)


def _add_boards_of(rows: DataFrame, school: Column, listed: DataFrame) -> DataFrame:
    """Add the present board and all boards of one school to each row."""
    joined = rows.join(F.broadcast(listed), school == F.col(_LISTED_SCHOOL), "left")
    school_boards = F.coalesce(F.col(_BOARDS_OF_SCHOOL), F.array(school))
    board = F.coalesce(F.col(BOARD), school)
    return joined.select(*rows.columns, board.alias(BOARD), school_boards.alias(BOARDS))
