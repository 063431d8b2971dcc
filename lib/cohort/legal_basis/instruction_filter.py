"""Stage Accepted → Instructed: every row marked with whether its school, or its site, gave an instruction.

In: the results a project selects, and the instructed schools. Out: the same rows. Rows without an instruction are
counted, and no value of them is used (`pupil_records`). Called by the release pipeline.
"""

from __future__ import annotations

from pyspark.sql import functions as F

from cohort.data_states import (
    INSTRUCTED_SCHOOL,
    RESULTS_SCHEMA,
    AcceptedResults,
    InstructedResults,
    make_local_frame,
    require_columns,
)
from cohort.foundation import brin_to_number
from cohort.legal_basis.instruction_register import InstructedSchools


def mark_instructed_rows(selected: AcceptedResults, schools: InstructedSchools) -> InstructedResults:
    """Add INSTRUCTED_SCHOOL: the number of the school of a row, if it, or its site of it, gave an instruction.

    brin  vestiging          schools.coverage              instructed school
    10AA  00                 10AA: all but 02              6760
    10AA  02                                               null
    10AB  01                 (none)                        null

    Returns:
        The same rows and columns, and INSTRUCTED_SCHOOL (`brin_to_number`).
    """
    require_columns(selected, RESULTS_SCHEMA)
    schema = "brin string not null, _number int not null, _whole boolean not null, _sites array<string> not null"
    coverage = [(brin, brin_to_number(brin), whole, sorted(sites)) for brin, (whole, sites) in schools.coverage.items()]
    by_school = F.broadcast(make_local_frame(selected.sparkSession, schema, coverage))
    covered = F.col("_whole") != F.array_contains("_sites", F.col("vestiging"))
    marked = selected.join(by_school, "brin", "left").withColumn(INSTRUCTED_SCHOOL, F.when(covered, F.col("_number")))
    return InstructedResults(marked.select(*selected.columns, INSTRUCTED_SCHOOL))
