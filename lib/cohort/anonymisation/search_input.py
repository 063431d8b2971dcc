"""The input of the search for classes: per pupil its code and hashes, never a pseudonym or a value as text.

In: pseudonymised pupil records. Out: the encoded pupils, their counts, and the rows that a search may have. A sensitive
value is kept beside the code, and is no part of what the search gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add, or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.anonymisation import pupil_boards
from cohort.anonymisation.pupil_boards import BOARD
from cohort.data_states import (
    EXACT_SCORES,
    IDENTIFYING_COLUMNS,
    OBJECTED,
    OTHER_SCHOOLS_CONTROL,
    PUPIL_CONTROL,
    ROW_COUNT,
    SCHOOL_CONTROL,
    SELECTED_ROW_COUNT,
    SHOWN_ROW_COUNT,
    UNLISTED_LEAF,
    PseudonymisedRecords,
    break_codegen,
    forbid_columns,
)
from cohort.foundation import NotAnonymous, describe_problem
from cohort.sdc import KEY_COLUMN, OTHER_SCHOOLS_COLUMN, SCHOOL_COLUMN, Coding, word_column

SENSITIVE_LEAF = "_value"
"""The leaf number of a pupil's sensitive value; it never goes to a search."""
HOME_SCHOOL_HASH, OTHER_SCHOOL_HASHES = "_home", "_elsewhere"
"""The hashes of a pupil's home school and of its other schools, beside those of its boards."""


@dataclass(frozen=True)
class PupilCounts:
    """Counts of the pupils of a release before suppression, and of those who may not be in it.

    A pupil without a selected row of an instructed school counts as without instruction, objection or not.

    Args:
        pupils: pupils who may be used.
        set_aside: of these, pupils who are not eligible, because their results are of two schools.
        rows: rows, with an instruction, of the pupils who may be used.
        rows_used: rows that are shown of the eligible pupils.
        without_instruction: pupils without a row of an instructed school.
        objected: pupils with an objection.
        rows_without_instruction: rows of schools without an instruction, of whichever pupil.
        rows_objected: rows, with an instruction, of pupils with an objection.
    """

    pupils: int
    set_aside: int
    rows: int
    rows_used: int
    without_instruction: int = 0
    objected: int = 0
    rows_without_instruction: int = 0
    rows_objected: int = 0

    @property
    def searched(self) -> int:
        """The eligible pupils: those who may get a class."""
        return self.pupils - self.set_aside


def encode_pupils(pupils: PseudonymisedRecords, project: Project, coding: Coding) -> DataFrame:
    """Encode the quasi-identifiers of each pupil in the words of one code.

    Args:
        pupils: the pseudonymised records.
        project: the declaration of the project.
        coding: the coding of its quasi-identifiers.

    Returns:
        A row per pupil: control columns, counts of rows, the words of the code, SENSITIVE_LEAF where a column is
        sensitive, and EXACT_SCORES, which no search gets. A word or leaf is null where a value is
        not in its hierarchy. Of a pupil who may not be used everything but the counts is null.
    """
    forbid_columns(pupils, IDENTIFYING_COLUMNS)
    leaves = [F.col(column.name) for column in project.columns if column.role == "sensitive"]
    sensitive_leaves = [F.when(leaf != UNLISTED_LEAF, leaf).alias(SENSITIVE_LEAF) for leaf in leaves]
    return break_codegen(pupils).select(
        PUPIL_CONTROL,
        SCHOOL_CONTROL,
        OTHER_SCHOOLS_CONTROL,
        SELECTED_ROW_COUNT,
        ROW_COUNT,
        SHOWN_ROW_COUNT,
        OBJECTED,
        *_code_words(project, coding),
        *sensitive_leaves,
        EXACT_SCORES,
    )


def count_pupils(encoded: DataFrame, pupils: PseudonymisedRecords, project: Project) -> PupilCounts:
    """Count the pupils and their rows in one Spark action, which also fills the cache of the encoded pupils.

    Args:
        encoded: the encoded pupils, to be cached.
        pupils: the records that they were encoded from.
        project: the declaration of the project.

    Raises:
        NotAnonymous: values that are not in a hierarchy; it names the columns and how many pupils have one (exit code
            14).
    """
    may_be_used, is_set_aside = _may_be_used(), _is_set_aside(project)
    has_instruction = F.col(ROW_COUNT) > 0
    unlisted = reduce(or_, (F.col(name).isNull() for name in encoded.columns if _is_encoded(name)))
    totals = encoded.agg(
        F.count_if(may_be_used).alias("pupils"),
        F.count_if(may_be_used & is_set_aside).alias("set_aside"),
        F.sum(F.when(may_be_used, F.col(ROW_COUNT))).alias("rows"),
        F.sum(F.when(may_be_used & ~is_set_aside, F.col(SHOWN_ROW_COUNT))).alias("rows_used"),
        F.count_if(~has_instruction).alias("without_instruction"),
        F.count_if(has_instruction & F.col(OBJECTED)).alias("objected"),
        F.sum(F.col(SELECTED_ROW_COUNT) - F.col(ROW_COUNT)).alias("rows_without_instruction"),
        F.sum(F.when(F.col(OBJECTED), F.col(ROW_COUNT))).alias("rows_objected"),
        F.count_if(may_be_used & unlisted).alias("unlisted"),
    ).first()
    if totals is None:
        raise RuntimeError("an aggregate without a row")
    numbers = {name: int(number or 0) for name, number in totals.asDict().items()}
    if numbers.pop("unlisted"):
        raise NotAnonymous(*_describe_unlisted_values(pupils, project))
    return PupilCounts(**numbers)


