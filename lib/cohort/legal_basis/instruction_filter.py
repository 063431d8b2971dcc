"""Accepted → Instructed: the rows of schools that gave no instruction are left out."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.legal_basis.instruction_register import InstructedSchools
from cohort.states import local_frames
from cohort.states.schemas import RESULTS_SCHEMA, AcceptedResults, InstructedResults, require_columns

INSTRUCTED_COLUMN = "_instructed"


def mark_instructed_rows(rows: DataFrame, schools: InstructedSchools) -> DataFrame:
    """The rows with `_instructed`: whether their school, or their site of it, gave an instruction."""
    state = "brin string not null, _whole boolean not null, _sites array<string> not null"
    told = [(brin, whole, sorted(sites)) for brin, (whole, sites) in schools.coverage.items()]
    given = F.broadcast(local_frames.make_local_frame(rows.sparkSession, state, told))
    covered = F.col("_whole") != F.array_contains("_sites", F.col("vestiging"))
    marked = rows.join(given, "brin", "left").withColumn(INSTRUCTED_COLUMN, F.coalesce(covered, F.lit(False)))
    return marked.select(*rows.columns, INSTRUCTED_COLUMN)


def keep_instructed_rows(selected: AcceptedResults, schools: InstructedSchools) -> InstructedResults:
    """Leave out the rows of schools and sites without an instruction.

    brin  vestiging          schools.of                    kept
    10AA  00                 10AA: all but 02              yes
    10AA  02                                               no
    10AB  01                 (none)                        no
    """
    require_columns(selected, RESULTS_SCHEMA)
    return InstructedResults(mark_instructed_rows(selected, schools).where(INSTRUCTED_COLUMN).select(*selected.columns))
