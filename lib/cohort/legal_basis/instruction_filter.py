"""Stage Accepted → Instructed: rows of schools and sites without an instruction are left out.

In: the results a project selects, and the instructed schools. Out: the rows of those schools, columns unchanged.
Called by the release pipeline and its accounting.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.data_states import RESULTS_SCHEMA, AcceptedResults, InstructedResults, make_local_frame, require_columns
from cohort.legal_basis.instruction_register import InstructedSchools

INSTRUCTED_COLUMN = "_instructed"


def mark_instructed_rows(rows: DataFrame, schools: InstructedSchools) -> DataFrame:
    """Add the column `_instructed`: whether the school of a row, or its site of it, gave an instruction."""
    schema = "brin string not null, _whole boolean not null, _sites array<string> not null"
    coverage = [(brin, whole, sorted(sites)) for brin, (whole, sites) in schools.coverage.items()]
    by_school = F.broadcast(make_local_frame(rows.sparkSession, schema, coverage))
    covered = F.col("_whole") != F.array_contains("_sites", F.col("vestiging"))
    marked = rows.join(by_school, "brin", "left").withColumn(INSTRUCTED_COLUMN, F.coalesce(covered, F.lit(False)))
    return marked.select(*rows.columns, INSTRUCTED_COLUMN)


def keep_instructed_rows(selected: AcceptedResults, schools: InstructedSchools) -> InstructedResults:
    """Keep the rows of schools and sites with an instruction.

    brin  vestiging          schools.coverage              kept
    10AA  00                 10AA: all but 02              yes
    10AA  02                                               no
    10AB  01                 (none)                        no
    """
    require_columns(selected, RESULTS_SCHEMA)
    return InstructedResults(mark_instructed_rows(selected, schools).where(INSTRUCTED_COLUMN).select(*selected.columns))