def select_usable_pupils(encoded: DataFrame) -> DataFrame:
    """Select the pupils who may be used: those without an objection, with a row of an instructed school."""
    return encoded.where(_may_be_used())


def select_eligible_pupils(encoded: DataFrame, project: Project) -> DataFrame:
    """Select the pupils who may get a class: all, or those of whom every shown result is of one school."""
    return encoded.where(~_is_set_aside(project))


def make_search_input(encoded: DataFrame, project: Project) -> DataFrame:
    """Make the rows that a search gets: per eligible pupil its code and hashes, by the column names of the search.

    The sensitive value is no part of them. The board of a school takes the place of the school: a board knows the
    pupils of all its schools, so a limit that holds for boards holds for schools.

    Args:
        encoded: the encoded pupils with their boards.
        project: the declaration of the project.
    """
    return select_eligible_pupils(encoded, project).select(*_search_columns(encoded))


def make_valued_search_input(encoded: DataFrame, project: Project) -> DataFrame:
    """Make the rows of `make_search_input` with SENSITIVE_LEAF beside them, where a column is sensitive.

    The caller keeps the leaf apart from what it gives to a search.
    """
    values = [name for name in encoded.columns if name == SENSITIVE_LEAF]
    return select_eligible_pupils(encoded, project).select(*_search_columns(encoded), *values)


def make_measured_input(encoded: DataFrame, project: Project) -> DataFrame:
    """Make the rows of `make_valued_search_input` with the hashes of the pupil's schools beside them."""
    values = [name for name in encoded.columns if name == SENSITIVE_LEAF]
    elsewhere = F.transform(OTHER_SCHOOLS_CONTROL, lambda school: F.xxhash64(school))
    return select_eligible_pupils(encoded, project).select(
        *_search_columns(encoded),
        *values,
        F.xxhash64(SCHOOL_CONTROL).alias(HOME_SCHOOL_HASH),
        elsewhere.alias(OTHER_SCHOOL_HASHES),
    )


def hash_pupil() -> Column:
    """Hash the pseudonym of a pupil; together with the code it joins a pupil with the class that the search found."""
    return F.xxhash64(PUPIL_CONTROL)


def _search_columns(encoded: DataFrame) -> list[Column]:
    words = [F.col(name) for name in encoded.columns if name.startswith(word_column(""))]
    return [
        hash_pupil().alias(KEY_COLUMN),
        *words,
        F.xxhash64(BOARD).alias(SCHOOL_COLUMN),
        F.transform(pupil_boards.list_other_boards(), lambda board: F.xxhash64(board)).alias(OTHER_SCHOOLS_COLUMN),
    ]


def _is_encoded(name: str) -> bool:
    return name == SENSITIVE_LEAF or name.startswith(word_column(""))


def _may_be_used() -> Column:
    return F.col(PUPIL_CONTROL).isNotNull()


def _is_set_aside(project: Project) -> Column:
    return F.col(OTHER_SCHOOLS_CONTROL).isNotNull() if project.two_schools == "set-aside" else F.lit(False)


def _code_words(project: Project, coding: Coding) -> list[Column]:
    """The words of the code of a pupil, from its leaf numbers."""
    parts: dict[int, list[Column]] = {word: [] for word in range(coding.words)}
    for number, name in enumerate(column.name for column in project.quasi_identifiers):
        paths = F.array(*(F.lit(int(code)) for code in coding.column_codes(number)))
        code = F.get(paths, F.col(name)).cast("bigint")  # null for UNLISTED_LEAF, which is no place in an array
        parts[coding.column_words[number]].append(code)
    return [reduce(add, columns).alias(word_column(word)) for word, columns in parts.items()]


def _describe_unlisted_values(pupils: DataFrame, project: Project) -> list[str]:
    unlisted = [F.sum((F.col(name) == UNLISTED_LEAF).cast("int")).alias(name) for name in project.column_names]
    totals = pupils.select(*unlisted).first()
    pupils_by_column = {} if totals is None else {name: number for name, number in totals.asDict().items() if number}
    return [
        describe_problem(
            "only values of the hierarchy",
            example="a leaf for every value that occurs",
            found=f"others in {number} records",
            where=f"column {name}",
            do="Add the missing leaves to its hierarchy file",
        )
        for name, number in pupils_by_column.items()
    ]
