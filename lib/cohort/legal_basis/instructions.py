"""Accepted → Instructed: the rows of schools that gave no instruction are left out."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.legal_basis.instruction_lists import Schools
from cohort.states import local_frames
from cohort.states.schemas import ACCEPTED, Accepted, Instructed, require

INSTRUCTED = "_instructed"


def mark(rows: DataFrame, schools: Schools) -> DataFrame:
    """The rows with `_instructed`: whether their school, or their site of it, gave an instruction."""
    state = "brin string not null, _whole boolean not null, _sites array<string> not null"
    told = [(brin, whole, sorted(sites)) for brin, (whole, sites) in schools.of.items()]
    given = F.broadcast(local_frames.local(rows.sparkSession, state, told))
    covered = F.col("_whole") != F.array_contains("_sites", F.col("vestiging"))
    marked = rows.join(given, "brin", "left").withColumn(INSTRUCTED, F.coalesce(covered, F.lit(False)))
    return marked.select(*rows.columns, INSTRUCTED)


def keep_instructed(selected: Accepted, schools: Schools) -> Instructed:
    """Leave out the rows of schools and sites without an instruction.

    brin  vestiging          schools.of                    kept
    10AA  00                 10AA: all but 02              yes
    10AA  02                                               no
    10AB  01                 (none)                        no
    """
    require(selected, ACCEPTED)
    return Instructed(mark(selected, schools).where(INSTRUCTED).select(*selected.columns))
