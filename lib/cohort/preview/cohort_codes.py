"""The codes of all pupils in the finest values of a preview: one pass over the results, collected once.

In: the accepted results and what a release is made from. Out: per pupil the leaf of every column, its key, its boards;
and apart from them the leaf of its sensitive value, which no search gets. Runs two Spark actions: the one that counts
the pupils and fills the cache, and the one that collects it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cohort.agreements import DeclaredColumn
from cohort.anonymisation import (
    SENSITIVE_LEAF,
    PupilCounts,
    add_boards,
    make_board_frame,
    make_valued_search_input,
    select_usable_pupils,
)
from cohort.data_states import AcceptedResults
from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.release import PipelineInput, encode_cohort
from cohort.sdc import (
    KEY_COLUMN,
    OTHER_SCHOOLS_COLUMN,
    SCHOOL_COLUMN,
    Coding,
    Hierarchy,
    Int32Array,
    IntArray,
    word_columns,
)


@dataclass(frozen=True, eq=False)
class CohortCodes:
    """The pupils who may get a class.

    Args:
        columns: the quasi-identifiers of the finest declaration.
        hierarchies: their hierarchies.
        leaves: the leaf of each pupil, `[column, pupil]`.
        contributors: per pupil its key, its board and its further boards, by the column names of a search.
        sensitive_leaf: per pupil the leaf of its sensitive value; None without a sensitive column.
        counts: the pupils and rows that were counted.
    """

    columns: tuple[DeclaredColumn, ...]
    hierarchies: Mapping[str, Hierarchy]
    leaves: Int32Array
    contributors: pa.Table
    sensitive_leaf: IntArray | None
    counts: PupilCounts

    @property
    def pupils(self) -> int:
        """The number of pupils."""
        return int(self.leaves.shape[1])


def collect_cohort_codes(results: AcceptedResults, finest: PipelineInput) -> CohortCodes:
    """Make the records of the pupils once, and collect their codes.

    Args:
        results: the accepted results of all batches that count.
        finest: what a release with the finest declaration would be made from.

    Raises:
        NotAnonymous: values that are not in a hierarchy (exit code 14).
        ConfigurationRefused: more pupils than one search may have (10).
    """
    project = finest.project
    columns = tuple(project.quasi_identifiers)
    coding = Coding(tuple(finest.hierarchies[column.name] for column in columns))
    encoded, counts = encode_cohort(results, finest)
    try:
        _require_one_search(counts.searched, finest.most_pupils_at_once)
        boards = make_board_frame(encoded.sparkSession, finest.key, finest.boards)
        table: Any = make_valued_search_input(add_boards(select_usable_pupils(encoded), boards), project).toArrow()
        table = table.sort_by(KEY_COLUMN)  # as a release has it: of pupils who are alike their hash decides
    finally:
        encoded.unpersist()
    codes = np.stack([table[name].to_numpy() for name in word_columns(coding)])
    sensitive = table[SENSITIVE_LEAF].to_numpy().astype(np.int64) if SENSITIVE_LEAF in table.column_names else None
    return CohortCodes(
        columns=columns,
        hierarchies=finest.hierarchies,
        leaves=coding.decode(codes),
        contributors=table.select([KEY_COLUMN, SCHOOL_COLUMN, OTHER_SCHOOLS_COLUMN]),
        sensitive_leaf=sensitive,
        counts=counts,
    )


def _require_one_search(pupils: int, most: int) -> None:
    if pupils > most:
        raise ConfigurationRefused(
            describe_problem(
                f"a preview of at most {most} pupils",
                example="a population of fewer school years",
                found="more",
                where="[search] most_pupils_at_once of platform.toml",
                do="Preview a smaller population, or raise the budget of the driver",
            )
        )
