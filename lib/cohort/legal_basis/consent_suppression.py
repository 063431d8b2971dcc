"""Stage Instructed → Consented: special-category values are suppressed for every pupil without consent.

In: rows of results with `pgn`, `domein`, `bijzonder` and the scores. Out: the same rows and columns, with empty
scores where there is no consent. Called by the release pipeline and by ingestion. No row is dropped: no consent,
a consent that ended and no result at all must give the same value, `onbekend`.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.data_states import RESULTS_SCHEMA, SCORE_COLUMNS, ConsentedResults, InstructedResults, require_columns
from cohort.legal_basis.consent_register import CONSENTED_COLUMN, NO_CONSENTED_PUPILS, ConsentedPupils


def suppress_unconsented_values(
    rows: InstructedResults, consented: ConsentedPupils, project: Project
) -> ConsentedResults:
    """Suppress the special-category values of a project's rows for pupils who do not consent to the domain.

    Args:
        rows: the selected rows of a project, numbers in normal form.
        consented: the pupils who consent, for this project.
        project: the project, which names its special-category results.

    Returns:
        The same rows and columns.
    """
    require_columns(rows, RESULTS_SCHEMA)
    if not project.special_results:
        return ConsentedResults(rows)
    named_special = reduce(or_, (F.col("domein") == result.domein for result in project.special_results))
    return ConsentedResults(_suppress_scores(rows, consented, F.col("bijzonder") | named_special))


def suppress_values_at_intake(rows: DataFrame, consented: ConsentedPupils) -> DataFrame:
    """Suppress the scores of special-category rows that no live project has consent for.

    Args:
        rows: validated rows with `pgn`, `domein`, `bijzonder` and the scores.
        consented: the pupils who consent to some live project.

    Returns:
        The same rows and columns.
    """
    return _suppress_scores(rows, consented, F.coalesce("bijzonder", F.lit(False)))


def suppress_special_values(rows: DataFrame, raw_column: str) -> DataFrame:
    """Suppress the scores of every row of a special-category test, and of every unknown test.

    Nothing is lost: a school delivers what it corrects again.

    Args:
        rows: rows that are to be quarantined.
        raw_column: the struct column with the row as delivered (it may be null).

    Returns:
        The same rows and columns.
    """
    special = F.coalesce("bijzonder", F.lit(True))
    raw = F.col(raw_column)
    for name in SCORE_COLUMNS:
        raw = raw.withField(name, F.lit(None).cast("string"))
    suppressed_raw = F.when(special, raw).otherwise(F.col(raw_column))
    return _suppress_scores(rows, NO_CONSENTED_PUPILS, special).withColumn(raw_column, suppressed_raw)


def _suppress_scores(rows: DataFrame, consented: ConsentedPupils, special: Column) -> DataFrame:
    without_consent = special
    joined = rows
    if consented.pairs:
        joined = rows.join(consented.to_frame(rows.sparkSession), ["pgn", "domein"], "left")
        without_consent = special & F.col(CONSENTED_COLUMN).isNull()
    suppressed = joined.withColumns({name: F.when(~without_consent, F.col(name)) for name in SCORE_COLUMNS})
    return suppressed.select(*rows.columns) if consented.pairs else suppressed
