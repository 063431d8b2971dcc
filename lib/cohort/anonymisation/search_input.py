"""What goes out to the search: per pupil its code and hashes, never a pseudonym or a value as text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add, or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.agreements.project import Project
from cohort.anonymisation import pupil_boards
from cohort.anonymisation.pupil_boards import BOARD
from cohort.foundation.errors import NotAnonymous, describe_problem
from cohort.sdc.model.coding import Coding
from cohort.sdc.partitioned import partitions
from cohort.states.schemas import (
    IDENTIFYING_COLUMNS,
    OTHER_SCHOOLS_CONTROL,
    PUPIL_CONTROL,
    ROW_COUNT,
    SCHOOL_CONTROL,
    SHOWN_ROW_COUNT,
    UNLISTED_LEAF,
    PseudonymisedRecords,
    forbid_columns,
)

SENSITIVE_LEAF = "_value"
"""The leaf number of a pupil's sensitive value; never handed to a search."""


@dataclass(frozen=True)
class PupilCounts:
    """Pupils with a record, those set aside, their rows, and the rows that are shown."""

    pupils: int
    set_aside: int
    rows: int
    rows_used: int

    @property
    def searched(self) -> int:
        """The pupils that a class is looked for."""
        return self.pupils - self.set_aside


def encode_pupils(pupils: PseudonymisedRecords, project: Project, coding: Coding) -> DataFrame:
    """The pupils with the words of their code and the leaf of their sensitive value.

    Takes: the coding of the quasi-identifying columns.
    Gives: a word, or the leaf, is null where a value is not in its hierarchy.
    """
    forbid_columns(pupils, IDENTIFYING_COLUMNS)
    leaf = [F.col(column.name) for column in project.columns if column.role == "sensitive"]
    values = [F.when(number != UNLISTED_LEAF, number).alias(SENSITIVE_LEAF) for number in leaf]
    return pupils.select(
        PUPIL_CONTROL,
        SCHOOL_CONTROL,
        OTHER_SCHOOLS_CONTROL,
        ROW_COUNT,
        SHOWN_ROW_COUNT,
        *_codes(project, coding),
        *values,
    )


def count_pupils(coded: DataFrame, pupils: PseudonymisedRecords, project: Project) -> PupilCounts:
    """Count the pupils and their rows: an action, the one that makes the coded pupils.

    Takes: the coded pupils, kept; the pupils they were coded from.
    Refuses: values that a hierarchy does not have: which columns and how many pupils (exit code 14).
    """
    aside = _set_aside(project)
    unlisted = reduce(or_, (F.col(name).isNull() for name in coded.columns if _is_code(name)))
    found = coded.agg(
        F.count(F.lit(1)),
        F.count_if(aside),
        F.sum(ROW_COUNT),
        F.sum(F.when(~aside, F.col(SHOWN_ROW_COUNT))),
        F.count_if(unlisted),
    ).first()
    numbers = [int(number or 0) for number in found or (0,) * 5]
    if numbers[4]:
        raise NotAnonymous(*_not_listed(pupils, project))
    return PupilCounts(*numbers[:4])


def select_eligible_pupils(coded: DataFrame, project: Project) -> DataFrame:
    """The pupils not set aside."""
    return coded.where(~_set_aside(project))


def make_search_input(coded: DataFrame, project: Project) -> DataFrame:
    """What the search gets of each pupil not set aside: hashes and its code, by the search's names.

    A sensitive value is not among them, nor is whether there is one: the two populations are searched apart.
    A board stands for its schools: it knows the pupils of each, so what holds for boards holds for schools.

    Takes: the coded pupils with their boards.
    """
    words = [name for name in coded.columns if name.startswith(partitions.word_column(""))]
    return select_eligible_pupils(coded, project).select(
        hash_pupil().alias(partitions.KEY_COLUMN),
        *words,
        F.xxhash64(BOARD).alias(partitions.SCHOOL_COLUMN),
        F.transform(pupil_boards.list_other_boards(), lambda other: F.xxhash64(other)).alias(
            partitions.OTHER_SCHOOLS_COLUMN
        ),
    )


def hash_pupil() -> Column:
    """What tells a pupil apart on its way back: a hash of its pseudonym, looked at together with its code."""
    return F.xxhash64(PUPIL_CONTROL)


def _is_code(name: str) -> bool:
    return name == SENSITIVE_LEAF or name.startswith(partitions.word_column(""))


def _set_aside(project: Project) -> Column:
    return F.col(OTHER_SCHOOLS_CONTROL).isNotNull() if project.two_schools == "set-aside" else F.lit(False)


def _codes(project: Project, coding: Coding) -> list[Column]:
    """The words of a record's code, from the numbers of its leaves."""
    found: dict[int, list[Column]] = {word: [] for word in range(coding.words)}
    for place, name in enumerate(c.name for c in project.quasi_identifiers):
        paths = F.array(*(F.lit(int(code)) for code in coding.column_codes(place)))
        code = F.when(F.col(name) != UNLISTED_LEAF, F.get(paths, F.col(name))).cast("bigint")
        found[coding.column_words[place]].append(code)
    return [reduce(add, columns).alias(partitions.word_column(word)) for word, columns in found.items()]


def _not_listed(pupils: DataFrame, project: Project) -> list[str]:
    counted = pupils.select(
        *(F.sum((F.col(n) == UNLISTED_LEAF).cast("int")).alias(n) for n in project.column_names)
    ).first()
    found = {} if counted is None else {name: n for name, n in counted.asDict().items() if n}
    return [
        describe_problem(
            "only values of the hierarchy",
            example="a leaf for every value that occurs",
            found=f"others in {n} records",
            where=f"column {name}",
            do="Add the missing leaves to its hierarchy file",
        )
        for name, n in found.items()
    ]
